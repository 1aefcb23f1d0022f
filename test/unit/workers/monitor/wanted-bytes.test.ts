import { OperatorStatistics } from '@spillway/workers/internal';
import { expect, it } from 'vitest';

const held = (bytes: number) => ({ inputs: 1, rows: 1, bytes });
const fresh = (): OperatorStatistics => new OperatorStatistics(new SharedArrayBuffer(256), 0);

it('what forced flushes hand on counts as if it were still held', () => {
  const statistics = fresh();
  for (let flush = 0; flush < 3; flush += 1) {
    statistics.setHeld(held(100));
    statistics.countFlush('memory', 100);
    statistics.setHeld(held(0));
  }
  statistics.setHeld(held(40));
  expect(statistics.read()).toMatchObject({ peakBytes: 100, wantedBytes: 340 });
});

it('what a forced flush leaves is counted once', () => {
  const statistics = fresh();
  statistics.countFlush('pressure', 100);
  statistics.setHeld(held(70));
  statistics.setHeld(held(90));
  expect(statistics.read().wantedBytes).toBe(120);
});

it('begins anew at a flush that memory had no part in', () => {
  const statistics = fresh();
  statistics.countFlush('memory', 100);
  statistics.setHeld(held(0));
  statistics.countFlush('iterations', 50);
  statistics.setHeld(held(0));
  statistics.setHeld(held(60));
  expect(statistics.read().wantedBytes).toBe(150);
});

it('is the peak where nothing is forced', () => {
  const statistics = fresh();
  statistics.setHeld(held(80));
  statistics.countFlush('end', 80);
  statistics.setHeld(held(0));
  expect(statistics.read()).toMatchObject({ peakBytes: 80, wantedBytes: 80 });
});
