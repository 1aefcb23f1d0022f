/** What of a plan does not go on from a barrier when a worker dies, as far as that can be said before anything runs. */
import { type AggregateDefinition, resolveAggregate } from '../operators/aggregate-definition.ts';
import { resolveFold } from '../operators/fold-definition.ts';
import { resolveOp } from '../operators/op-definition.ts';
import { whatIsNotPlain } from '../operators/plain-state.ts';
import type { OperatorSpec } from './logical.ts';
import type { PhysicalPlan } from './physical.ts';

/** A step whose state cannot be saved, or may not be. */
export interface RecoveryGap {
  node: string;
  /** `start`: the run begins again at its start; `fails`: the death of a worker fails the run. */
  outcome: 'start' | 'fails';
  /** As the rest of a sentence. */
  reason: string;
}

const SHARED: Omit<RecoveryGap, 'node'> = {
  outcome: 'start',
  reason: 'is shared by several lanes, but for a run with resume or barrierEvery',
};

/** @throws ERR_OP_IMPORT; what `init` of a fold or of an aggregate throws */
export async function recoveryGaps({ stages }: PhysicalPlan): Promise<RecoveryGap[]> {
  const gaps: RecoveryGap[] = [];
  for (const { operators, side } of stages)
    for (const [index, { name, spec, half }] of operators.entries()) {
      const gap = side?.operator === index ? SHARED : half === 'partial' ? undefined : await gapOf(spec);
      if (gap !== undefined) gaps.push({ node: name, ...gap });
    }
  return gaps;
}

async function gapOf(spec: OperatorSpec): Promise<Omit<RecoveryGap, 'node'> | undefined> {
  if (spec.kind === 'op') {
    const { stateless, savesState } = await resolveOp(spec.op);
    if (stateless || savesState === true) return undefined;
    return { outcome: 'fails', reason: 'is not stateless, unless it gives snapshot and restore' };
  }
  if (spec.kind === 'memoryAccumulate') {
    const { snapshot, restore, init } = await resolveFold(spec.fold);
    return snapshot !== undefined && restore !== undefined ? undefined : unlessPlain(init(spec.options));
  }
  if (spec.kind !== 'aggStream') return undefined;
  for (const { custom } of spec.aggregations.flatMap(({ columns }) => columns)) {
    if (custom === undefined) continue;
    const { init }: AggregateDefinition = await resolveAggregate(custom.ref);
    const gap = unlessPlain(init(custom.options));
    if (gap !== undefined) return gap;
  }
  return undefined;
}

function unlessPlain(state: unknown): Omit<RecoveryGap, 'node'> | undefined {
  const problem = whatIsNotPlain(state);
  return problem === undefined ? undefined : { outcome: 'start', reason: `cannot be saved: its ${problem}` };
}
