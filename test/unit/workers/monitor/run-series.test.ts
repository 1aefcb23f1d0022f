import { RunSeries } from '@spillway/workers/internal';
import { expect, it } from 'vitest';
import { memoryOf, snapshotAt, stageOf } from '../../../support/snapshots.ts';

it('keeps what charts draw, in the order of the stages', () => {
  const series = new RunSeries(250);
  const holdings = [{ stage: 'late', bytes: 7, consumers: [] }];
  series.add(
    snapshotAt(0, { stages: [stageOf('early', { rowsIn: 5 }), stageOf('late')], memory: memoryOf({ holdings }) }),
  );
  expect(series.points).toMatchObject([{ elapsedMs: 0, stageBytes: [0, 7], rowsIn: [5, 0] }]);
});

it('covers a run of any length in bounded memory, evenly', () => {
  const series = new RunSeries(250);
  for (let ms = 0; ms < 3 * 3_600_000; ms += 250) series.add(snapshotAt(ms));
  const times = series.points.map(({ elapsedMs }) => elapsedMs);
  const gaps = times.slice(1).map((time, index) => time - (times[index] as number));
  expect(times.length).toBeLessThanOrEqual(1200);
  expect(times.length).toBeGreaterThan(500);
  expect(Math.max(...gaps)).toBeLessThanOrEqual(2 * Math.min(...gaps));
  expect(times[0]).toBe(0);
  expect(times.at(-1)).toBeGreaterThan(3 * 3_600_000 - 60_000);
});
