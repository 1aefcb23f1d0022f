/** What tests and benchmarks need of the runtime and users do not. No promise of stability. */

export { adviceText } from './advice/advice-text.ts';
export { patternsOf } from './advice/patterns.ts';
export { trendOf } from './advice/trend.ts';
export { noted } from './alerts/alert.ts';
export { AlertBoard } from './alerts/alert-board.ts';
export { parseAlertOptions } from './alerts/alert-options.ts';
export { ALERT_RULES } from './alerts/rules.ts';
export { Webhook } from './alerts/webhook.ts';
export * from './channels/ring.ts';
export * from './channels/ring-layout.ts';
export { GATE_BYTES, SourceGate } from './channels/source-gate.ts';
export { grouped, type TextColumn, textTable } from './cli/output/text-table.ts';
export { FailureLatch } from './coordinator/failure.ts';
export { RunThreads } from './coordinator/run-threads.ts';
export { closeIdlePools, idleThreads, takePool } from './coordinator/thread-pools.ts';
export { commitWriters } from './coordinator/written-sinks.ts';
export { Access } from './dashboard/access.ts';
export { LiveClients } from './dashboard/live-clients.ts';
export { DaskBridge } from './dask/bridge.ts';
export type * from './dask/cluster.ts';
export { Crew } from './dask/crew.ts';
export { parseDaskOptions } from './dask/dask-options.ts';
export { type Assignment, Dispatch } from './dask/dispatch.ts';
export { Pieces } from './dask/pieces.ts';
export { DaskSession, type SessionEvents } from './dask/session.ts';
export { damageOf, SharedFolder, writeRecord } from './dask/shared-folder.ts';
export { runStep, type StepOptions } from './dask/step-run.ts';
export { type AutoShare, moveShares } from './governor/adaptive-limits.ts';
export { Arbiter, type ArbiterPlace } from './governor/arbiter.ts';
export { AwaitedRoom } from './governor/awaited-room.ts';
export { CascadeWatch } from './governor/cascade-watch.ts';
export * from './governor/cgroup.ts';
export { collectGarbage, freeBuffersAtOnce } from './governor/collector.ts';
export { setGoverned } from './governor/governed.ts';
export { groupRoom } from './governor/group-room.ts';
export { HeapWatch, isolateBytes } from './governor/heap-watch.ts';
export { LanePressure } from './governor/lane-pressure.ts';
export * from './governor/machine-memory.ts';
export { MainHeap } from './governor/main-heap.ts';
export { KeptReading } from './governor/outside-readings.ts';
export * from './governor/pressure.ts';
export { injectPressure, outsideFraction, PressureSampler, StallMeter } from './governor/pressure-sampler.ts';
export { PRESSURE_BYTES, type PressurePlace, SharedPressure } from './governor/shared-pressure.ts';
export { UserRoom } from './governor/user-room.ts';
export { type Candidate, chooseVictim } from './governor/victims.ts';
export { HistoryFolder } from './history/history-folder.ts';
export { historyPlace } from './history/history-place.ts';
export { describeBuffer } from './job/buffer-state.ts';
export { parseRunOptions } from './job/run-options.ts';
export { Lane } from './lanes/lane.ts';
export { type LaneChain, type LaneInput, LaneLoop, type LaneParts } from './lanes/lane-loop.ts';
export { MorselOutput, StreamOutput } from './lanes/lane-outputs.ts';
export type { Morsel } from './lanes/morsel.ts';
export type { LaneConfig } from './lanes/protocol.ts';
export { RingInput } from './lanes/ring-input.ts';
export { positionOf } from './lanes/source-position.ts';
export { prometheusText } from './metrics/prometheus.ts';
export { ResidentReader } from './monitor/resident.ts';
export { RunSeries } from './monitor/run-series.ts';
export {
  ActorStatistics,
  forcedFlushes,
  noFlushes,
  OperatorStatistics,
  placeStatistics,
} from './monitor/statistics.ts';
export { fingerprintOf } from './resume/fingerprint.ts';
export { CallbackTaker } from './sinks/callback-taker.ts';
export { DeliveredKept } from './sinks/delivered-kept.ts';
export { drainEdge } from './sinks/drain-edge.ts';
export { ArrowInput } from './sources/arrow-input.ts';
export { CHAIN_BYTES, ChunkChain, startsOf } from './sources/chunk-chain.ts';
export { Feed } from './sources/feed.ts';
export { FeedLog } from './sources/feed-log.ts';
export { PieceMaker } from './sources/piece-maker.ts';
export { packetRowsOf, positionsOf, scheduleRowGroups } from './sources/row-groups.ts';
export { RowLease } from './sources/row-lease.ts';
export { TextInput } from './sources/text-input.ts';
