import { createPipeline, defineOp, fromIterable } from '@spillway/core';
import { runReference } from '@spillway/core/internal';
import { expect, test } from 'vitest';

const calls: string[] = [];

function counted(label: string) {
  return defineOp(import.meta.url, {
    name: label,
    output: 'same',
    create: () => ({
      process: (batch) => {
        calls.push(label);
        return batch;
      },
    }),
  });
}

const p = createPipeline().register({ op1: counted('op1'), op2: counted('op2'), op3: counted('op3') });
const schema = { value: 'int64' } as const;
const oneRowInputs = (count: number) => Array.from({ length: count }, (_, value) => [{ value }]);

function cascade(inputs: number) {
  calls.length = 0;
  const stream = p.source(fromIterable(schema, oneRowInputs(inputs)));
  return runReference([stream.op1({ iterMax: 3 }).op2({ iterMax: 2 }).op3({ iterMax: 1 }).collect()]);
}

test('nine inputs through op1(3), op2(2), op3(1) run in the order of the design', async () => {
  await cascade(9);
  const atEnd = ['op3'];
  expect(calls).toEqual([
    'op1',
    'op1',
    'op1',
    'op2',
    'op1',
    'op1',
    'op1',
    'op2',
    'op3',
    'op1',
    'op1',
    'op1',
    'op2',
    ...atEnd,
  ]);
});

test('every flush says why, and counters start again after it', async () => {
  const { flushes } = await cascade(9);
  expect(flushes.map(({ node, reason, inputs, rows }) => `${node} ${reason} ${inputs}/${rows}`)).toEqual([
    'op1 iterations 3/3',
    'op1 iterations 3/3',
    'op2 iterations 2/6',
    'op3 iterations 1/6',
    'op1 iterations 3/3',
    'op2 end 1/3',
    'op3 iterations 1/3',
  ]);
});

test('left-overs of every step arrive at the end, in order', async () => {
  const { outputs } = await cascade(11);
  expect(outputs[0]?.batches).toEqual([
    [[0n], [1n], [2n], [3n], [4n], [5n]],
    [[6n], [7n], [8n], [9n], [10n]],
  ]);
});

test('an input of which nothing is left still counts', async () => {
  const drop = defineOp(import.meta.url, { output: 'same', create: () => ({ process: () => null }) });
  const stream = createPipeline().source(fromIterable(schema, oneRowInputs(4)));
  const { outputs } = await runReference([stream.map(drop).memoryBuffer({ iterMax: 2 }).collect()]);
  expect(outputs[0]?.batches).toEqual([[], []]);
});

test('rows and memoryLimit fire when an input has been taken whole', async () => {
  const stream = createPipeline().source(
    fromIterable(schema, [oneRowInputs(3).flat(), oneRowInputs(3).flat(), oneRowInputs(1).flat()]),
  );
  const byRows = stream.memoryBuffer({ rows: 4 }).collect();
  const byBytes = stream.memoryBuffer({ memoryLimit: 25 }).collect();
  const { outputs, flushes } = await runReference([byRows, byBytes]);
  expect(outputs.map(({ batches }) => batches.map((batch) => batch.length))).toEqual([
    [6, 1],
    [6, 1],
  ]);
  expect(flushes.map((flush) => flush.reason)).toEqual(['rows', 'memory', 'end', 'end']);
});

test('accumulate: false hands every input straight on', async () => {
  const stream = createPipeline().source(fromIterable(schema, oneRowInputs(3)));
  const { outputs, flushes } = await runReference([stream.memoryBuffer({ iterMax: 2, accumulate: false }).collect()]);
  expect(outputs[0]?.batches).toEqual([[[0n]], [[1n]], [[2n]]]);
  expect(flushes.map(({ reason, inputs }) => [reason, inputs])).toEqual([
    ['iterations', 2],
    ['end', 1],
  ]);
});

test("an op's own flush follows what waited, in the same input", async () => {
  const tail = defineOp(import.meta.url, {
    output: 'same',
    create: () => ({ process: (batch) => batch, flush: () => ({ value: [100n] }) }),
  });
  const stream = createPipeline().source(fromIterable(schema, oneRowInputs(3)));
  const { outputs } = await runReference([stream.map(tail, { iterMax: 2 }).collect()]);
  expect(outputs[0]?.batches).toEqual([
    [[0n], [1n], [100n]],
    [[2n], [100n]],
  ]);
});
