import { Readable } from 'node:stream';
import { createPipeline, fromIterable } from '@spillway/core';
import { runReference } from '@spillway/core/internal';
import { expect, test } from 'vitest';

const schema = { t: 'int64' } as const;
const p = createPipeline();

test('single rows are gathered, batches of every form stand for themselves', async () => {
  const items = [{ t: 1 }, { t: 2 }, { t: 3 }, { t: BigInt64Array.of(4n, 5n) }, [{ t: 6 }], { t: 7 }];
  const { outputs } = await runReference([p.source(fromIterable(schema, items, { batchRows: 2 })).collect()]);
  expect(outputs[0]?.batches).toEqual([[[1n], [2n]], [[3n]], [[4n], [5n]], [[6n]], [[7n]]]);
});

test('generators, async generators and Node streams are sources', async () => {
  async function* later() {
    yield { t: 1 };
    yield { t: 2 };
  }
  for (const items of [later(), Readable.from([{ t: 1 }, { t: 2 }]), new Set([{ t: 1 }, { t: 2 }])]) {
    const { outputs } = await runReference([p.source(fromIterable(schema, items)).collect()]);
    expect(outputs[0]?.batches).toEqual([[[1n], [2n]]]);
  }
});

test('a generator cannot be read twice, and says so', async () => {
  function* once() {
    yield { t: 1 };
  }
  const sink = p.source(fromIterable(schema, once())).collect();
  await runReference([sink]);
  await expect(runReference([sink])).rejects.toMatchObject({ code: 'ERR_PLAN' });
});

test('emit resolves when its input has been taken, and fails after the end', async () => {
  const input = p.pushSource(schema);
  const taken: string[] = [];
  const running = runReference([input.stream.forEach(() => void taken.push('run'))]);
  await input.emit([{ t: 1 }]);
  taken.push('emitted');
  await input.emit({ t: [2n, 3n] });
  input.end();
  await expect(input.emit([{ t: 4 }])).rejects.toMatchObject({ code: 'ERR_PLAN' });
  await running;
  expect(taken).toEqual(['run', 'emitted', 'run']);
});

test('a run that fails rejects the emit that was under way', async () => {
  const input = p.pushSource(schema);
  const running = runReference([
    input.stream.forEach(() => {
      throw new Error('full');
    }),
  ]);
  await expect(input.emit([{ t: 1 }])).rejects.toThrow('full');
  await expect(running).rejects.toThrow('full');
  await expect(input.emit([{ t: 2 }])).rejects.toThrow('full');
});

test('an emit that nobody awaits does not end the process when the run fails: the run tells', async () => {
  const input = p.pushSource(schema, { orderedOn: 't' });
  const unhandled: unknown[] = [];
  const keep = (reason: unknown): unknown => unhandled.push(reason);
  process.on('unhandledRejection', keep);
  const running = runReference([input.stream.collect()]);
  for (const t of [2, 1, 3]) void input.emit([{ t }]);
  await expect(running).rejects.toMatchObject({ code: 'ERR_INPUT_UNORDERED' });
  void input.emit([{ t: 4 }]);
  await new Promise((resolve) => setImmediate(resolve));
  process.off('unhandledRejection', keep);
  expect(unhandled).toEqual([]);
});

test('an aborted run rejects emits that wait and closes iterators', async () => {
  const controller = new AbortController();
  let isClosed = false;
  async function* endless() {
    try {
      for (let t = 0; ; t++) yield [{ t }];
    } finally {
      isClosed = true;
    }
  }
  let count = 0;
  const sink = p.source(fromIterable(schema, endless())).forEach(() => {
    if (++count === 3) controller.abort(new Error('enough'));
  });
  await expect(runReference([sink], { signal: controller.signal })).rejects.toThrow('enough');
  await new Promise((resolve) => setImmediate(resolve));
  expect(isClosed).toBe(true);
});

test('batches can be read in a loop while the run goes on', async () => {
  const sink = p.source(fromIterable(schema, [[{ t: 1 }], [{ t: 2 }]])).toIterable();
  const running = runReference([sink]);
  const seen: number[] = [];
  for await (const batch of sink) seen.push(batch.numRows);
  await running;
  expect(seen).toEqual([1, 1]);
});

test('the loop throws what the run failed with', async () => {
  const sink = p.source(fromIterable(schema, [[{ t: 2 }], [{ t: 1 }]], { orderedOn: 't' })).toIterable();
  const running = runReference([sink]).catch((error: unknown) => error);
  const read = async () => {
    for await (const batch of sink) void batch;
  };
  await expect(read()).rejects.toMatchObject({ code: 'ERR_INPUT_UNORDERED' });
  expect(await running).toMatchObject({ code: 'ERR_INPUT_UNORDERED' });
});

test('an iterable that never waits leaves timers and signals their turn', async () => {
  function* endless() {
    for (let t = 0; ; t++) yield { t };
  }
  const sink = p.source(fromIterable(schema, endless(), { batchRows: 10 })).forEach(() => {});
  const timed = { signal: AbortSignal.timeout(30) };
  await expect(runReference([sink], timed)).rejects.toMatchObject({ name: 'TimeoutError' });
});

test('what an iterable throws is named as its own, with the cause', async () => {
  const broken = new TypeError('broken line');
  const sources = {
    *sync() {
      yield { t: 1 };
      throw broken;
    },
    async *later() {
      yield { t: 1 };
      throw broken;
    },
  };
  for (const items of [sources.sync(), sources.later()]) {
    const running = runReference([p.source(fromIterable(schema, items, { name: 'lines' })).collect()]);
    await expect(running).rejects.toMatchObject({ code: 'ERR_SOURCE_FAILED', stage: 'lines', cause: broken });
  }
});

test('what the function of forEach throws is named as its own, with the cause', async () => {
  const full = new Error('full');
  for (const take of [() => Promise.reject(full), () => never(full)]) {
    const running = runReference([p.source(fromIterable(schema, [{ t: 1 }])).forEach(take)]);
    await expect(running).rejects.toMatchObject({ code: 'ERR_CALLBACK_FAILED', cause: full });
  }
});

function never(error: Error): never {
  throw error;
}

test('a sink that is read in a loop can be read again in another run', async () => {
  const sink = p.source(fromIterable(schema, [[{ t: 1 }], [{ t: 2 }]])).toIterable();
  const seen: number[] = [];
  for (let round = 0; round < 2; round++) {
    const running = runReference([sink]);
    for await (const batch of sink) seen.push(batch.numRows);
    await running;
  }
  expect(seen).toEqual([1, 1, 1, 1]);
});

test('a loop that was left early does not disturb the next run', async () => {
  const sink = p.source(fromIterable(schema, [[{ t: 1 }], [{ t: 2 }], [{ t: 3 }]])).toIterable();
  const left = runReference([sink]);
  left.catch(() => {});
  for await (const batch of sink) if (batch.numRows > 0) break;
  await expect(left).rejects.toMatchObject({ code: 'ERR_ABORTED' });
  const running = runReference([sink]);
  let rows = 0;
  for await (const batch of sink) rows += batch.numRows;
  await running;
  expect(rows).toBe(3);
});

test('a stream in place of a sink is refused with what is missing', async () => {
  const stream = p.source(fromIterable(schema, [{ t: 1 }]));
  await expect(runReference([stream as never])).rejects.toMatchObject({
    code: 'ERR_PLAN',
    hint: expect.stringContaining('collect()'),
  });
});
