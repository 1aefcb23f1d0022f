/** A plan as the arbiter of memory sees it: which lanes can give something back, and what lies behind them. */
import type { EdgeSpec, PhysicalPlan, StageSpec } from '@spillway/core/internal';
import { distanceToSink, givesUnderPressure } from '@spillway/core/planner';
import type { Ring } from '../channels/ring.ts';
import type { ArbitratedLane } from '../governor/arbiter.ts';
import type { RunMemory } from './run-memory.ts';

/** Lanes are numbered through all stages. */
export function numberOfLane(stages: readonly StageSpec[], stage: StageSpec, lane: number): number {
  return stages.slice(0, stages.indexOf(stage)).reduce((sum, { lanes }) => sum + lanes, lane);
}

/** The lanes that pressure can get something out of. */
export function arbitratedLanes(physical: PhysicalPlan, memory: Pick<RunMemory, 'ofLane'>): ArbitratedLane[] {
  return physical.stages.flatMap((stage) => {
    const gives = stage.operators.map(givesUnderPressure).filter((kind) => kind !== undefined);
    if (gives.length === 0) return [];
    return Array.from({ length: stage.lanes }, (_, lane) => ({
      lane: numberOfLane(physical.stages, stage, lane),
      stage: stage.name,
      consumer: memory.ofLane(stage.id, lane),
      gives: gives.includes('flush') ? ('flush' as const) : ('spill' as const),
      distance: distanceToSink(stage, physical),
    }));
  });
}

/** The rings that a lane feeds, then those that their consumers feed, and so on to the sinks. */
export function ringsBehind({ stages, edges }: PhysicalPlan, rings: readonly Ring[], lane: number): Ring[][] {
  const owner = stages.find((stage) => lane < numberOfLane(stages, stage, stage.lanes));
  let fed = owner === undefined ? [] : [owner];
  const depths: Ring[][] = [];
  while (fed.length > 0) {
    const out = new Set(fed.flatMap(({ outputs }) => outputs.map(({ edge }) => edge)));
    const indices = [...edges.keys()].filter((index) => out.has((edges[index] as EdgeSpec).id));
    depths.push(indices.map((index) => rings[index] as Ring));
    const consumers = indices.map((index) => (edges[index] as EdgeSpec).consumer);
    fed = stages.filter(({ id }) => consumers.some((end) => end.kind === 'stage' && end.stage === id));
  }
  return depths;
}
