/**
 * The cumsegagg and segmentby cases of the Python library OUPS, by their outcome through `aggStream`: what all chunks give together, the last value of
 * each label. State that is carried between its calls, and helpers of its own, have no counterpart here. `docs/guides/aggregations.md` names the cases in which the
 * rule differs on purpose.
 */
import { readFileSync } from 'node:fs';
import {
  type Aggregate,
  type AggregationOptions,
  agg,
  createPipeline,
  fromIterable,
  type Sink,
  type Stream,
} from '@spillway/core';
import { run } from '@spillway/workers';
import { describe, expect, it } from 'vitest';
import { sharedCases } from '#support/shared-cases';

const shared = sharedCases();

interface Values {
  dtype?: string;
  values: unknown[];
}

interface Frame {
  columns: Record<string, Values>;
  index?: Values;
}

type BinBy =
  | { type: 'timeGrouper'; freq: string; closed: 'left' | 'right'; label: 'left' | 'right' }
  | { type: 'byXRows'; by: number; closed: 'left' | 'right' };

interface Params {
  agg: Record<string, [column: string, fn: string]>;
  bin_by: BinBy;
  snap_by?: BinBy | Values;
  snap_by_per_chunk?: Values[];
}

interface Case {
  id: string;
  feature: string;
  input: unknown;
  params: unknown;
  expected: unknown;
}

const cases = (): Case[] =>
  JSON.parse(readFileSync(shared?.path('cases', 'oups', 'cases.json') as string, 'utf8')) as Case[];

function caseOf(id: string): Case {
  const found = cases().find((candidate) => candidate.id === id);
  if (found === undefined) throw new Error(`there is no case ${id}`);
  return found;
}

/** A case and its parallel variants. */
function variants<I, P, E>({ input, params, expected }: Case): { input: I; params: P; expected: E }[] {
  const count = Math.max(...[input, params, expected].map((part) => (Array.isArray(part) ? part.length : 1)));
  const at = <T>(part: unknown, index: number): T => (Array.isArray(part) ? part[index] : part) as T;
  return Array.from({ length: count }, (_, index) => ({
    input: at<I>(input, index),
    params: at<P>(params, index),
    expected: at<E>(expected, index),
  }));
}

const ORDER = 'orderOfRows';

function nanos(text: unknown): bigint {
  return BigInt(Date.parse(`${String(text)}Z`)) * 1_000_000n;
}

function valueOf({ dtype = '' }: Values, value: unknown): unknown {
  if (value === null || value === undefined) return null;
  if (dtype.startsWith('datetime')) return nanos(value);
  return dtype.toLowerCase().startsWith('int') ? BigInt(value as number) : value;
}

/** Durations of pandas. */
function duration(freq: string): string {
  return freq.replace(/^(?=[a-z])/, '1').replace('min', 'm');
}

function binsOf(by: BinBy): Pick<AggregationOptions, 'every' | 'rows' | 'closed' | 'label'> {
  if (by.type === 'byXRows') return { rows: by.by, closed: by.closed };
  return { every: duration(by.freq), closed: by.closed, label: by.label };
}

function snapshotsOf({ snap_by, snap_by_per_chunk, bin_by }: Params): AggregationOptions['snapshots'] | undefined {
  if (snap_by_per_chunk !== undefined) {
    const points = [...new Set(snap_by_per_chunk.flatMap(({ values }) => values as string[]))].sort();
    return { at: points.map((point) => new Date(`${point}Z`)), closed: bin_by.closed };
  }
  if (snap_by === undefined || snap_by === null) return undefined;
  if ('values' in snap_by)
    return { at: (snap_by.values as string[]).map((point) => new Date(`${point}Z`)), closed: bin_by.closed };
  if (snap_by.type !== 'timeGrouper') throw new Error('snapshots by rows');
  return { every: duration(snap_by.freq), closed: snap_by.closed, label: snap_by.label };
}

/** Runs one aggregation over chunks of columns, each chunk one batch. */
async function runChunks(
  chunks: readonly Record<string, Values>[],
  orderedOn: string,
  options: AggregationOptions,
): Promise<{ bins: Record<string, unknown>[]; snapshots: Record<string, unknown>[] }> {
  const columns = chunks[0] as Record<string, Values>;
  const shape = Object.fromEntries(
    Object.entries(columns).map(([name, { dtype = '' }]) => [
      name,
      dtype.startsWith('datetime') ? 'timestamp[ns]' : dtype.startsWith('int') ? 'int64' : 'float64',
    ]),
  );
  const batches = chunks.map((chunk) =>
    (chunk[orderedOn] as Values).values.map((_, row) =>
      Object.fromEntries(Object.entries(chunk).map(([name, column]) => [name, valueOf(column, column.values[row])])),
    ),
  );
  const p = createPipeline();
  const source = p.source(
    fromIterable(shape as never, batches as never, { orderedOn: orderedOn as never }),
  ) as unknown as Stream;
  const streams = source.aggStream({ orderedOn, aggregations: { a: options } }) as unknown as {
    a: Stream;
    aSnapshots?: Stream;
  };
  const sinks: Sink[] = [
    streams.a.collect(),
    ...(streams.aSnapshots === undefined ? [] : [streams.aSnapshots.collect()]),
  ];
  const job = run(sinks, { workers: 2 });
  await job.done;
  const [bins, snapshots] = await Promise.all(sinks.map((sink) => job.rows(sink)));
  return { bins: bins ?? [], snapshots: snapshots ?? [] };
}

function expectFrame(
  rows: readonly Record<string, unknown>[],
  frame: Frame | null | undefined,
  orderedOn: string,
): void {
  if (frame === null || frame === undefined) {
    expect(rows).toEqual([]);
    return;
  }
  const labels = frame.index as Values;
  const wanted = labels.values.map((label, row) => ({
    [ORDER]: nanos(label),
    ...Object.fromEntries(
      Object.entries(frame.columns).map(([name, column]) => [name, valueOf(column, column.values[row])]),
    ),
  }));
  const got = rows.map(({ [orderedOn]: label, ...rest }) => ({ [ORDER]: timeOf(label), ...rest }));
  expect(got.map(plain)).toEqual(wanted.map(plain));
}

function timeOf(value: unknown): bigint {
  return value instanceof Date ? BigInt(value.getTime()) * 1_000_000n : (value as bigint);
}

/** The same with whole numbers as numbers: sums are int64 here and nullable integers there. */
function plain(row: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(row).map(([name, value]) => [
      name,
      typeof value === 'bigint' || value instanceof Date ? String(timeOf(value)) : value,
    ]),
  );
}

function columnsOf(asked: Params['agg']): Record<string, Aggregate> {
  const make = agg as unknown as Record<string, (column: string) => Aggregate>;
  return Object.fromEntries(
    Object.entries(asked).map(([name, [column, fn]]) => [name, make[fn]?.(column) as Aggregate]),
  );
}

function orderOf(params: Params, chunk: Record<string, Values>): string {
  const named = Object.entries(chunk).find(([, { dtype = '' }]) => dtype.startsWith('datetime'));
  return (params as { ordered_on?: string }).ordered_on ?? (named?.[0] as string);
}

const CUMSEGAGG = [
  'cumsegagg-01-bins-float',
  'cumsegagg-02-bins-mixed-dtypes',
  'cumsegagg-03-bins-snaps-null-chunks-left',
  'cumsegagg-05-single-bin-several-snaps',
  'cumsegagg-07-grouper-bins-explicit-snap-list',
  'cumsegagg-restart-01-grouper-starts-on-empty-bin',
  'cumsegagg-restart-02-by-x-rows-new-bin-vs-continued-bin',
  'cumsegagg-restart-04-chunk-without-new-snap-or-bin--no-snap-in-first-chunk',
];

describe.skipIf(shared === undefined)('OUPS', () => {
  it.each(CUMSEGAGG)('%s', async (id) => {
    interface Input {
      data?: Frame;
      chunks?: Frame[];
    }
    interface Expected {
      bins?: Frame;
      snaps?: Frame | null;
      final_bins_keep_last?: Frame;
      final_snaps_keep_last?: Frame;
    }
    for (const { input, params, expected } of variants<Input, Params, Expected>(caseOf(id))) {
      const chunks = (input.chunks ?? [input.data as Frame]).map(({ columns }) => columns);
      const orderedOn = orderOf(params, chunks[0] as Record<string, Values>);
      const snapshots = snapshotsOf(params);
      const { bins, snapshots: taken } = await runChunks(chunks, orderedOn, {
        ...binsOf(params.bin_by),
        columns: columnsOf(params.agg),
        ...(params.bin_by.type === 'timeGrouper' && { empty: 'null' }),
        ...(snapshots !== undefined && { snapshots }),
      });
      expectFrame(bins, expected.bins ?? expected.final_bins_keep_last, orderedOn);
      if (snapshots !== undefined) expectFrame(taken, expected.snaps ?? expected.final_snaps_keep_last, orderedOn);
    }
  });

  it('cumsegagg-09-errors-and-empty', async () => {
    const [zero, unknown, missing] = variants<{ data: Frame }, Params, unknown>(
      caseOf('cumsegagg-09-errors-and-empty'),
    );
    // A value of 0 is a value: what that case provokes is a check inside the library.
    const { bins } = await runChunks([zero?.input.data.columns as Record<string, Values>], 'dti', {
      ...binsOf(zero?.params.bin_by as BinBy),
      columns: columnsOf(zero?.params.agg as Params['agg']),
    });
    expect(bins.map((row) => row['first'])).toEqual([0]);
    const ask = (given: typeof unknown): Promise<unknown> =>
      runChunks([given?.input.data.columns as Record<string, Values>], 'dti', {
        ...binsOf(given?.params.bin_by as BinBy),
        columns: columnsOf(given?.params.agg as Params['agg']),
      });
    await expect(ask(unknown)).rejects.toMatchObject({ code: 'ERR_OPTIONS' });
    await expect(ask(missing)).rejects.toMatchObject({ code: 'ERR_COLUMN_UNKNOWN', column: 'value_' });
    const empty = await runChunks(
      [{ val: { dtype: 'float64', values: [] }, dti: { dtype: 'datetime64[ns]', values: [] } }],
      'dti',
      {
        every: '10m',
        columns: { first: agg.first('val') },
      },
    );
    expect(empty.bins).toEqual([]);
  });

  it('segmentby-01-next-chunk-starts-table', async () => {
    interface Input {
      data: number[];
      right_edges: number[];
    }
    interface Expected {
      next_chunk_starts: number[];
    }
    for (const { input, params, expected } of variants<Input, { right: boolean }, Expected>(
      caseOf('segmentby-01-next-chunk-starts-table'),
    )) {
      const { bins } = await runChunks([{ t: { dtype: 'int64', values: input.data } }], 't', {
        edges: [Math.min(...input.data, ...input.right_edges) - 10, ...input.right_edges],
        closed: params.right ? 'right' : 'left',
        label: 'right',
        outside: 'drop',
        columns: { n: agg.count() },
      });
      const counts = new Map(bins.map((row) => [Number(row['t']), Number(row['n'])]));
      let rows = 0;
      const starts = input.right_edges.map((edge) => (rows += counts.get(edge) ?? 0));
      expect(starts.slice(0, expected.next_chunk_starts.length)).toEqual(expected.next_chunk_starts);
    }
  });

  interface Segments {
    next_chunk_starts: number[];
    labels: Values;
    error?: unknown;
  }

  /** Rows by label, of all chunks: those that a chunk leaves over belong to the first label of the next. */
  function countsOf(perChunk: readonly Segments[], chunks: readonly Values[]): Map<string, number> {
    const counts = new Map<string, number>();
    let over = 0;
    for (const [index, { next_chunk_starts: starts, labels }] of perChunk.entries()) {
      for (const [at, label] of labels.values.entries()) {
        const rows = (starts[at] as number) - (starts[at - 1] ?? 0) + (at === 0 ? over : 0);
        const name = String(nanos(label));
        counts.set(name, (counts.get(name) ?? 0) + rows);
      }
      over = (chunks[index] as Values).values.length - (starts.at(-1) as number);
    }
    return counts;
  }

  /** Bins that we cut the chunks into, and their rows. */
  async function binCounts(
    chunks: readonly Values[],
    options: Omit<AggregationOptions, 'columns'>,
  ): Promise<[string, number][]> {
    const { bins } = await runChunks(
      chunks.map((on) => ({ on: { dtype: 'datetime64[ns]', ...on } })),
      'on',
      { ...options, columns: { n: agg.count() } },
    );
    return bins.map((row) => [String(timeOf(row['on'])), Number(row['n'])]);
  }

  async function expectSegments(
    chunks: readonly Values[],
    options: Omit<AggregationOptions, 'columns'>,
    perChunk: readonly Segments[],
  ): Promise<void> {
    const counted = await binCounts(chunks, options);
    expect(counted).toEqual([...countsOf(perChunk, chunks)]);
  }

  it('segmentby-02-by-scale-table', async () => {
    for (const { input, params, expected } of variants<{ on: Values }, { by: BinBy }, Segments>(
      caseOf('segmentby-02-by-scale-table'),
    ))
      await expectSegments([input.on], { ...binsOf(params.by), empty: 'null' }, [expected]);
  });

  it('segmentby-03-by-x-rows-fresh-and-restart', async () => {
    interface Input {
      chunks: (Values & { columns?: Record<string, Values> })[];
    }
    const found = variants<Input, { by: number; closed: 'left' | 'right' }, { per_chunk: Segments[] }>(
      caseOf('segmentby-03-by-x-rows-fresh-and-restart'),
    );
    for (const { input, params, expected } of found) {
      const chunks = input.chunks.map((chunk) => chunk.columns?.['dti'] ?? chunk);
      await expectSegments(chunks, { rows: params.by, closed: params.closed }, expected.per_chunk);
    }
  });

  it('segmentby-04-mergesort: of equal points the first stream comes first', async () => {
    type Pair = [number[], number[]];
    const found = variants<
      { labels: Pair; keys: Pair },
      { force_last_from_second?: boolean },
      { sorted_labels: number[] }
    >(caseOf('segmentby-04-mergesort'));
    for (const { input, params, expected } of found) {
      // To have the last row come last whatever its point says is to be had by the point.
      const [first, second] = [0, 1].map((side) =>
        input.keys[side as 0 | 1].map((key, row) => ({ key: BigInt(key), label: input.labels[side as 0 | 1][row] })),
      ) as [{ key: bigint; label: number }[], { key: bigint; label: number }[]];
      if (params.force_last_from_second === true)
        second.push({ ...(second.pop() as (typeof second)[number]), key: first.at(-1)?.key as bigint });
      const p = createPipeline();
      const source = (rows: object[]) => p.source(fromIterable({ key: 'int64', label: 'int32' }, [rows]));
      const sink = p.mergeOrdered({ first: source(first), second: source(second) }, { on: 'key' }).collect();
      const labels = (await run([sink], { workers: 2 }).rows(sink)).map(({ label }) => label);
      expect(labels).toEqual(expected.sorted_labels);
    }
  });

  it('segmentby-06-by-scale-restart-and-errors', async () => {
    type By = BinBy | Values[];
    const found = variants<
      { chunks: Values[] },
      { by_per_chunk: By; closed: 'left' | 'right' },
      { per_chunk: Segments[] }
    >(caseOf('segmentby-06-by-scale-restart-and-errors'));
    for (const { input, params, expected } of found) {
      const { by_per_chunk: by, closed } = params;
      // Ends that a chunk is not given again cannot be missed here: edges are given once, for all rows.
      if (expected.per_chunk.some(({ error }) => error !== undefined)) continue;
      if (!Array.isArray(by)) await expectSegments(input.chunks, { ...binsOf(by), empty: 'null' }, expected.per_chunk);
      else {
        const ends = [...new Set(by.flatMap(({ values }) => values as string[]))]
          .sort()
          .map((end) => new Date(`${end}Z`));
        const edges = [new Date(0), ...ends];
        await expectSegmentsOfEdges(
          input.chunks,
          { edges, closed, label: 'right', outside: 'drop' },
          expected.per_chunk,
        );
      }
    }
  });

  /** Bins before the first row are not there: they would have to be known before it comes. */
  async function expectSegmentsOfEdges(
    chunks: readonly Values[],
    options: Omit<AggregationOptions, 'columns'>,
    perChunk: readonly Segments[],
  ): Promise<void> {
    const counted = await binCounts(chunks, { ...options, empty: 'null' });
    const wanted = [...countsOf(perChunk, chunks)];
    const first = wanted.findIndex(([, rows]) => rows > 0);
    expect(counted).toEqual(wanted.slice(first));
  }
});
