import type { Fields } from '@spillway/core';
import { type CallbackSink, createArena, rowsToBatch } from '@spillway/core/internal';
import { CallbackTaker, DeliveredKept } from '@spillway/workers/internal';
import { expect, it } from 'vitest';

const kept = new DeliveredKept('sink', () => {});
const FIELDS: Fields = [{ name: 'x', type: 'int32', nullable: false }];

it('gives back what it put together when it is closed, and not once more when the function answers later', async () => {
  const arena = createArena({ maximumBytes: 64 * 2 ** 20, debug: true });
  let answer: () => void = () => {};
  const sink: CallbackSink = {
    takes: 'rows',
    call: () =>
      new Promise<void>((resolve) => {
        answer = resolve;
      }),
  };
  const taker = new CallbackTaker({ arena, owner: 1, sink, delivery: 'lent', room: () => undefined, kept });
  const batches = [0, 1].map((inputs) => rowsToBatch(arena, 1, FIELDS, [{ x: inputs }], inputs));
  const [first, last] = batches.map((batch) => taker.take(batch));
  for (const batch of batches) batch.release();
  taker.close();
  arena.trim();
  expect([first, arena.usedSlabs()]).toEqual([undefined, 0]);
  answer();
  await expect(last).resolves.toBeUndefined();
});

it('gives a logical batch in parts of so many rows, however it was cut, and leaves smaller ones whole', async () => {
  const arena = createArena({ maximumBytes: 64 * 2 ** 20, debug: true });
  const given: number[][] = [];
  const sink: CallbackSink = {
    takes: 'rows',
    call: (rows) => void given.push((rows as { x: number }[]).map(({ x }) => x)),
  };
  const taker = new CallbackTaker({
    arena,
    owner: 1,
    sink,
    delivery: 'lent',
    mostRows: 3,
    room: () => undefined,
    kept,
  });
  const take = async (values: number[], inputs: number): Promise<void> => {
    const batch = rowsToBatch(
      arena,
      1,
      FIELDS,
      values.map((x) => ({ x })),
      inputs,
    );
    await taker.take(batch);
    batch.release();
  };
  await take([0, 1], 0);
  await take([2, 3, 4, 5, 6, 7, 8], 0);
  await take([9], 1);
  await take([20, 21], 1);
  await take([30, 31, 32, 33], 1);
  taker.close();
  arena.trim();
  expect(given).toEqual([[0, 1, 2], [3, 4, 5], [6, 7, 8], [9], [20, 21], [30, 31, 32], [33]]);
  expect(arena.usedSlabs()).toBe(0);
});
