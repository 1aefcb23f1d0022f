/** What a run leaves behind: enough to show it again, to set it beside others of its plan, and to see what a hundred of them have in common. */
import type { Summary } from '../job/summary.ts';
import type { SeriesPoint } from '../monitor/run-series.ts';
import type { MetricsSnapshot } from '../monitor/snapshot.ts';

/** The record that a run has left. Plain data. */
export interface PastRun {
  version: 1;
  /** When it began, in UTC, and four letters, two of them for the millisecond: `20261122-174502-3f2a`. */
  id: string;
  /** When it began, as ISO 8601 in UTC. */
  startedAt: string;
  /** Minutes that local time was ahead of UTC, where it ran. */
  utcOffsetMinutes: number;
  /** Fingerprint of its plan, whatever the limits: runs that have it in common did the same work. */
  plan: string;
  /** Its sources and sinks. */
  title: string;
  /** The id that it was run with, if it was one that others go on from. */
  resume?: string;
  workers: number;
  /** Least that its plan can do with. */
  minimumBytes: number;
  summary: Summary;
  /** As it was at the end. */
  snapshot: MetricsSnapshot;
  /** How it got there; at most 60 points, empty for a very large plan. */
  series: readonly SeriesPoint[];
}
