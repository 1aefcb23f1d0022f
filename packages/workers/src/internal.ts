/** What tests and benchmarks need of the runtime and users do not. No promise of stability. */

export * from './channels/ring.ts';
export * from './channels/ring-layout.ts';
export { FailureLatch } from './coordinator/failure.ts';
export { closeIdlePools, idleThreads } from './coordinator/thread-pools.ts';
export { commitWriters } from './coordinator/written-sinks.ts';
export * from './governor/cgroup.ts';
export { collectGarbage, freeBuffersAtOnce } from './governor/collector.ts';
export { HeapWatch, isolateBytes } from './governor/heap-watch.ts';
export { LanePressure } from './governor/lane-pressure.ts';
export * from './governor/machine-memory.ts';
export * from './governor/pressure.ts';
export { injectPressure, outsideFraction, PressureSampler } from './governor/pressure-sampler.ts';
export { PRESSURE_BYTES, type PressurePlace, SharedPressure } from './governor/shared-pressure.ts';
export { describeBuffer } from './job/buffer-state.ts';
export { parseRunOptions } from './job/run-options.ts';
export { Lane } from './lanes/lane.ts';
export { type LaneChain, type LaneInput, LaneLoop, type Morsel } from './lanes/lane-loop.ts';
export { MorselOutput, StreamOutput } from './lanes/lane-outputs.ts';
export type { LaneConfig } from './lanes/protocol.ts';
export { RingInput } from './lanes/ring-input.ts';
export { positionOf } from './lanes/source-position.ts';
export { ResidentReader } from './monitor/resident.ts';
export { ActorStatistics, OperatorStatistics, placeStatistics } from './monitor/statistics.ts';
export { CallbackTaker } from './sinks/callback-taker.ts';
export { drainEdge } from './sinks/drain-edge.ts';
export { FeedWriter } from './sources/feed-writer.ts';
export { positionsOf, scheduleRowGroups } from './sources/row-groups.ts';
