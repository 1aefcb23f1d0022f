import { col, defineOp } from '@spillway/core';
import {
  type Batch,
  batchToRows,
  buildChain,
  type ChainServices,
  createArena,
  fieldsFromShape,
  type OperatorSpec,
  type Output,
  rowsToBatch,
  type StageSpec,
} from '@spillway/core/internal';
import { expect, test } from 'vitest';
import { chainServices } from '../../../support/driven-stage.ts';
import { makeStage } from '../../../support/stage.ts';

const FIELDS = fieldsFromShape({ value: 'int64' });

const closing: string[] = [];
const op = defineOp(import.meta.url, {
  name: 'op',
  output: 'same',
  options: { as: 'string', breaks: 'boolean?' },
  create: ({ as, breaks }) => {
    if (breaks === true) throw new Error('cannot begin');
    return { process: (batch) => batch, flush: () => ({ value: [0n] }), close: () => void closing.push(as) };
  },
});

function opSpec(as: string, breaks = false): OperatorSpec {
  return {
    kind: 'op',
    op: op.ref,
    options: { as, breaks },
    triggers: {},
    accumulate: true,
    observesBatches: false,
    stateless: false,
    blocking: false,
  };
}

function services(outputs: Output[]): ChainServices {
  return chainServices(createArena({ maximumBytes: 32 * 2 ** 20, debug: true }), outputs);
}

function collect(into: string[], as: string): Output {
  return {
    push: (batch: Batch) => {
      into.push(
        `${as} ${batchToRows(batch)
          .map((row) => row['value'])
          .join(',')}`,
      );
      batch.release();
    },
  };
}

test('several consumers of one place each get the batch: operators first, then edges', async () => {
  const filter = (limit: number): OperatorSpec => ({ kind: 'filter', predicate: col('value').gt(limit).node });
  const base = makeStage(FIELDS, [{ name: 'all', spec: filter(0) }]);
  const [all] = base.operators as [StageSpec['operators'][number]];
  const branch = (name: string, spec: OperatorSpec): StageSpec['operators'][number] => ({
    ...all,
    name,
    spec,
    inputs: [{ from: 'operator', index: 0, port: 'out' }],
  });
  const stage: StageSpec = {
    ...base,
    operators: [all, branch('big', filter(2)), branch('unread', filter(1))],
    outputs: [
      { edge: 1, from: { operator: 0, port: 'out' } },
      { edge: 2, from: { operator: 1, port: 'out' } },
      { edge: 3, from: 'stage-input' },
    ],
  };
  const seen: string[] = [];
  const given = services([collect(seen, 'all'), collect(seen, 'big'), collect(seen, 'input')]);
  const chain = await buildChain(stage, given);
  await chain.push(rowsToBatch(given.arena, 1, FIELDS, [{ value: 0 }, { value: 1 }, { value: 3 }]));
  expect(seen).toEqual(['big 3', 'all 1,3', 'input 0,1,3']);
  await chain.close();
  expect(given.arena.usedSlabs()).toBe(0);
});

test('the end reaches operators inputs first, so that what one flushes passes through the next', async () => {
  const seen: string[] = [];
  const given = services([collect(seen, 'out')]);
  const chain = await buildChain(
    makeStage(FIELDS, [
      { name: 'a', spec: opSpec('a') },
      { name: 'b', spec: { kind: 'memoryBuffer', triggers: {}, accumulate: true } },
    ]),
    given,
  );
  await chain.push(rowsToBatch(given.arena, 1, FIELDS, [{ value: 5 }]));
  await chain.end();
  expect(seen).toEqual(['out 5,0']);
  await chain.close();
  expect(given.arena.usedSlabs()).toBe(0);
});

test('a fan-out waits for each consumer, and a failing one leaves nothing behind', async () => {
  const slow: Output = { push: (batch) => Promise.resolve().then(() => batch.release()) };
  const broken: Output = {
    push: (batch) =>
      Promise.resolve().then(() => {
        batch.release();
        throw new Error('full');
      }),
  };
  const stage: StageSpec = {
    ...makeStage(FIELDS, []),
    outputs: [0, 1, 2].map((edge) => ({ edge, from: 'stage-input' })),
  };
  const given = services([slow, broken, slow]);
  const chain = await buildChain(stage, given);
  await expect(Promise.resolve(chain.push(rowsToBatch(given.arena, 1, FIELDS, [{ value: 1 }])))).rejects.toThrow(
    'full',
  );
  await chain.close();
  expect(given.arena.usedSlabs()).toBe(0);
});

test('when an operator cannot be made, those made before it are closed', async () => {
  closing.length = 0;
  const stage = makeStage(FIELDS, [
    { name: 'first', spec: opSpec('first', true) },
    { name: 'second', spec: opSpec('second') },
  ]);
  await expect(buildChain(stage, services([collect([], 'out')]))).rejects.toMatchObject({
    code: 'ERR_OP_FAILED',
    stage: 'first',
    message: expect.stringContaining('failed in create: cannot begin'),
  });
  expect(closing).toEqual(['second']);
});

test('an op whose module is not there is refused before anything is made', async () => {
  const spec = { ...opSpec('x'), op: { url: 'file:///no/such/module.js', ordinal: 0, name: 'gone' } } as OperatorSpec;
  await expect(buildChain(makeStage(FIELDS, [{ name: 'gone', spec }]), services([]))).rejects.toMatchObject({
    code: 'ERR_OP_IMPORT',
  });
});
