/** Advice about a run that has ended, in view of those before it. */
import type { PastRun } from '../history/past-run.ts';
import type { Advice } from './advice.ts';
import { adviceText } from './advice-text.ts';
import { adviseLimits, type RunFacts } from './limits.ts';
import { patternsOf } from './patterns.ts';

/** @param runs of the same plan, oldest first, this one at the end */
export function advise(run: RunFacts, runs: readonly PastRun[]): Advice {
  const advice = { ...adviseLimits(run), patterns: patternsOf(runs) };
  return { text: adviceText(advice), ...advice };
}
