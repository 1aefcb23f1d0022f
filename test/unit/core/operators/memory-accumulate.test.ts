import { defineFold, type FoldDefinition } from '@spillway/core';
import { fieldsFromShape, type OperatorSpec, type Triggers } from '@spillway/core/internal';
import { expect, test } from 'vitest';
import { startStage, type TestStage } from '../../../support/stage.ts';

const FIELDS = fieldsFromShape({ value: 'int64' });

const total = defineFold(import.meta.url, {
  name: 'total',
  output: { rows: 'int64', total: 'int64' },
  init: () => ({ rows: 0n, total: 0n }),
  update: async (state: { rows: bigint; total: bigint }, batch) => {
    let sum = state.total;
    for (const value of batch.getChild('value')!.toArray() as BigInt64Array) sum += value;
    return { rows: state.rows + BigInt(batch.numRows), total: sum };
  },
  finish: ({ rows, total: sum }) => ({ rows: [rows], total: [sum] }),
});

const failing = defineFold(import.meta.url, {
  name: 'failing',
  output: { rows: 'int64', total: 'int64' },
  init: () => 0,
  update: (): number => {
    throw new Error('no');
  },
  finish: () => null,
});

const batches = defineFold(import.meta.url, {
  name: 'batches',
  output: { rows: 'int64', total: 'int64' },
  init: () => 0,
  update: (count: number) => count + 1,
  finish: (count) => ({ rows: [BigInt(count)], total: [0n] }),
});

function start(triggers: Triggers, resetOnFlush = true, fold: unknown = total): Promise<TestStage> {
  const { ref } = fold as FoldDefinition;
  const spec: OperatorSpec = { kind: 'memoryAccumulate', fold: ref, options: {}, triggers, resetOnFlush };
  return startStage(FIELDS, [{ name: ref.name, spec, fields: fieldsFromShape({ rows: 'int64', total: 'int64' }) }]);
}

const out = (stage: TestStage): string[] =>
  stage.emitted.map(({ rows, inputs }) => `${rows.map((row) => `${row['rows']}:${row['total']}`).join(' ')}/${inputs}`);
const values = (...given: number[]): { value: number }[] => given.map((value) => ({ value }));

test('emits at each trigger and starts again; the end emits the left-over', async () => {
  const stage = await start({ iterMax: 2 });
  for (const value of [1, 2, 3]) await stage.push(values(value, value));
  expect(out(stage)).toEqual(['4:6/1']);
  expect(stage.chain.operators[0]?.held?.()).toMatchObject({ inputs: 1, rows: 2 });
  await stage.end();
  expect(out(stage)).toEqual(['4:6/1', '2:6/1']);
  expect(stage.flushes).toEqual(['total iterations', 'total end']);
  expect(stage.close()).toBe(0);
});

test('with resetOnFlush: false emits and keeps the state', async () => {
  const stage = await start({ iterMax: 1 }, false);
  for (const value of [1, 2, 3]) await stage.push(values(value));
  await stage.end();
  expect(out(stage)).toEqual(['1:1/1', '2:3/1', '3:6/1']);
  expect(stage.close()).toBe(0);
});

test('without triggers emits once, at the end; without input nothing', async () => {
  const stage = await start({});
  await stage.push(values(1, 2));
  await stage.push(values(3));
  await stage.end();
  expect(out(stage)).toEqual(['3:6/1']);
  expect(stage.close()).toBe(0);
  const idle = await start({});
  await idle.end();
  expect(idle.emitted).toEqual([]);
  expect(idle.close()).toBe(0);
});

test('rows fire on rows folded, and pressure never flushes', async () => {
  const stage = await start({ rows: 3 });
  await stage.push(values(1, 2));
  await stage.chain.operators[0]?.flush('pressure');
  expect(out(stage)).toEqual([]);
  await stage.push(values(3));
  expect(out(stage)).toEqual(['3:6/1']);
  expect(stage.flushes).toEqual(['total rows']);
  expect(stage.close()).toBe(0);
});

test('a fold that throws fails with its name', async () => {
  const stage = await start({}, true, failing);
  await expect(stage.push(values(1))).rejects.toMatchObject({ code: 'ERR_OP_FAILED', stage: 'failing' });
  expect(stage.close()).toBe(0);
});

test('folds logical inputs whole, in however many pieces they come', async () => {
  const stage = await start({ iterMax: 3 }, true, batches);
  for (const inputs of [0, 0, 1, 1, 0, 1, 0]) await stage.push(values(1, 2), inputs);
  expect(out(stage)).toEqual(['3:0/1']);
  expect(stage.close()).toBe(0);
});
