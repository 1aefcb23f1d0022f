/** What memory pressure can get out of the operators of a stage, for choosing a victim. */
import type { PhysicalPlan, StageOperator, StageSpec } from './physical.ts';

/** `flush`: what it holds can go downstream early, and nobody sees it. `spill`: it can go to disk. */
export type Gives = 'flush' | 'spill';

/** Undefined where nothing can be given: the operator holds nothing, or its emissions can be seen. */
export function givesUnderPressure({ spec, half, emissionsVisible, shareBytes }: StageOperator): Gives | undefined {
  const isBuffer = spec.kind === 'memoryBuffer' || spec.kind === 'op' || spec.kind === 'aggStream';
  if (isBuffer && half !== 'partial' && !emissionsVisible) return 'flush';
  return shareBytes === undefined ? undefined : 'spill';
}

/** How many edges a stage's rows have before them until the nearest sink, less one: 0 for a stage that feeds a sink. */
export function distanceToSink(
  stage: Pick<StageSpec, 'outputs'>,
  { stages, edges }: Pick<PhysicalPlan, 'stages' | 'edges'>,
): number {
  const distances = stage.outputs.map(({ edge }): number => {
    const consumer = edges.find(({ id }) => id === edge)?.consumer;
    const next = consumer?.kind === 'stage' ? stages.find(({ id }) => id === consumer.stage) : undefined;
    return next === undefined ? 0 : 1 + distanceToSink(next, { stages, edges });
  });
  return Math.min(...distances);
}
