import { defineOp } from '@spillway/core';
import { fieldsFromShape, type OperatorSpec } from '@spillway/core/internal';
import { expect, test } from 'vitest';
import { type Step, startStage } from '../../../support/stage.ts';

const FIELDS = fieldsFromShape({ value: 'int64' });

/** Writes its name down whenever it runs, and passes its input on. */
const log: string[] = [];
const logging = defineOp(import.meta.url, {
  name: 'logging',
  output: 'same',
  options: { as: 'string' },
  create: ({ as }) => ({
    process: (batch) => {
      log.push(as);
      return batch;
    },
  }),
});

function op(name: string, iterMax: number): Step {
  const spec: OperatorSpec = {
    kind: 'op',
    op: logging.ref,
    options: { as: name },
    triggers: { iterMax },
    accumulate: true,
    observesBatches: true,
    stateless: false,
    blocking: false,
  };
  return { name, spec };
}

test('op1(3) op2(2) op3(1) over nine inputs run in the sequence of the design', async () => {
  log.length = 0;
  const stage = await startStage(FIELDS, [op('op1', 3), op('op2', 2), op('op3', 1)]);
  const runs: string[] = [];
  for (let value = 0; value < 9; value++) {
    await stage.push([{ value }]);
    runs.push(log.splice(0).join(' '));
  }
  expect(runs).toEqual(['op1', 'op1', 'op1 op2', 'op1', 'op1', 'op1 op2 op3', 'op1', 'op1', 'op1 op2']);
  const values = (): unknown[] => stage.emitted.flatMap(({ rows }) => rows.map((row) => Number(row['value'])));
  expect(values()).toEqual([0, 1, 2, 3, 4, 5]);

  // op1 is empty by now; op2 holds one input of its two, which the end flushes into op3.
  await stage.end();
  expect(log).toEqual(['op3']);
  expect(values()).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]);
  expect(stage.flushes).toEqual([
    'op1 iterations',
    'op1 iterations',
    'op2 iterations',
    'op3 iterations',
    'op1 iterations',
    'op2 end',
    'op3 iterations',
  ]);
  expect(stage.close()).toBe(0);
});

test('a flush is one input downstream, whatever pieces it has', async () => {
  const buffer = (name: string, iterMax: number): Step => ({
    name,
    spec: { kind: 'memoryBuffer', triggers: { iterMax }, accumulate: true },
  });
  const stage = await startStage(FIELDS, [buffer('first', 2), buffer('second', 2)]);
  const rows = Array.from({ length: 50_000 }, (_, value) => ({ value }));
  await stage.push(rows);
  await stage.push(rows); // 100,000 rows leave in two pieces
  await stage.push([]);
  expect(stage.flushes).toEqual(['first iterations']);
  await stage.push([]);
  expect(stage.flushes).toEqual(['first iterations', 'first iterations', 'second iterations']);
  expect(stage.emitted.map(({ rows: { length }, inputs }) => [length, inputs])).toEqual([
    [50_000, 0],
    [50_000, 1],
  ]);
  expect(stage.close()).toBe(0);
});
