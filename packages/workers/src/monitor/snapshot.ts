/**
 * Everything that is shown of a run anywhere (progress, the dashboard, metrics for Prometheus, alerts, advice) comes from this one
 * snapshot. Its numbers lie in shared memory: taking one sends no message to any thread and stops nobody, so they may be a batch apart from
 * each other. Sizes are bytes, times milliseconds; counters count from the start of the run and survive the death of a worker.
 */
import type { MemoryHolding } from '@spillway/core/internal';
import type { ActiveAlert } from '../alerts/alert.ts';
import type { PressureLevel } from '../governor/pressure.ts';
import type { BufferState } from '../job/buffer-state.ts';
import type { JobEvents } from '../job/events.ts';
import type { StageSummary } from '../job/summary.ts';
import type { Activity, IsolateReading } from './actor-statistics.ts';
import type { FlushCounts } from './operator-statistics.ts';
import type { EndpointCount } from './progress.ts';

/** Everything that is shown of a run, at one moment. Plain data. */
export interface MetricsSnapshot {
  /** Wall clock, in milliseconds since 1970. */
  atMs: number;
  elapsedMs: number;
  sources: EndpointMetrics[];
  sinks: EndpointMetrics[];
  /** In the plan's order, sources first. */
  stages: StageMetrics[];
  /** Operators that hold rows back, against their limits. */
  buffers: BufferMetrics[];
  /** Channels between stages. */
  edges: EdgeMetrics[];
  memory: MemoryMetrics;
  pressure: PressureMetrics;
  /** By reason, over all stages. */
  flushes: FlushCounts;
  /** One entry a thread, the main thread first. Zeros until a thread has seen that somebody watches. */
  isolates: IsolateMetrics[];
  barriers: { count: number; last: JobEvents['barrier'] | undefined };
  restarts: number;
  /** Those that are up, oldest first. */
  alerts: ActiveAlert[];
  /** What happened lately, oldest first; at most 64 of each. */
  recent: RecentEvents;
}

/** A source or a sink. */
export interface EndpointMetrics extends EndpointCount {
  /** What each of its threads is doing, for feeders and sinks; empty where lanes or codec threads read. */
  doing: Activity[];
  spentMs: Record<Activity, number>;
}

/** One stage, summed over its lanes and lane by lane. */
export interface StageMetrics extends StageSummary {
  bytesIn: number;
  laneActivities: LaneMetrics[];
  /** Over its lanes. */
  spentMs: Record<Activity, number>;
}

/** One lane of a stage, and what it is doing. */
export interface LaneMetrics {
  lane: number;
  rowsIn: number;
  rowsOut: number;
  doing: Activity;
  /** Name of the stage, source or sink at the other end of the edge that it waits on. */
  waitsFor?: string;
}

/** What an operator holds back, against its limits. */
export interface BufferMetrics extends BufferState {
  /** Most logical bytes that it held at once, summed over lanes. */
  peakBytes: number;
  /**
   * The peak that there would have been if no flush had been forced by memory: what forced flushes handed on, up to the next flush that was
   * not, counts as if it were still held. For stages that fold what they hold this is a bound from above.
   */
  wantedBytes: number;
  /** With `memoryLimit: 'auto'`, what it would hold if it could; else 0. */
  wishBytes: number;
  spilledBytes: number;
  flushes: FlushCounts;
}

/** How full the channel between two stages is. */
export interface EdgeMetrics {
  from: string;
  to: string;
  packets: number;
  /** Packets that fit. */
  capacity: number;
  bytes: number;
  /** Bytes in flight before producers wait. */
  creditBytes: number;
  /** Whether all credit beyond the floor is withdrawn, because memory is short. */
  isNarrow: boolean;
}

/** Memory against the limit. All in bytes but for counts. */
export interface MemoryMetrics {
  limitBytes: number;
  /** What the promise allows of RSS: idle, the limit and a tenth of it. */
  promisedRssBytes: number;
  rssBytes: number;
  idleRssBytes: number;
  peakRssBytes: number;
  /** Slabs of batches in use. */
  managedBytes: number;
  /** Most of them that a look of the governor has seen, one every five milliseconds. */
  peakManagedBytes: number;
  /** The arena's part of the limit. */
  arenaBytes: number;
  /** Reserved outside the arena: heaps, decoders, results. */
  reservedBytes: number;
  /** What RSS holds beyond idle, the slabs that were ever touched and what is reserved. */
  unmanagedBytes: number;
  /** Written to disk so far. */
  spilledBytes: number;
  /** On disk now. */
  onDiskBytes: number;
  /** Where the run spills, if it may. */
  disk?: DiskMetrics;
  /** Who holds what of the limit, largest first. */
  holdings: MemoryHolding[];
}

export interface DiskMetrics {
  folder: string;
  /** What this process may still write there. */
  freeBytes: number;
  totalBytes: number;
}

/** How hard memory presses, and where. */
export interface PressureMetrics {
  level: PressureLevel;
  /** Of 0 `normal` to 3 `critical`. */
  index: number;
  /** Part of the tightest bound that is in use. */
  fraction: number;
  /** Part of the arena's share of the limit that is in use. */
  managedFraction: number;
  /** How full the fullest of control group and machine is. */
  outsideFraction: number;
}

/** Heap and collections of one thread. */
export interface IsolateMetrics extends IsolateReading {
  name: string;
}

/** A stage that was made to give memory back, and whom what it flushed went through. */
export interface CascadeRecord {
  atMs: number;
  stage: string;
  action: 'flush' | 'spill';
  bytes: number;
  /** From the stage to the sinks. */
  path: string[];
}

/** The last events of each kind, for whoever looks only now. */
export interface RecentEvents {
  cascades: CascadeRecord[];
  pressure: ({ atMs: number } & Pick<JobEvents['pressure'], 'level' | 'fraction'>)[];
  restarts: { atMs: number; stage: string; reason: string; kind: JobEvents['restart']['kind'] }[];
  limits: ({ atMs: number } & JobEvents['limit'])[];
}
