import type { PastRun } from '@spillway/workers';
import { adviceText, patternsOf } from '@spillway/workers/internal';
import { describe, expect, it } from 'vitest';
import { pastRun } from '#support/past-runs';
import { MEBIBYTE, snapshotAt, spentMs, stageOf } from '#support/snapshots';

const runs = (count: number, of: (n: number) => PastRun): PastRun[] => Array.from({ length: count }, (_, n) => of(n));
/** Scatter that means nothing, from 0 to 1. */
const noise = (n: number): number => ((n * 7919) % 101) / 101;

function textOf(patterns: ReturnType<typeof patternsOf>): string {
  const total = { limitBytes: 1, suggestedBytes: 1, peakManagedBytes: 0, peakResidentBytes: 0 };
  return adviceText({ total: { ...total, action: 'keep' }, stages: [], patterns })
    .slice(1)
    .join('\n');
}

describe('growth', () => {
  it('of the input is found, by how much a run', () => {
    const patterns = patternsOf(runs(30, (n) => pastRun(n, { rowsIn: 1000 + 20 * n + Math.round(5 * noise(n)) })));
    expect(patterns).toEqual([
      expect.objectContaining({ kind: 'growth', of: 'rows', runs: 30, perRun: expect.closeTo(0.0155, 3) }),
    ]);
    expect(textOf(patterns)).toBe('the input grows by 1.6 % from run to run, over the last 30');
  });

  it('of the memory says when it will be at the limit', () => {
    const idleRssBytes = 90 * MEBIBYTE;
    const patterns = patternsOf(
      runs(20, (n) => pastRun(n, { idleRssBytes, peakRssBytes: idleRssBytes + (25 + n) * MEBIBYTE })),
    );
    expect(patterns).toEqual([expect.objectContaining({ kind: 'growth', of: 'memory', runsUntilLimit: 20 })]);
  });

  it('is not seen in runs that are alike, failed, or few', () => {
    expect(patternsOf(runs(30, (n) => pastRun(n, { rowsIn: 1000 + Math.round(100 * noise(n)) })))).toEqual([]);
    expect(patternsOf(runs(30, (n) => pastRun(n, { ok: false, rowsIn: 1000 * (n + 1) })))).toEqual([]);
    expect(patternsOf(runs(5, (n) => pastRun(n, { rowsIn: 1000 * (n + 1) })))).toEqual([]);
  });
});

describe('seasons', () => {
  it('of the week are found by the day that has most', () => {
    const patterns = patternsOf(
      runs(28, (n) => {
        const run = pastRun(n);
        const isMonday = new Date(run.startedAt).getUTCDay() === 1;
        return pastRun(n, { rowsIn: (isMonday ? 3000 : 1000) + Math.round(50 * noise(n)) });
      }),
    );
    expect(patterns).toEqual([
      expect.objectContaining({ kind: 'season', by: 'weekday', peak: 1, factor: expect.closeTo(2.3, 1) }),
    ]);
    expect(textOf(patterns)).toContain('runs on Mondays have 2.3 × the average input');
  });

  it('of the day are those of the place where it ran', () => {
    const patterns = patternsOf(
      runs(24, (n) => {
        const isEvening = n % 2 === 1;
        const startedAt = new Date(Date.UTC(2026, 0, 1 + (n >> 1), isEvening ? 18 : 6)).toISOString();
        return pastRun(n, { rowsIn: isEvening ? 4000 : 1000 }, { startedAt, utcOffsetMinutes: 60 });
      }),
    );
    expect(patterns).toEqual([expect.objectContaining({ kind: 'season', by: 'hour', peak: 19, factor: 1.6 })]);
  });

  it('are not seen where input swings without regard to the day', () => {
    expect(patternsOf(runs(28, (n) => pastRun(n, { rowsIn: 1000 + Math.round(3000 * noise(n)) })))).toEqual([]);
  });
});

describe('a stage that creeps', () => {
  const snapshot = (working: number) =>
    snapshotAt(1000, {
      stages: [stageOf('join', { rowsIn: 1000, spentMs: spentMs({ working }) }), stageOf('sum', { rowsIn: 1000 })],
    });

  it('is named with how much more a row takes', () => {
    const patterns = patternsOf(runs(30, (n) => pastRun(n, {}, { snapshot: snapshot(100 + 5 * n) })));
    expect(patterns).toEqual([expect.objectContaining({ kind: 'creep', stage: 'join', of: 'time', runs: 30 })]);
    expect(textOf(patterns)).toBe('"join" takes 1.8 × the time for a row that it did 30 runs ago');
  });

  it('is not one that becomes faster', () => {
    expect(patternsOf(runs(30, (n) => pastRun(n, {}, { snapshot: snapshot(300 - 5 * n) })))).toEqual([]);
  });
});
