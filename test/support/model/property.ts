/** The model's property as tests use it: tried on many cases, and when it fails, failing again from seed and path. */
import fc from 'fast-check';
import { modelCases } from './cases.ts';
import type { Rules } from './rules.ts';
import { Deadlock, type ModelCase, type Outcome, runModel } from './run-model.ts';

type Kinds = Parameters<typeof modelCases>[0];

/** Sums over the cases that were tried, to see that they were not all trivial. */
export interface Tried {
  cases: number;
  steps: number;
  barriers: number;
  crashes: number;
  spilledRows: number;
}

/** @throws when a case fails, with its seed and path, the smallest case found, and who waits for whom */
export function tryCases(rules: Rules, cases: number, seed: number, kinds?: Kinds): Tried {
  const tried: Tried = { cases: 0, steps: 0, barriers: 0, crashes: 0, spilledRows: 0 };
  const add = (outcome: Outcome): void => {
    tried.cases += 1;
    tried.steps += outcome.steps;
    tried.barriers += outcome.barriers;
    tried.crashes += outcome.crashes;
    tried.spilledRows += outcome.spilledRows;
  };
  fc.assert(
    fc.property(modelCases(kinds), (modelCase) => add(runModel(modelCase, rules))),
    { seed, numRuns: cases },
  );
  return tried;
}

/** A deadlock, and where to have it again. */
export interface FoundDeadlock {
  seed: number;
  path: string;
  smallest: ModelCase;
  message: string;
}

/** Looks for a deadlock, in at most so many cases; from a path: in that case alone. */
export function findDeadlock(
  rules: Rules,
  options: { cases: number; seed: number; path?: string; kinds?: Kinds },
): FoundDeadlock | undefined {
  const { cases, seed, path, kinds } = options;
  const property = fc.property(modelCases(kinds), (modelCase) => void runModel(modelCase, rules));
  const details = fc.check(property, { seed, numRuns: cases, ...(path === undefined ? {} : { path }) });
  if (!details.failed) return undefined;
  const error = details.errorInstance;
  if (!(error instanceof Deadlock)) throw error;
  const [smallest] = details.counterexample as [ModelCase];
  return { seed: details.seed, path: details.counterexamplePath as string, smallest, message: error.message };
}
