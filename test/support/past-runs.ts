/** Records of runs that never were, for whatever looks back. */
import type { PastRun } from '@spillway/workers';
import { noFlushes } from '@spillway/workers/internal';
import { MEBIBYTE, snapshotAt, stageOf } from './snapshots.ts';

export const PLAN: string = 'a'.repeat(32);

/** The n-th of a row of runs, one a day. */
export function pastRun(n: number, summary: Partial<PastRun['summary']> = {}, more: Partial<PastRun> = {}): PastRun {
  const startedAt = new Date(Date.UTC(2026, 0, 1 + n, 2)).toISOString();
  return {
    version: 1,
    id: `${startedAt.slice(0, 10).replaceAll('-', '')}-020000-${String(n).padStart(4, '0')}`,
    startedAt,
    utcOffsetMinutes: 0,
    plan: PLAN,
    title: 'ticks → hourly',
    workers: 2,
    minimumBytes: 16 * MEBIBYTE,
    summary: {
      ok: true,
      rowsIn: 1000,
      rowsOut: 10,
      elapsedMs: 1000,
      memoryLimitBytes: 64 * MEBIBYTE,
      peakRssBytes: 120 * MEBIBYTE,
      idleRssBytes: 90 * MEBIBYTE,
      spilledBytes: 0,
      restarts: 0,
      deadLetters: { batches: 0, rows: 0 },
      flushes: noFlushes(),
      stages: [],
      sources: [{ name: 'ticks', rows: 1000 }],
      sinks: [{ name: 'hourly', rows: 10 }],
      ...summary,
    },
    snapshot: snapshotAt(1000, { stages: [stageOf('agg')] }),
    series: [],
    ...more,
  };
}
