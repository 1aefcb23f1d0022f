import type { Fields } from '@spillway/core';
import { type CallbackSink, createArena, rowsToBatch } from '@spillway/core/internal';
import { CallbackTaker } from '@spillway/workers/internal';
import { expect, it } from 'vitest';

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
  const taker = new CallbackTaker({ arena, owner: 1, sink, delivery: 'lent', room: () => undefined });
  const batches = [0, 1].map((inputs) => rowsToBatch(arena, 1, FIELDS, [{ x: inputs }], inputs));
  const [first, last] = batches.map((batch) => taker.take(batch));
  for (const batch of batches) batch.release();
  taker.close();
  arena.trim();
  expect([first, arena.usedSlabs()]).toEqual([undefined, 0]);
  answer();
  await expect(last).resolves.toBeUndefined();
});
