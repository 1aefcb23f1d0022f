import { Buffer } from 'node:buffer';
import type { Fields } from '@spillway/core';
import {
  type Arena,
  arrowToBatches,
  type Batch,
  batchToArrow,
  batchToArrowCopy,
  batchToRows,
  concatBatches,
  copyIn,
  copyOut,
  createArena,
  loadArrow,
  openBatch,
  retainDescriptor,
  rowsToBatch,
  sliceBatch,
} from '@spillway/core/internal';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type SeededRandom, seededRandom } from '#support/random';
import { type Row, randomFields, randomRows } from '#support/random-rows';

const OWNER = 7;
const ROUNDS = 40;
let arena: Arena;

beforeEach(() => {
  arena = createArena({ debug: true, maximumBytes: 64 * 2 ** 20 });
});

afterEach(() => {
  expect([arena.usedSlabs(), arena.usedBytes()]).toEqual([0, 0]);
});

interface Example {
  random: SeededRandom;
  fields: Fields;
  rows: Row[];
  batch: Batch;
}

async function eachRandomBatch(check: (example: Example) => void | Promise<void>): Promise<void> {
  const random = seededRandom();
  for (let round = 0; round < ROUNDS; round += 1) {
    const fields = randomFields(random);
    const rows = randomRows(random, fields, random.pick([0, 1, 7, 8, 9, random.integer(0, 100)]));
    const batch = rowsToBatch(arena, OWNER, fields, rows);
    await check({ random, fields, rows, batch });
    batch.release();
  }
}

/** Cuts [0, rows) anywhere, empty pieces included. */
function randomCuts(random: SeededRandom, rows: number): number[] {
  const inner = Array.from({ length: random.integer(0, 5) }, () => random.integer(0, rows));
  return [0, ...inner.sort((left, right) => left - right), rows];
}

function cut(batch: Batch, cuts: readonly number[]): Batch[] {
  return cuts
    .slice(1)
    .map((to, index) => sliceBatch(arena, OWNER, batch, cuts[index] as number, to - (cuts[index] as number)));
}

function releaseAll(batches: readonly Batch[]): void {
  for (const batch of batches) batch.release();
}

it('gives back the values it was made of', () =>
  eachRandomBatch(({ rows, batch }) => {
    expect(batchToRows(batch)).toEqual(rows);
  }));

it('is the same batch when another thread opens its descriptor', () =>
  eachRandomBatch(({ rows, fields, batch }) => {
    const opened = openBatch(arena, retainDescriptor(arena, batch.descriptor), fields);
    expect(batchToRows(opened)).toEqual(rows);
    expect(opened.logicalBytes).toBe(batch.logicalBytes);
    opened.release();
  }));

it('slices to the rows asked for, also slices of slices', () =>
  eachRandomBatch(({ random, rows, batch }) => {
    const from = random.integer(0, rows.length);
    const length = random.integer(0, rows.length - from);
    const slice = sliceBatch(arena, OWNER, batch, from, length);
    const inner = random.integer(0, length);
    const again = sliceBatch(arena, OWNER, slice, inner, length - inner);
    slice.release();
    expect(batchToRows(again)).toEqual(rows.slice(from + inner, from + length));
    again.release();
  }));

it('counts logical bytes that add up over any cut', () =>
  eachRandomBatch(({ random, rows, batch }) => {
    const pieces = cut(batch, randomCuts(random, rows.length));
    expect(pieces.reduce((sum, piece) => sum + piece.logicalBytes, 0)).toBe(batch.logicalBytes);
    releaseAll(pieces);
  }));

it('joins what was cut', () =>
  eachRandomBatch(({ random, rows, fields, batch }) => {
    const pieces = cut(batch, randomCuts(random, rows.length));
    const joined = concatBatches(arena, OWNER, fields, pieces);
    releaseAll(pieces);
    expect(batchToRows(joined)).toEqual(rows);
    expect([joined.logicalBytes, joined.inputs]).toEqual([batch.logicalBytes, 1]);
    joined.release();
  }));

it('joins batches with nulls, texts and dictionaries of their own', () =>
  eachRandomBatch(({ random, rows, fields, batch }) => {
    const more = randomRows(random, fields, random.integer(0, 30));
    const other = rowsToBatch(arena, OWNER, fields, more);
    const joined = concatBatches(arena, OWNER, fields, [batch, other, batch]);
    expect(batchToRows(joined)).toEqual([...rows, ...more, ...rows]);
    releaseAll([other, joined]);
  }));

it('is copied out of shared memory and in again, slices too', () =>
  eachRandomBatch(({ random, rows, batch }) => {
    const from = random.integer(0, rows.length);
    const slice = sliceBatch(arena, OWNER, batch, from, rows.length - from, 0);
    const copied = copyIn(arena, OWNER, structuredClone(copyOut(slice)));
    slice.release();
    expect(batchToRows(copied)).toEqual(rows.slice(from));
    expect(copied.inputs).toBe(0);
    copied.release();
  }));

it('is a RecordBatch that apache-arrow writes and reads, and that comes back', async () => {
  const arrow = await loadArrow();
  await eachRandomBatch(({ random, rows, fields, batch }) => {
    const from = random.integer(0, rows.length);
    const slice = sliceBatch(arena, OWNER, batch, from, rows.length - from);
    const bytes = arrow.tableToIPC(new arrow.Table([batchToArrow(arrow, slice)]));
    slice.release();
    const back = arrowToBatches(arrow, arena, OWNER, arrow.tableFromIPC(Buffer.from(bytes)), fields, { maxRows: 10 });
    expect(back.flatMap(batchToRows)).toEqual(rows.slice(from));
    expect(back.map((piece) => piece.inputs)).toEqual(back.map((_, index) => (index === back.length - 1 ? 1 : 0)));
    releaseAll(back);
  });
});

it('outlives its batch as a copied RecordBatch', async () => {
  const arrow = await loadArrow();
  await eachRandomBatch(({ rows, fields }) => {
    const batch = rowsToBatch(arena, OWNER, fields, rows);
    const copy = batchToArrowCopy(arrow, batch);
    batch.release();
    const back = arrowToBatches(arrow, arena, OWNER, copy, fields);
    expect(back.flatMap(batchToRows)).toEqual(rows);
    releaseAll(back);
  });
});

it('comes back from slices that apache-arrow made', async () => {
  const arrow = await loadArrow();
  await eachRandomBatch(({ random, rows, fields, batch }) => {
    const from = random.integer(0, rows.length);
    const to = random.integer(from, rows.length);
    const back = arrowToBatches(arrow, arena, OWNER, batchToArrow(arrow, batch).slice(from, to), fields, {
      maxRows: random.integer(1, 20),
    });
    expect(back.flatMap(batchToRows)).toEqual(rows.slice(from, to));
    releaseAll(back);
  });
});

it('shares with the batch it came from what user code hands back untouched', async () => {
  const arrow = await loadArrow();
  await eachRandomBatch(({ rows, fields, batch }) => {
    const before = arena.usedBytes();
    const [back] = arrowToBatches(arrow, arena, OWNER, batchToArrow(arrow, batch), fields, { borrowed: batch }) as [
      Batch,
    ];
    expect(batchToRows(back)).toEqual(rows);
    expect(arena.usedBytes() - before).toBeLessThanOrEqual(4 * 16_384);
    back.release();
  });
});
