/** The cases of ../shared/cases/streamz.md, by outcome: one element is one row, a tuple of elements is a logical batch. */
import { col, createPipeline, fromIterable, lit, PipelineError, type Stream } from '@spillway/core';
import { type Run, run } from '@spillway/workers';
import { expect, test } from 'vitest';
import { addUp, failAt, totalBefore } from '#fixtures/ops';

const upTo = (count: number) => Array.from({ length: count }, (_, n) => ({ n }));
const p = () => createPipeline();
/** Elements as they would be emitted: one row an input. */
const emitted = (count: number) =>
  p().source(
    fromIterable(
      { n: 'int64' },
      upTo(count).map((row) => [row]),
    ),
  );

// biome-ignore lint/suspicious/noExplicitAny: streams of any columns
async function values(stream: Stream<any>, column = 'n', workers = 2): Promise<unknown[]> {
  const sink = stream.collect();
  const job = run([sink], { workers });
  await job.done;
  return (await job.rows(sink)).map((row) => plain((row as Record<string, unknown>)[column]));
}

// biome-ignore lint/suspicious/noExplicitAny: as above
async function batches(stream: Stream<any>): Promise<unknown[][]> {
  const seen: unknown[][] = [];
  const take = (rows: readonly Record<string, unknown>[]): void => void seen.push(rows.map(({ n }) => plain(n)));
  await run([stream.forEach(take, { takes: 'rows' })], { workers: 2 }).done;
  return seen;
}

const plain = (value: unknown): unknown => (typeof value === 'bigint' ? Number(value) : value);

test('1: a scan after a map, and a sibling', async () => {
  const source = emitted(4);
  expect(await values(source.withColumns({ n: col('n').add(1) }).scan(addUp), 'total')).toEqual([1, 3, 6, 10]);
  expect(await values(source.withColumns({ n: col('n').mul(2) }))).toEqual([0, 2, 4, 6]);
});

test('2: a scan that returns its state, and one with an argument', async () => {
  const source = () => emitted(3);
  expect(await values(source().scan(addUp), 'total')).toEqual([0, 1, 3]);
  expect(await values(source().scan(addUp, { plus: 10 }), 'total')).toEqual([0, 11, 23]);
  expect(await values(source().scan(totalBefore), 'before')).toEqual([0, 0, 1]);
});

test('3: filter', async () => {
  expect(await values(emitted(10).filter(col('n').mod(2).eq(0)))).toEqual([0, 2, 4, 6, 8]);
});

test('4: partition, and what is left over', async () => {
  expect(await batches(emitted(10).partition(2))).toEqual([
    [0, 1],
    [2, 3],
    [4, 5],
    [6, 7],
    [8, 9],
  ]);
  expect(await batches(emitted(5).partition(2))).toEqual([[0, 1], [2, 3], [4]]);
});

test('5: partition with a timeout', async () => {
  const input = p().pushSource({ n: 'int64' });
  const seen: unknown[][] = [];
  const sink = input.stream
    .partition(10, { timeout: '10ms' })
    .forEach((rows) => void seen.push(rows.map(({ n }) => plain(n))), { takes: 'rows' });
  const job = run([sink]);
  for (const row of upTo(5)) await input.emit([row]);
  await expect.poll(() => seen.flat()).toEqual([0, 1, 2, 3, 4]);
  input.end();
  await job.done;
  expect(seen.flat()).toEqual([0, 1, 2, 3, 4]);
});

test('6: sliding windows', async () => {
  const windows = await batches(emitted(10).slidingWindow(2));
  expect(windows.slice(0, 3)).toEqual([[0], [0, 1], [1, 2]]);
  expect(windows.at(-1)).toEqual([8, 9]);
  expect(await batches(emitted(10).slidingWindow(2, { partial: false }))).toHaveLength(9);
});

test('7: timed windows hold every element once', async () => {
  const input = p().pushSource({ n: 'int64' });
  const seen: unknown[][] = [];
  const job = run([
    input.stream
      .timedWindow('10ms')
      .forEach((rows) => void seen.push(rows.map(({ n }) => plain(n))), { takes: 'rows' }),
  ]);
  for (const row of upTo(10)) {
    await input.emit([row]);
    await new Promise((resolve) => setTimeout(resolve, 4));
  }
  input.end();
  await job.done;
  expect(seen.flat()).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
});

test('8: rateLimit gives one element at a time', async () => {
  const start = performance.now();
  expect(await values(emitted(5).rateLimit('50ms'))).toEqual([0, 1, 2, 3, 4]);
  expect(performance.now() - start).toBeGreaterThanOrEqual(4 * 49);
});

/** Emits rows one after the other and tells each time that one has returned. */
async function emitAll(
  input: { emit(rows: object[]): Promise<void> },
  count: number,
  onReturn: (returned: number) => void,
): Promise<void> {
  for (const { n } of upTo(count)) {
    await input.emit([{ n }]);
    onReturn(n + 1);
  }
}

test('9: ten inputs may wait for a slow step, the next wait to be emitted', async () => {
  const input = p().pushSource({ n: 'int64' }, { maxInFlight: 10 });
  let goOn = (): void => {};
  const told = new Promise<void>((resolve) => {
    goOn = resolve;
  });
  const seen: unknown[] = [];
  const sink = input.stream.rateLimit('1ms').forEach(
    async (rows) => {
      await told;
      seen.push(...rows.map(({ n }) => plain(n)));
    },
    { takes: 'rows' },
  );
  const job = run([sink]);
  let returned = 0;
  const emitting = emitAll(input, 16, (count) => {
    returned = count;
    expect(count - seen.length).toBeLessThanOrEqual(10);
  });
  await expect.poll(() => returned).toBe(10);
  goOn();
  await emitting;
  input.end();
  await job.done;
  expect(seen).toEqual(upTo(16).map(({ n }) => n));
});

test('13: backpressure reaches the source', async () => {
  const input = p().pushSource({ n: 'int64' }, { maxInFlight: 2 });
  const seen: unknown[] = [];
  const slow = input.stream
    .withColumns({ n: col('n').add(1) })
    .scan(addUp)
    .forEach(
      async (rows) => {
        await new Promise((resolve) => setTimeout(resolve, 20));
        seen.push(plain(rows[0]?.['total']));
      },
      { takes: 'rows' },
    );
  const job = run([slow], { workers: 1 });
  await emitAll(input, 5, (returned) => expect(returned - seen.length).toBeLessThanOrEqual(2));
  input.end();
  await job.done;
  expect(seen).toEqual([1, 3, 6, 10, 15]);
});

test('13: without a number, when rings and lanes are full', async () => {
  const input = p().pushSource({ n: 'int64' });
  let seen = 0;
  const slow = input.stream.forEach(async () => {
    await new Promise<void>((resolve) => void setTimeout(resolve, 2));
    seen += 1;
  });
  const job = run([slow], { workers: 1 });
  await emitAll(input, 80, (returned) => expect(returned - seen).toBeLessThanOrEqual(60));
  input.end();
  await job.done;
  expect(seen).toBe(80);
});

test('15: an operator that throws fails the run by name, and siblings got every element before', async () => {
  const source = emitted(40);
  const seen: number[] = [];
  const sinks = [
    source
      .cast({ n: 'int64' })
      .filter(col('n').lt(100))
      .forEach((rows) => void seen.push(Number(rows[0]?.['n'])), { takes: 'rows' }),
    source.map(failAt, { n: 30, name: 'broken' }).collect(),
  ];
  await expect(run(sinks).done).rejects.toMatchObject({ code: 'ERR_OP_FAILED', stage: 'broken' });
  expect(seen.slice(0, 30)).toEqual(upTo(30).map(({ n }) => n));
});

test('delay gives every element later, latest leaves out what a slow sink has no time for', async () => {
  const start = performance.now();
  expect(await values(emitted(3).delay('60ms'))).toEqual([0, 1, 2]);
  expect(performance.now() - start).toBeGreaterThanOrEqual(59);
  const seen: number[] = [];
  const isAllThere = (): boolean =>
    job.metrics().stages.some(({ name, rowsIn }) => name.includes('latest') && rowsIn === 300);
  const slow = emitted(300)
    .latest()
    .forEach(
      async (rows) => {
        seen.push(Number(rows[0]?.['n']));
        while (!isAllThere()) await new Promise((resolve) => setTimeout(resolve, 2));
      },
      { takes: 'rows' },
    );
  const job = run([slow], { workers: 1 });
  await job.done;
  expect(seen.at(-1)).toBe(299);
  expect(seen).toEqual([...seen].sort((a, b) => a - b));
  expect(seen.length).toBeLessThan(10);
});

/** Steps that take what comes first have taken so many rows: what comes next comes behind them, on whichever input. */
const FIRST_COME = ['union', 'combineLatest', 'collectUntilFlush'];
const taken = (job: Run, rows: number): Promise<void> =>
  expect
    .poll(() => job.metrics().stages.filter(({ name, rowsIn }) => FIRST_COME.includes(name) && rowsIn < rows))
    .toEqual([]);

test('10: zip, and with a constant', async () => {
  const a = p();
  const [left, right] = [a.pushSource({ n: 'int64' }), a.pushSource({ text: 'utf8' })];
  const sink = a
    .zip({ left: left.stream, right: right.stream })
    .withColumns({ hundred: lit(123) })
    .collect();
  const job = run([sink]);
  await left.emit([{ n: 1 }]);
  await right.emit([{ text: 'a' }]);
  await left.emit([{ n: 2 }]);
  await right.emit([{ text: 'b' }]);
  left.end();
  right.end();
  await job.done;
  const rows = (await job.rows(sink)) as Record<string, unknown>[];
  expect(rows.map(({ n, text, hundred }) => [plain(n), text, plain(hundred)])).toEqual([
    [1, 'a', 123],
    [2, 'b', 123],
  ]);
});

test('11: union, in the order in which elements come', async () => {
  const a = p();
  const [left, right] = [a.pushSource({ n: 'int64' }), a.pushSource({ n: 'int64' })];
  const third = a.pushSource({ n: 'int64' });
  const sink = a.union({ left: left.stream, right: right.stream, third: third.stream }).collect();
  const job = run([sink]);
  for (const [input, n] of [
    [left, 1],
    [right, 2],
    [left, 3],
    [third, 4],
  ] as const) {
    await input.emit([{ n }]);
    await taken(job, n);
  }
  for (const input of [left, right, third]) input.end();
  await job.done;
  expect(((await job.rows(sink)) as Record<string, unknown>[]).map(({ n }) => plain(n))).toEqual([1, 2, 3, 4]);
});

test('combineLatest, zipLatest and collectUntilFlush', async () => {
  const a = p();
  const [left, right] = [a.pushSource({ n: 'int64' }), a.pushSource({ m: 'int64' })];
  const both = { left: left.stream, right: right.stream };
  const seen: unknown[][] = [];
  const sinks = [
    a.combineLatest(both).collect(),
    a.zipLatest(both, { lossless: 'left' }).collect(),
    left.stream
      .collectUntilFlush(right.stream)
      .forEach((rows) => void seen.push(rows.map(({ n }) => plain(n))), { takes: 'rows' }),
  ] as const;
  const job = run(sinks);
  let emitted = 0;
  const emit = async (input: { emit(rows: unknown): Promise<void> }, row: object): Promise<void> => {
    await input.emit([row]);
    emitted += 1;
    await taken(job, emitted);
  };
  await emit(left, { n: 1 });
  await emit(left, { n: 2 });
  await emit(right, { m: 10 });
  await emit(left, { n: 3 });
  await emit(right, { m: 20 });
  await emit(left, { n: 4 });
  left.end();
  right.end();
  await job.done;
  const pairs = async (index: 0 | 1): Promise<unknown[]> =>
    ((await job.rows(sinks[index])) as Record<string, unknown>[]).map(({ n, m }) => [plain(n), plain(m)]);
  expect(await pairs(0)).toEqual([
    [2, 10],
    [3, 10],
    [3, 20],
    [4, 20],
  ]);
  expect(await pairs(1)).toEqual([
    [1, 10],
    [2, 10],
    [3, 10],
    [4, 20],
  ]);
  expect(seen).toEqual([[1, 2], [3], [4]]);
});

test('11: flatten', async () => {
  const lists = p().source(fromIterable({ n: 'list<int32>' }, [[{ n: [1, 2] }], [{ n: [] }], [{ n: [3, 4] }]]));
  expect(await values(lists.flatten('n'))).toEqual([1, 2, 3, 4]);
});

test('12: pluck, and a field that is not there', async () => {
  const rows = p().source(
    fromIterable({ a: 'int32', b: 'int32' }, [
      [
        { a: 1, b: 2 },
        { a: 3, b: 4 },
      ],
    ]),
  );
  expect(await values(rows.pluck('b'), 'b')).toEqual([2, 4]);
  const error: unknown = await values(rows.pluck('c' as never)).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(PipelineError);
  expect(error).toMatchObject({ code: 'ERR_COLUMN_UNKNOWN', column: 'c' });
});

test('14: slice', async () => {
  expect(await values(emitted(8).slice(1, null, 2))).toEqual([1, 3, 5, 7]);
  expect(await values(emitted(8).slice(0, 0))).toEqual([]);
});

test('tap sees what passes, in runs that read what is behind it', async () => {
  const seen: unknown[] = [];
  const source = emitted(4);
  const behind = source.tap((rows) => void seen.push(...rows.map(({ n }) => plain(n))), { takes: 'rows' }).limit(2);
  expect(await values(source)).toEqual([0, 1, 2, 3]);
  expect(seen).toEqual([]);
  expect(await values(behind)).toEqual([0, 1]);
  expect(seen).toEqual([0, 1, 2, 3]);
});
