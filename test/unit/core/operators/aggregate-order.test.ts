import { type Fields, PipelineError } from '@spillway/core';
import {
  type Batch,
  createAggregateFinal,
  createAggregatePartial,
  PARTIAL_FIELDS,
  rowsToBatch,
} from '@spillway/core/internal';
import { expect, test } from 'vitest';
import {
  aggregateHarness,
  aggregateSpec,
  aggregation,
  cutBatches,
  runWhole,
  testArena,
} from '../../../support/aggregate-harness.ts';

const FIELDS: Fields = [
  { name: 't', type: 'int64', nullable: true },
  { name: 'v', type: 'float64', nullable: true },
];
const SPEC = aggregateSpec([], [aggregation('a', 10, [{ name: 'n', fn: 'count' }])]);

const arena = testArena();

function rowsOf(...times: (number | null)[]): Record<string, unknown>[] {
  return times.map((t) => ({ t: t === null ? null : BigInt(t), v: 1 }));
}

async function refusal(work: () => unknown): Promise<PipelineError> {
  try {
    await work();
  } catch (error) {
    expect(error).toBeInstanceOf(PipelineError);
    return error as PipelineError;
  }
  throw new Error('nothing was refused');
}

test('a row that goes back is refused with its place and both values', async () => {
  const position = (): { file: string; row: number } => ({ file: 'ticks.parquet', row: 1000 });
  const { operator } = aggregateHarness(arena, SPEC, FIELDS, { position });
  const [batch] = cutBatches(arena, FIELDS, rowsOf(1, 5, 3, 9), [4]) as [Batch];
  const error = await refusal(() => operator.push(batch));
  operator.close();
  expect(error).toMatchObject({
    code: 'ERR_INPUT_UNORDERED',
    file: 'ticks.parquet',
    row: 1002,
    column: 't',
    value: '3',
    expected: 'at least 5',
    stage: 'agg',
  });
  expect(error.message).toContain('from 5 to 3');
  expect(error.hint).toContain('sort');
});

test('a null in the ordered column is refused with its row', async () => {
  const error = await refusal(() => runWhole(arena, SPEC, FIELDS, cutBatches(arena, FIELDS, rowsOf(1, 2, null), [3])));
  expect(error).toMatchObject({ code: 'ERR_INPUT_UNORDERED', row: 2, value: 'null' });
});

test('a batch that begins before the last one ended is refused', async () => {
  const { operator } = aggregateHarness(arena, SPEC, FIELDS);
  const batches = [rowsOf(1, 8), rowsOf(7, 9)].map((rows) => rowsToBatch(arena, 7, FIELDS, rows));
  await operator.push(batches[0] as Batch);
  const error = await refusal(() => operator.push(batches[1] as Batch));
  operator.close();
  expect(error).toMatchObject({ code: 'ERR_INPUT_UNORDERED', value: '7', expected: 'at least 8' });
});

test('the final half sees lanes that disagree, and names the file that the lane read', async () => {
  const packets: Batch[] = [];
  const partials = ['a.parquet', 'b.parquet'].map((file, lane) =>
    aggregateHarness(arena, SPEC, FIELDS, {
      create: createAggregatePartial,
      lane,
      receive: (batch) => void packets.push(batch),
      position: () => ({ file, row: 50 }),
    }),
  );
  for (const [lane, rows] of [rowsOf(5, 20), rowsOf(19, 30)].entries()) {
    await partials[lane]?.operator.push(rowsToBatch(arena, 7, FIELDS, rows));
  }
  const final = aggregateHarness(arena, SPEC, FIELDS, { create: createAggregateFinal });
  expect(packets.every((packet) => packet.fields === PARTIAL_FIELDS)).toBe(true);
  await final.operator.push(packets[0] as Batch);
  const error = await refusal(() => final.operator.push(packets[1] as Batch));
  for (const { operator } of [...partials, final]) operator.close();
  expect(error).toMatchObject({
    code: 'ERR_INPUT_UNORDERED',
    file: 'b.parquet',
    row: 50,
    value: '19',
    expected: 'at least 20',
  });
});

test('equal values are in order, within batches and between them', async () => {
  const results = await runWhole(arena, SPEC, FIELDS, cutBatches(arena, FIELDS, rowsOf(5, 5, 5, 5, 5), [2]));
  expect(results['a']).toEqual([{ t: 0n, n: 5n }]);
});

test('no rows at all give no rows', async () => {
  expect(await runWhole(arena, SPEC, FIELDS, [])).toEqual({ a: [] });
  expect(await runWhole(arena, SPEC, FIELDS, [rowsToBatch(arena, 7, FIELDS, [])])).toEqual({ a: [] });
});
