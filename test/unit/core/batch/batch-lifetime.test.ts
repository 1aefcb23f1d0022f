import {
  allocBatch,
  allocColumn,
  batchToRows,
  concatBatches,
  createArena,
  emptyBatch,
  fieldsFromShape,
  finishColumn,
  handOn,
  makeBatch,
  openBatch,
  POISON,
  releaseDescriptor,
  retainDescriptor,
  rowsToBatch,
  sliceBatch,
  withFields,
  withInputs,
} from '@spillway/core/internal';
import { expect, it } from 'vitest';

const FIELDS = fieldsFromShape({ x: 'int32', s: 'utf8' });
const ROWS = Array.from({ length: 20 }, (_, x) => ({ x, s: `row ${x}` }));

it('lays a batch of many columns out in one slab', () => {
  const arena = createArena();
  const fields = fieldsFromShape(
    Object.fromEntries(Array.from({ length: 30 }, (_, index) => [`c${index}`, 'float64'])),
  );
  const batch = allocBatch(arena, 1, fields, 1_000).finish();
  expect(arena.usedSlabs()).toBe(1);
  expect(batch.columns.every((column) => column.values % 64 === 0)).toBe(true);
  batch.release();
  expect(arena.usedSlabs()).toBe(0);
});

it('keeps fewer rows than it had room for', () => {
  const arena = createArena();
  const draft = allocBatch(arena, 1, fieldsFromShape({ x: 'int32' }), 100);
  const [column] = draft.columns;
  for (let row = 0; row < 100; row += 1) arena.i32[(column?.values ?? 0) / 4 + row] = row;
  const batch = draft.finish(3);
  expect(batchToRows(batch)).toEqual([{ x: 0 }, { x: 1 }, { x: 2 }]);
  expect(batch.logicalBytes).toBe(12);
  batch.release();
});

it('gives everything back when a draft is discarded', () => {
  const arena = createArena();
  allocBatch(arena, 1, FIELDS, 1_000).discard();
  expect(arena.usedSlabs()).toBe(0);
});

it('keeps the slabs of its columns as long as the last batch that uses them', () => {
  const arena = createArena({ debug: true });
  const batch = rowsToBatch(arena, 1, FIELDS, ROWS);
  const slice = sliceBatch(arena, 1, batch, 8, 4);
  const again = makeBatch(arena, 1, FIELDS, slice.columns, slice.rows);
  batch.release();
  slice.release();
  expect(batchToRows(again)).toEqual(ROWS.slice(8, 12));
  again.release();
  expect(arena.usedSlabs()).toBe(0);
});

it('puts columns of several batches and new ones into one batch', () => {
  const arena = createArena({ debug: true });
  const left = rowsToBatch(arena, 1, fieldsFromShape({ a: 'int32' }), [{ a: 1 }, { a: 2 }]);
  const right = rowsToBatch(arena, 1, fieldsFromShape({ b: 'utf8' }), [{ b: 'x' }, { b: null }]);
  const { column, slab } = allocColumn(arena, 1, 'int32', 2);
  arena.int32At(column.values, 2).set([10, 20]);
  const fields = fieldsFromShape({ a: 'int32', b: 'utf8', c: 'int32' });
  const batch = makeBatch(
    arena,
    1,
    fields,
    [left.column('a'), right.column('b'), finishColumn(arena, column, 2, slab)],
    2,
  );
  for (const used of [left, right]) used.release();
  arena.release(slab);
  expect(batchToRows(batch)).toEqual([
    { a: 1, b: 'x', c: 10 },
    { a: 2, b: null, c: 20 },
  ]);
  batch.release();
  expect(arena.usedSlabs()).toBe(0);
});

it('poisons what was released, in debug mode', () => {
  const arena = createArena({ debug: true });
  const batch = rowsToBatch(arena, 1, FIELDS, ROWS);
  const { values } = batch.column('x');
  batch.release();
  expect(arena.bytesAt(values, 80).every((byte) => byte === POISON)).toBe(true);
});

it('refuses to be released twice, read after release, or used after it was handed on', () => {
  const arena = createArena();
  const batch = rowsToBatch(arena, 1, FIELDS, ROWS);
  const descriptor = handOn(batch);
  expect(() => batch.columns).toThrow(/released or handed on/);
  expect(() => batch.release()).toThrow(/released or handed on/);
  expect(() => batch.retain()).toThrow(/released or handed on/);
  releaseDescriptor(arena, descriptor);
  expect(() => releaseDescriptor(arena, descriptor)).toThrow(/was released/);
});

it('is kept by a reference for a handle that is opened later', () => {
  const arena = createArena();
  const batch = rowsToBatch(arena, 1, FIELDS, ROWS);
  const descriptor = retainDescriptor(arena, batch.descriptor);
  batch.release();
  const opened = openBatch(arena, descriptor, FIELDS);
  expect(batchToRows(opened)).toEqual(ROWS);
  opened.release();
  expect(arena.usedSlabs()).toBe(0);
});

it('takes as many releases as it has references', () => {
  const arena = createArena();
  const batch = rowsToBatch(arena, 1, FIELDS, ROWS);
  expect(batch.retain()).toBe(batch);
  batch.release();
  expect(batchToRows(batch)).toEqual(ROWS);
  batch.release();
  expect(arena.usedSlabs()).toBe(0);
});

it('ends another number of inputs, or has other names, without a copy', () => {
  const arena = createArena();
  const batch = withInputs(arena, 1, rowsToBatch(arena, 1, FIELDS, ROWS), 0);
  const renamed = withFields(arena, 1, batch, fieldsFromShape({ y: 'int32', t: 'utf8' }));
  expect([renamed.inputs, renamed.column('y').length]).toEqual([0, 20]);
  expect(withInputs(arena, 1, renamed, 0)).toBe(renamed);
  renamed.release();
  expect(arena.usedSlabs()).toBe(0);
});

it('counts inputs of empty batches too', () => {
  const arena = createArena();
  const batch = emptyBatch(arena, 1, fieldsFromShape({ d: 'dictionary<utf8>', l: 'list<int32>' }), 3);
  expect([batch.rows, batch.inputs, batch.logicalBytes, batchToRows(batch)]).toEqual([0, 3, 0, []]);
  batch.release();
  expect(arena.usedSlabs()).toBe(0);
});

it('joins nothing to an empty batch, and shares the columns of a single part', () => {
  const arena = createArena();
  const nothing = concatBatches(arena, 1, FIELDS, []);
  const batch = rowsToBatch(arena, 1, FIELDS, ROWS);
  const single = concatBatches(arena, 1, FIELDS, [nothing, batch], 5);
  expect([nothing.rows, single.inputs, single.column('x').values]).toEqual([0, 5, batch.column('x').values]);
  for (const used of [nothing, batch, single]) used.release();
  expect(arena.usedSlabs()).toBe(0);
});

it('shares a dictionary that all parts have, and unifies others', () => {
  const arena = createArena();
  const fields = fieldsFromShape({ d: 'dictionary<utf8>' });
  const batch = rowsToBatch(arena, 1, fields, [{ d: 'a' }, { d: 'b' }, { d: 'a' }]);
  const other = rowsToBatch(arena, 1, fields, [{ d: 'b' }, { d: 'c' }]);
  const same = concatBatches(arena, 1, fields, [batch, batch]);
  const unified = concatBatches(arena, 1, fields, [batch, other]);
  expect(same.column('d').child?.values).toBe(batch.column('d').child?.values);
  expect(unified.column('d').child?.length).toBe(3);
  for (const used of [batch, other, same, unified]) used.release();
  expect(arena.usedSlabs()).toBe(0);
});

it('leaves nothing allocated when memory ends half-way', () => {
  const arena = createArena();
  const batch = rowsToBatch(arena, 1, fieldsFromShape({ d: 'dictionary<utf8>', x: 'float64' }), {
    d: Array.from({ length: 5_000 }, (_, i) => `k${i}`),
    x: new Float64Array(5_000),
  });
  const used = arena.usedBytes();
  for (let limit = used; limit < used + 400_000; limit += 16_384) {
    arena.setLimit(limit);
    try {
      concatBatches(arena, 1, batch.fields, [batch, batch]).release();
    } catch (error) {
      expect(error).toMatchObject({ code: 'ERR_MEMORY_EXHAUSTED' });
    }
    arena.trim();
    expect(arena.usedBytes()).toBe(used);
  }
  batch.release();
  expect(arena.usedSlabs()).toBe(0);
});
