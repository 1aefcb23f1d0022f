export type { MemoryHolding } from '@spillway/core/internal';
export type {
  Advice,
  CreepPattern,
  GrowthPattern,
  Pattern,
  SeasonPattern,
  StageAdvice,
  TotalAdvice,
} from './advice/advice.ts';
export type { ActiveAlert, AlertEvent, AlertKind, AlertSeverity } from './alerts/alert.ts';
export type { AlertOptions, AlertRuleOptions } from './alerts/alert-options.ts';
export type { AlertRuleName } from './alerts/rules.ts';
export type { PressureLevel } from './governor/pressure.ts';
export type { PastRun } from './history/past-run.ts';
export type { BufferState } from './job/buffer-state.ts';
export type { DeadLetter, DeadLetterCount } from './job/dead-letter.ts';
export type {
  BarrierEvent,
  FlushEvent,
  JobEvents,
  LimitEvent,
  PressureEvent,
  ReclaimEvent,
  RestartEvent,
  Unsubscribe,
} from './job/events.ts';
export type { JobState, Run } from './job/job.ts';
export type { RunOptions } from './job/run-options.ts';
export type { EndpointSummary, StageSummary, Summary } from './job/summary.ts';
export type { Activity, IsolateReading } from './monitor/actor-statistics.ts';
export type { FlushCounts } from './monitor/operator-statistics.ts';
export type { EndpointCount, EndpointProgress, MemoryProgress, Progress } from './monitor/progress.ts';
export type { SeriesPoint } from './monitor/run-series.ts';
export type {
  BufferMetrics,
  CascadeRecord,
  EdgeMetrics,
  EndpointMetrics,
  IsolateMetrics,
  LaneMetrics,
  MemoryMetrics,
  MetricsSnapshot,
  PressureMetrics,
  RecentEvents,
  StageMetrics,
} from './monitor/snapshot.ts';
export { run } from './run.ts';
