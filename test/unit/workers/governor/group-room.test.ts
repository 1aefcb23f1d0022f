import { groupRoom } from '@spillway/workers/internal';
import { expect, test } from 'vitest';

const MIB = 2 ** 20;
/** Grows to so much with the tenth. */
const fits = (mebibytes: number) => Math.floor((mebibytes / 1.1) * MIB);
const group = (limit: number, used: number) => ({ limitBytes: limit * MIB, workingSetBytes: used * MIB, group: '/g' });

test('leaves out what is idle, and the tenth that a run may take beside its limit', () => {
  expect(groupRoom(4, group(370, 60), 60 * MIB).roomBytes).toBe(fits(220));
});

test('each thread beyond four has its part of what is idle', () => {
  expect(groupRoom(9, group(430, 60), 60 * MIB).roomBytes).toBe(fits(220));
});

test('what others in the group use is not to be had', () => {
  expect(groupRoom(4, group(370, 170), 60 * MIB).roomBytes).toBe(fits(110));
});

test('a process that is large already counts as it is', () => {
  expect(groupRoom(4, group(1100, 1000), 990 * MIB).roomBytes).toBe(fits(100));
});

test('a full group leaves nothing', () => {
  expect(groupRoom(4, group(100, 90), 60 * MIB)).toMatchObject({ roomBytes: 0, groupLimitBytes: 100 * MIB });
});
