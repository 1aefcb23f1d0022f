import {
  batchToRows,
  compactBatch,
  createArena,
  cutBatch,
  fieldsFromShape,
  makeBatch,
  RowSizes,
  rowsToBatch,
  sliceBatch,
} from '@spillway/core/internal';
import { expect, it } from 'vitest';
import { seededRandom } from '#support/random';
import { randomFields, randomRows } from '#support/random-rows';

it('cuts random batches into pieces of bounded size with the same rows, the last of which ends its inputs', () => {
  const random = seededRandom();
  const arena = createArena({ maximumBytes: 64 * 2 ** 20, debug: true });
  for (let round = 0; round < 60; round++) {
    const fields = randomFields(random);
    const rows = randomRows(random, fields, random.integer(0, 120));
    const [mostRows, mostBytes] = [random.integer(1, 50), random.integer(1, 1500)];
    const whole = rowsToBatch(arena, 1, fields, rows, 2);
    const expected = batchToRows(whole);
    const pieces = cutBatch(arena, 1, whole, mostRows, mostBytes);
    expect(pieces.flatMap(batchToRows)).toEqual(expected);
    expect(pieces.map(({ inputs }) => inputs)).toEqual(pieces.map((_, at) => (at === pieces.length - 1 ? 2 : 0)));
    for (const piece of pieces) {
      expect(piece.rows).toBeLessThanOrEqual(mostRows);
      piece.release();
    }
  }
  expect(arena.usedSlabs()).toBe(0);
});

it('cuts by the bytes of texts', () => {
  const arena = createArena({ maximumBytes: 2 ** 20, debug: true });
  const rows = [10, 10, 100, 10, 10].map((length) => ({ text: 'x'.repeat(length) }));
  const pieces = cutBatch(arena, 1, rowsToBatch(arena, 1, fieldsFromShape({ text: 'utf8' }), rows), 10, 40);
  expect(pieces.map((piece) => piece.rows)).toEqual([2, 1, 2]);
  for (const piece of pieces) piece.release();
  expect(arena.usedSlabs()).toBe(0);
});

it('tells how many rows fit before they are laid out', () => {
  const fields = fieldsFromShape({ n: { type: 'int64', nullable: false }, text: { type: 'utf8', nullable: false } });
  const rows = Array.from({ length: 10 }, (_, n) => ({ n, text: n === 4 ? 'ä'.repeat(50) : 'xx' }));
  const sizes = new RowSizes(fields, rows);
  expect(sizes.bytesOf(4)).toBe(112);
  expect([sizes.fit(0, 10, 42), sizes.fit(4, 10, 42), sizes.fit(5, 10, 1e6), sizes.fit(0, 4, 1e6)]).toEqual([
    3, 1, 5, 4,
  ]);
});

it('copies a batch that keeps far more memory than it uses, and no other', () => {
  const arena = createArena({ maximumBytes: 64 * 2 ** 20, debug: true });
  const fields = fieldsFromShape({ n: 'int64', text: 'utf8' });
  const rows = Array.from({ length: 2000 }, (_, n) => ({ n, text: 'x'.repeat(1000) }));
  const whole = rowsToBatch(arena, 1, fields, rows);
  const numbers = makeBatch(arena, 1, fields.slice(0, 1), whole.columns.slice(0, 1), 2000);
  const most = sliceBatch(arena, 1, whole, 0, 1000);
  expect(compactBatch(most, 1)).toBe(most);
  whole.release();
  const copy = compactBatch(numbers, 1);
  expect(copy).not.toBe(numbers);
  most.release();
  arena.trim();
  expect(arena.usedBytes()).toBeLessThan(300_000);
  expect(batchToRows(copy).slice(-1)).toEqual([{ n: 1999n }]);
  copy.release();
  expect(arena.usedSlabs()).toBe(0);
});
