import { type Candidate, chooseVictim } from '@spillway/workers/internal';
import { expect, test } from 'vitest';

const MEBIBYTE = 2 ** 20;
const flushing = (lane: number, distance: number, mebibytes: number): Candidate => ({
  lane,
  gives: 'flush',
  distance,
  bytes: mebibytes * MEBIBYTE,
});
const spilling = (lane: number, mebibytes: number): Candidate => ({ ...flushing(lane, 0, mebibytes), gives: 'spill' });

test.each([
  ['nobody holds anything', [], undefined],
  ['less than is worth it', [flushing(1, 0, 0.01), spilling(2, 0.05)], undefined],
  ['the flushable nearest a sink', [flushing(1, 2, 9), flushing(2, 1, 1), spilling(3, 20)], 2],
  ['of two as near, the one that holds more', [flushing(1, 1, 3), flushing(2, 1, 4), flushing(3, 1, 2)], 2],
  ['the smallest spill that is enough', [spilling(1, 20), spilling(2, 6), spilling(3, 4)], 2],
  ['the largest spill where none is enough', [spilling(1, 3), spilling(2, 4), spilling(3, 1)], 2],
] as const)('%s', (_, candidates, lane) => {
  expect(chooseVictim(candidates, 5 * MEBIBYTE)?.lane).toBe(lane);
});
