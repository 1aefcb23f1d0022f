import { shareTable } from '@spillway/core';
import { batchToRows, openBatch, processArena, SHARED_TABLE_OWNER, sharedTableBatches } from '@spillway/core/internal';
import { expect, it } from 'vitest';

const SHAPE = { ts: 'int64', name: 'utf8' } as const;

function* parts(sizes: readonly number[]): Generator<Record<string, unknown>[]> {
  let next = 0;
  for (const size of sizes) yield Array.from({ length: size }, () => ({ ts: BigInt(next), name: `row ${next++}` }));
}

it('cuts parts of any size into batches of equal size', async () => {
  const table = await shareTable(SHAPE, parts([3, 5, 0, 4, 1, 9]), { batchRows: 4 });
  const arena = processArena();
  const batches = sharedTableBatches(table.id).map((descriptor) => openBatch(arena, descriptor, table.fields));
  expect(table.rows).toBe(22);
  expect(batches.map((batch) => [batch.rows, batch.inputs])).toEqual([
    [4, 1],
    [4, 1],
    [4, 1],
    [4, 1],
    [4, 1],
    [2, 1],
  ]);
  expect(batches.flatMap((batch) => batchToRows(batch)).map((row) => row['name'])).toEqual(
    Array.from({ length: 22 }, (_, row) => `row ${row}`),
  );
  table.release();
  expect(arena.bytesOf(SHARED_TABLE_OWNER)).toBe(0);
});

it('keeps nothing when a part is refused', async () => {
  await expect(shareTable(SHAPE, [[{ ts: 1n, name: 'a' }], [{ ts: 'x', name: 'b' }]])).rejects.toMatchObject({
    code: 'ERR_VALUE',
  });
  expect(processArena().bytesOf(SHARED_TABLE_OWNER)).toBe(0);
});

it('names a table that was released', async () => {
  const table = await shareTable(SHAPE, []);
  table.release();
  expect(() => sharedTableBatches(table.id)).toThrow(expect.objectContaining({ code: 'ERR_PLAN' }));
});
