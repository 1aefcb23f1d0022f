import { KeptReading } from '@spillway/workers/internal';
import { expect, test } from 'vitest';

test('a reading is kept until it is older than who asks will have it', () => {
  let now = 0;
  let reads = 0;
  const reading = new KeptReading(
    () => ++reads,
    () => now,
  );
  expect(reading.get(50)).toBe(1);
  now = 40;
  expect(reading.get(50)).toBe(1);
  expect(reading.get(30)).toBe(2);
  now = 95;
  expect(reading.get(50)).toBe(3);
});

test('nothing to be read is kept as well', () => {
  let reads = 0;
  const reading = new KeptReading<number | undefined>(() => {
    reads += 1;
    return undefined;
  });
  reading.get(1000);
  reading.get(1000);
  expect(reads).toBe(1);
});
