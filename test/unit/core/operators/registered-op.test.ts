import { col, defineOp, type OpDefinition, type OpResult } from '@spillway/core';
import { fieldsFromShape, type OperatorSpec, POISON, type Triggers } from '@spillway/core/internal';
import { type RecordBatch as AnyBatch, makeVector, RecordBatch, tableFromArrays } from 'apache-arrow';
import { describe, expect, test } from 'vitest';
import { type Step, startStage, type TestStage } from '../../../support/stage.ts';

const FIELDS = fieldsFromShape({ value: 'int64', text: 'utf8', x: 'float64' });

/** What each test's op does; ops are registered once, as in a module. */
let behaviour: (batch: AnyBatch) => OpResult | Promise<OpResult> = () => null;
let flushed: (() => OpResult | Promise<OpResult>) | undefined;
let closed = 0;

function instance(): { process: typeof behaviour; flush?: () => OpResult | Promise<OpResult>; close: () => void } {
  return { process: (batch) => behaviour(batch), ...(flushed && { flush: flushed }), close: () => void (closed += 1) };
}

const same = defineOp(import.meta.url, { name: 'same', output: 'same', create: () => instance() as never });
const observing = defineOp(import.meta.url, {
  name: 'observing',
  output: 'same',
  observes: 'batches',
  create: () => instance() as never,
});
const counts = defineOp(import.meta.url, { name: 'counts', output: { n: 'int64' }, create: () => instance() as never });

const COUNTS = fieldsFromShape({ n: 'int64' });

function step(
  definition: OpDefinition<never, never, never, never>,
  more: { triggers?: Triggers; accumulate?: boolean; emissionsVisible?: boolean } = {},
): Step {
  const op = definition as unknown as OpDefinition;
  const spec: OperatorSpec = {
    kind: 'op',
    op: op.ref,
    options: {},
    triggers: more.triggers ?? {},
    accumulate: more.accumulate ?? true,
    observesBatches: op.observesBatches,
    stateless: false,
    blocking: false,
  };
  return {
    name: op.ref.name,
    spec,
    emissionsVisible: more.emissionsVisible ?? true,
    ...(op.output !== 'same' && { fields: COUNTS }),
  };
}

type Options = Parameters<typeof step>[1];

async function start(
  definition: unknown,
  process: typeof behaviour,
  options: Options & { flush?: typeof flushed; position?: { file?: string; row?: number } } = {},
): Promise<TestStage> {
  behaviour = process;
  flushed = options.flush;
  return startStage(FIELDS, [step(definition as never, options)], { position: () => options.position ?? {} });
}

const rowsOf = (...values: number[]): Record<string, unknown>[] =>
  values.map((value) => ({ value, text: `t${value}`, x: value / 2 }));
const out = (stage: TestStage, column = 'value'): string[] =>
  stage.emitted.map(({ rows, inputs }) => `${rows.map((row) => String(row[column])).join(' ')}/${inputs}`);

describe('results of a registered op', () => {
  test('its own batch, given back, is not copied', async () => {
    const stage = await start(same, (batch) => batch);
    await stage.push(rowsOf(1, 2));
    expect(out(stage)).toEqual(['1 2/1']);
    expect(stage.close()).toBe(0);
  });

  test('plain columns: arrays, typed arrays, and those left out kept from the input', async () => {
    const stage = await start(same, (batch) => ({
      value: (batch.getChild('value')!.toArray() as BigInt64Array).map((v) => v * 2n),
      text: ['a', null],
    }));
    await stage.push(rowsOf(1, 2));
    expect(stage.emitted[0]?.rows).toEqual([
      { value: 2n, text: 'a', x: 0.5 },
      { value: 4n, text: null, x: 1 },
    ]);
    expect(stage.close()).toBe(0);
  });

  test('a column of the input under another name of its type is shared', async () => {
    const stage = await start(counts, (batch) => ({ n: batch.getChild('value')!.toArray() as BigInt64Array }));
    await stage.push(rowsOf(7, 8));
    expect(out(stage, 'n')).toEqual(['7 8/1']);
    expect(stage.close()).toBe(0);
  });

  test('record batches and several parts, in order', async () => {
    const stage = await start(counts, () => [
      { n: [1n] },
      tableFromArrays({ n: BigInt64Array.of(2n, 3n) }).batches[0] as AnyBatch,
      { n: BigInt64Array.of(4n) },
    ]);
    await stage.push(rowsOf(1));
    expect(out(stage, 'n')).toEqual(['1/0', '2 3/0', '4/1']);
    expect(stage.close()).toBe(0);
  });

  test('a batch made of the borrowed columns keeps their memory', async () => {
    const stage = await start(
      same,
      (batch) =>
        new RecordBatch({
          value: batch.getChild('value')?.data[0],
          text: batch.getChild('text')?.data[0],
          x: makeVector(Float64Array.of(9, 9)).data[0],
        } as never),
    );
    await stage.push(rowsOf(1, 2));
    expect(stage.emitted[0]?.rows).toEqual([
      { value: 1n, text: 't1', x: 9 },
      { value: 2n, text: 't2', x: 9 },
    ]);
    expect(stage.close()).toBe(0);
  });

  test('nothing, for an input, is an empty input; for a piece it is nothing', async () => {
    const stage = await start(same, () => null);
    await stage.push(rowsOf(1), 0);
    await stage.push(rowsOf(2), 1);
    expect(out(stage)).toEqual(['/1']);
    expect(stage.close()).toBe(0);
  });

  test('large results leave in pieces of one input', async () => {
    const stage = await start(counts, () => ({ n: new BigInt64Array(150_000) }), { triggers: { iterMax: 1 } });
    await stage.push(rowsOf(1));
    expect(stage.emitted.map(({ rows, inputs }) => [rows.length, inputs])).toEqual([
      [65_536, 0],
      [65_536, 0],
      [18_928, 1],
    ]);
    expect(stage.close()).toBe(0);
  });

  test.each<[string, OpResult, object]>([
    ['a column too many', { n: [1n], m: [1n] } as OpResult, { column: 'm' }],
    ['a missing column', {} as OpResult, { column: 'n', expected: 'an array for int64' }],
    ['a value of another type', { n: ['x'] }, { column: 'n', value: '"x"' }],
    ['no columns at all', 5 as never, { value: 'number 5' }],
    [
      'a record batch of another type',
      tableFromArrays({ n: Float64Array.of(1) }).batches[0] as AnyBatch,
      { column: 'n', expected: 'int64', value: 'float64' },
    ],
  ])('%s is ERR_OP_OUTPUT', async (_what, result, detail) => {
    const stage = await start(counts, () => result);
    await expect(stage.push(rowsOf(1))).rejects.toMatchObject({ code: 'ERR_OP_OUTPUT', stage: 'counts', ...detail });
    expect(stage.close()).toBe(0);
  });

  test('columns of different lengths are refused', async () => {
    const stage = await start(same, () => ({ value: [1], text: ['a', 'b'], x: [1, 2] }));
    await expect(stage.push(rowsOf(1))).rejects.toMatchObject({ code: 'ERR_OP_OUTPUT', column: 'text', value: '2' });
    expect(stage.close()).toBe(0);
  });
});

describe('user code that fails', () => {
  test('names the op and the rows of its batch, and keeps the cause', async () => {
    const cause = new RangeError('not this one');
    const stage = await start(
      same,
      () => {
        throw cause;
      },
      { position: { file: 'f.parquet', row: 1_179_648 } },
    );
    const rows = Array.from({ length: 65_536 }, () => ({ value: 1 }));
    await expect(stage.push(rows)).rejects.toMatchObject({
      code: 'ERR_OP_FAILED',
      stage: 'same',
      file: 'f.parquet',
      cause,
      message: expect.stringContaining('on rows 1,179,648 to 1,245,183 of f.parquet: not this one'),
    });
    expect(stage.close()).toBe(0);
  });

  test('adds the row that the error names', async () => {
    const stage = await start(same, () => Promise.reject(Object.assign(new Error('bad'), { row: 2 })), {
      position: { row: 1_234_565 },
    });
    await expect(stage.push(rowsOf(1, 2, 3))).rejects.toMatchObject({
      code: 'ERR_OP_FAILED',
      row: 1_234_567,
      message: expect.stringContaining('row 1,234,567'),
    });
    expect(stage.close()).toBe(0);
  });

  test('in flush is named as such', async () => {
    const stage = await start(same, () => null, {
      flush: () => {
        throw new Error('late');
      },
    });
    await expect(stage.end()).rejects.toMatchObject({
      code: 'ERR_OP_FAILED',
      message: expect.stringContaining('failed in flush: late'),
    });
    expect(stage.close()).toBe(0);
  });
});

describe('rows that steps before have dropped', () => {
  test('make the place the row of the batch and the rows of the morsel', async () => {
    behaviour = () => {
      throw Object.assign(new Error('bad'), { row: 0 });
    };
    const keep = { name: 'keep', spec: { kind: 'filter', predicate: col('value').gt(1).node } } as Step;
    const stage = await startStage(FIELDS, [keep, step(same as never)], { position: () => ({ row: 1_000 }) });
    await expect(stage.push(rowsOf(1, 2, 3))).rejects.toMatchObject({
      row: 1_000,
      message: expect.stringContaining('row 0 of rows 1,000 to 1,002'),
    });
    expect(stage.close()).toBe(0);
  });
});

describe('borrowing', () => {
  test('a batch is poisoned once the promise of its op has settled', async () => {
    let kept: Float64Array | undefined;
    let duringAwait = 0;
    const stage = await start(counts, async (batch) => {
      kept = batch.getChild('x')?.toArray() as Float64Array;
      await Promise.resolve();
      duringAwait = kept[0] as number;
      return { n: [1n] };
    });
    await stage.push(Array.from({ length: 10_000 }, () => ({ value: 1, x: 4 })));
    expect(duringAwait).toBe(4);
    const poison = new Float64Array(Uint8Array.from({ length: 8 }, () => POISON).buffer)[0];
    expect(kept?.[5_000]).toBe(poison);
    expect(stage.close()).toBe(0);
  });
});

describe('triggers of a registered op', () => {
  test('process runs at once, results wait, a flush sends them and then what the op holds', async () => {
    let seen = 0;
    const stage = await start(
      counts,
      (batch) => {
        seen += batch.numRows;
        return { n: [BigInt(batch.numRows)] };
      },
      { triggers: { iterMax: 2 }, flush: () => ({ n: [-1n] }) },
    );
    await stage.push(rowsOf(1, 2));
    expect(seen).toBe(2);
    expect(out(stage, 'n')).toEqual([]);
    await stage.push(rowsOf(3));
    expect(out(stage, 'n')).toEqual(['2 1 -1/1']);
    await stage.push(rowsOf(4));
    await stage.end();
    expect(out(stage, 'n')).toEqual(['2 1 -1/1', '1 -1/1']);
    expect(stage.flushes).toEqual(['counts iterations', 'counts end']);
    expect(stage.close()).toBe(0);
  });

  test('a flush of nothing is an empty input', async () => {
    const stage = await start(counts, () => null, { triggers: { iterMax: 2 } });
    for (const value of [1, 2, 3, 4]) await stage.push(rowsOf(value));
    await stage.end();
    expect(out(stage, 'n')).toEqual(['/1', '/1']);
    expect(stage.close()).toBe(0);
  });

  test('without triggers its flush comes once, at the end, as an input of its own', async () => {
    const stage = await start(counts, () => ({ n: [1n] }), { flush: () => ({ n: [2n] }) });
    await stage.push(rowsOf(1));
    await stage.end();
    expect(out(stage, 'n')).toEqual(['1/1', '2/1']);
    expect(stage.close()).toBe(0);
  });

  test('with accumulate: false results pass on at once', async () => {
    const stage = await start(same, (batch) => batch, { triggers: { iterMax: 2 }, accumulate: false });
    for (const value of [1, 2, 3]) await stage.push(rowsOf(value));
    expect(out(stage)).toEqual(['1/1', '2/1', '3/1']);
    expect(stage.flushes).toEqual(['same iterations']);
    expect(stage.close()).toBe(0);
  });

  test('pressure never calls the op and never moves an input', async () => {
    let flushes = 0;
    const stage = await start(same, (batch) => batch, {
      triggers: { iterMax: 2 },
      emissionsVisible: false,
      flush: () => void (flushes += 1) as never,
    });
    await stage.push(rowsOf(1));
    await stage.chain.operators[0]?.flush('pressure');
    expect([out(stage), flushes]).toEqual([['1/0'], 0]);
    await stage.push(rowsOf(2));
    expect([out(stage), flushes]).toEqual([['1/0', '2/1'], 1]);
    expect(stage.close()).toBe(0);
  });
});

describe('ops that observe batches', () => {
  test('get whole logical batches, empty ones too', async () => {
    const sizes: number[] = [];
    const stage = await start(observing, (batch) => {
      sizes.push(batch.numRows);
      return batch;
    });
    await stage.push(rowsOf(1, 2), 0);
    await stage.push(rowsOf(3), 0);
    await stage.push(rowsOf(4), 1);
    await stage.push([], 1);
    expect(sizes).toEqual([4, 0]);
    expect(out(stage)).toEqual(['1 2 3 4/1', '/1']);
    expect(stage.close()).toBe(0);
  });

  test('others are not called for batches without rows', async () => {
    const sizes: number[] = [];
    const stage = await start(same, (batch) => void sizes.push(batch.numRows) as never);
    await stage.push([], 1);
    expect([sizes, out(stage)]).toEqual([[], ['/1']]);
    expect(stage.close()).toBe(0);
  });
});

test('close is called once, with rows still held', async () => {
  const stage = await start(same, (batch) => batch, { triggers: { iterMax: 5 } });
  await stage.push(rowsOf(1, 2, 3));
  closed = 0;
  expect(stage.close()).toBe(0);
  expect(closed).toBe(1);
});
