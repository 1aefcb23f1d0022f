import type { OperatorSpec } from '../logical.ts';
import type { StepTraits } from './contract.ts';
import { slidingWindowTraits } from './sliding-window.ts';
import type { StepSpec } from './specs.ts';

const TRAITS: { readonly [K in StepSpec['kind']]: StepTraits<Extract<StepSpec, { kind: K }>> } = {
  slidingWindow: slidingWindowTraits,
};

/** What planning has to know of a step. */
export function traitsOf<S extends StepSpec>(spec: S): StepTraits<S> {
  return TRAITS[spec.kind] as unknown as StepTraits<S>;
}

/** Whether a step is one of those that `traitsOf` knows. */
export function hasTraits(spec: OperatorSpec): spec is StepSpec {
  return Object.hasOwn(TRAITS, spec.kind);
}
