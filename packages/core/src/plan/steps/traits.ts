import type { OperatorSpec } from '../logical.ts';
import { dropNullsTraits, fillNullsTraits, flattenTraits, renameTraits } from './column-steps.ts';
import { collectTraits, combineLatestTraits, mergeOrderedTraits, unionTraits, zipTraits } from './combining-steps.ts';
import type { StepTraits } from './contract.ts';
import { reorderTraits } from './reorder.ts';
import { rollingTraits } from './rolling.ts';
import {
  distinctTraits,
  partitionTraits,
  partitionUniqueTraits,
  shiftTraits,
  sliceTraits,
  tailTraits,
} from './row-steps.ts';
import { slidingWindowTraits } from './sliding-window.ts';
import type { StepSpec } from './specs.ts';
import { makeStatesTraits, mergeStatesTraits } from './states-steps.ts';
import { delayTraits, latestTraits, rateLimitTraits } from './timing-steps.ts';

const TRAITS: { readonly [K in StepSpec['kind']]: StepTraits<Extract<StepSpec, { kind: K }>> } = {
  collectUntilFlush: collectTraits,
  combineLatest: combineLatestTraits,
  delay: delayTraits,
  distinct: distinctTraits,
  dropNulls: dropNullsTraits,
  fillNulls: fillNullsTraits,
  flatten: flattenTraits,
  latest: latestTraits,
  makeStates: makeStatesTraits,
  mergeOrdered: mergeOrderedTraits,
  mergeStates: mergeStatesTraits,
  partition: partitionTraits,
  partitionUnique: partitionUniqueTraits,
  rateLimit: rateLimitTraits,
  rename: renameTraits,
  reorder: reorderTraits,
  rolling: rollingTraits,
  shift: shiftTraits,
  slice: sliceTraits,
  slidingWindow: slidingWindowTraits,
  tail: tailTraits,
  union: unionTraits,
  zip: zipTraits,
};

/** What planning has to know of a step. */
export function traitsOf<S extends StepSpec>(spec: S): StepTraits<S> {
  return TRAITS[spec.kind] as unknown as StepTraits<S>;
}

/** Whether a step is one of those that `traitsOf` knows. */
export function hasTraits(spec: OperatorSpec): spec is StepSpec {
  return Object.hasOwn(TRAITS, spec.kind);
}
