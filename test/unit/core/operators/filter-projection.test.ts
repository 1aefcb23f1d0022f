import { col, when } from '@spillway/core';
import { type Batch, fieldsFromShape, rowsToBatch, sliceBatch } from '@spillway/core/internal';
import { describe, expect, test } from 'vitest';
import { startStage } from '../../../support/stage.ts';

const FIELDS = fieldsFromShape({
  n: 'int32',
  x: 'float64',
  s: 'utf8',
  d: 'dictionary<utf8>',
  ok: 'bool',
  l: 'list<utf8>',
  dec: 'decimal(10, 2)',
  raw: 'fixed[3]',
  bin: 'binary',
});

function row(n: number | null): Record<string, unknown> {
  const k = n ?? 0;
  return {
    n,
    x: k / 2,
    s: `s${k}`,
    d: k % 2 === 0 ? 'even' : 'odd',
    ok: k % 3 === 0,
    l: k % 4 === 0 ? null : Array.from({ length: k % 3 }, (_, i) => `e${k + i}`),
    dec: `${k}.25`,
    raw: Uint8Array.of(k, k, k),
    bin: k % 5 === 0 ? null : new Uint8Array(k % 4).fill(k),
  };
}

const filter = (predicate: { node: unknown }): never =>
  ({ name: 'filter', spec: { kind: 'filter', predicate: predicate.node } }) as never;

describe('filter', () => {
  test('keeps the rows for which the condition is true, in every type of column', async () => {
    const stage = await startStage(FIELDS, [filter(col('n').mod(3).eq(1))]);
    const rows = Array.from({ length: 100 }, (_, n) => row(n % 17 === 0 ? null : n));
    await stage.push(rows);
    const kept = rows.filter(({ n }) => n !== null && (n as number) % 3 === 1);
    expect(stage.emitted).toEqual([{ rows: kept, inputs: 1 }]);
    expect(stage.close()).toBe(0);
  });

  test('hands a batch on as it is when all rows pass', async () => {
    let seen: Batch | undefined;
    const stage = await startStage(FIELDS, [filter(col('n').isNotNull())], {
      outputs: [{ push: (batch) => void (seen = batch) }],
    });
    const batch = rowsToBatch(stage.arena, 1, FIELDS, [row(1), row(2)]);
    await stage.chain.push(batch);
    expect(seen).toBe(batch);
    seen?.release();
    expect(stage.close()).toBe(0);
  });

  test('an input without rows left is still an input; a piece without rows is nothing', async () => {
    const stage = await startStage(FIELDS, [filter(col('n').lt(0))]);
    await stage.push([row(1)], 0);
    expect(stage.emitted).toEqual([]);
    await stage.push([row(2)], 1);
    await stage.push([], 1);
    await stage.push([], 0);
    expect(stage.emitted).toEqual([
      { rows: [], inputs: 1 },
      { rows: [], inputs: 1 },
    ]);
    expect(stage.close()).toBe(0);
  });

  test('an error names stage, row of the source, column and value, and leaves nothing behind', async () => {
    const stage = await startStage(FIELDS, [filter(col('s').cast('int64').gt(0))], {
      position: () => ({ file: 'ticks.parquet', row: 1_000 }),
    });
    await expect(stage.push([{ s: '1' }, { s: null }, { s: 'x1' }])).rejects.toMatchObject({
      code: 'ERR_VALUE',
      stage: 'filter',
      column: 's',
      row: 1_002,
      value: 'x1',
      file: 'ticks.parquet',
    });
    expect(stage.close()).toBe(0);
  });
});

describe('select and withColumns', () => {
  test('withColumns adds and replaces; untouched columns are not copied', async () => {
    const fields = [
      ...FIELDS.map((field) => (field.name === 'n' ? { ...field, type: 'int64' as const } : field)),
      { name: 'y', type: 'float64' as const, nullable: true },
    ];
    const columns = [
      { name: 'n', expression: col('n').add(1).node },
      { name: 'y', expression: when(col('ok'), col('x').mul(10), 0).node },
    ];
    let seen: Batch | undefined;
    const stage = await startStage(FIELDS, [{ name: 'with', spec: { kind: 'withColumns', columns }, fields }], {
      outputs: [{ push: (batch) => void (seen = batch) }],
    });
    const batch = rowsToBatch(stage.arena, 1, FIELDS, [row(3), row(4)]);
    const untouched = batch.column('s').values;
    await stage.chain.push(batch);
    expect(seen?.column('s').values).toBe(untouched);
    expect([...new BigInt64Array(stage.arena.buffer, seen?.column('n').values, 2)]).toEqual([4n, 5n]);
    expect([...new Float64Array(stage.arena.buffer, seen?.column('y').values, 2)]).toEqual([15, 0]);
    seen?.release();
    expect(stage.close()).toBe(0);
  });

  test('select keeps exactly its columns, in order, and the inputs of empty batches', async () => {
    const fields = fieldsFromShape({ twice: 'float64', s: 'utf8' });
    const columns = [
      { name: 'twice', expression: col('x').mul(2).node },
      { name: 's', expression: col('s').node },
    ];
    const stage = await startStage(FIELDS, [{ name: 'select', spec: { kind: 'select', columns }, fields }]);
    await stage.push([row(5)]);
    await stage.push([], 1);
    await stage.push([], 0);
    expect(stage.emitted).toEqual([
      { rows: [{ twice: 5, s: 's5' }], inputs: 1 },
      { rows: [], inputs: 1 },
    ]);
    expect(stage.close()).toBe(0);
  });

  test('an overflow names the column that is computed', async () => {
    const fields = fieldsFromShape({ big: 'int64' });
    const columns = [
      { name: 'big', expression: col('n').cast('int64').mul(9_007_199_254_740_991).mul(9_007_199_254_740_991).node },
    ];
    const stage = await startStage(FIELDS, [{ name: 'select', spec: { kind: 'select', columns }, fields }]);
    await expect(stage.push([row(0), row(1)])).rejects.toMatchObject({
      code: 'ERR_INTEGER_OVERFLOW',
      column: 'big',
      row: 1,
    });
    expect(stage.close()).toBe(0);
  });
});

test('slices are filtered and computed like whole batches', async () => {
  const stage = await startStage(FIELDS, [filter(col('ok').not().and(col('d').eq('odd')))]);
  const rows = Array.from({ length: 64 }, (_, n) => row(n));
  const batch = rowsToBatch(stage.arena, 1, FIELDS, rows);
  await stage.chain.push(sliceBatch(stage.arena, 1, batch, 5, 41));
  batch.release();
  const kept = rows.slice(5, 46).filter(({ ok, d }) => ok === false && d === 'odd');
  expect(stage.emitted).toEqual([{ rows: kept, inputs: 1 }]);
  expect(stage.close()).toBe(0);
});
