import { expect, it } from 'vitest';
import { findLostWakeUp } from '#support/model/wake-protocol';

it.each([
  [1, 1],
  [1, 2],
  [2, 1],
  [2, 2],
  [1, 3],
])('loses no wake-up in any order of the steps of %i sleepers and %i wakers', (sleepers, wakers) => {
  expect(findLostWakeUp('announcement first', sleepers, wakers)).toBeUndefined();
});

it('loses one when the signal is changed before the announcement is taken back', () => {
  expect(findLostWakeUp('signal first', 1, 2)).toBeDefined();
});
