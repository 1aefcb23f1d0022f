/** What a JavaScript program without an engine does about hours, days and weeks of a series: arquero, nodejs-polars, and a stream of typed arrays. */
import { Readable } from 'node:stream';
import type { OrderedSeries } from '../generators/ordered-series.ts';
import type { Peer } from '../measure/contest.ts';
import { type PeerPackages, peerPackages } from './npm-packages.ts';

/** Start in microseconds, sum, min, max, count, first and last of each bin: hours, then days, then weeks. */
export type BinRows = number[][];

const HOUR_US = 3_600_000_000;
const DAY_US = 24 * HOUR_US;
const WEEK_US = 7 * DAY_US;
/** Weeks start on Monday; 1970-01-01 was a Thursday. */
const MONDAY_US = 4 * DAY_US;

type State = [start: number, total: number, low: number, high: number, n: number, open: number, close: number];

/** Coarser bins of finer ones. */
function rollUp(states: readonly State[], every: number, origin: number): State[] {
  const out: State[] = [];
  for (const [start, total, low, high, n, open, close] of states) {
    const bin = Math.floor((start - origin) / every) * every + origin;
    const last = out.at(-1);
    if (last?.[0] !== bin) out.push([bin, total, low, high, n, open, close]);
    else {
      last[1] += total;
      last[2] = Math.min(last[2], low);
      last[3] = Math.max(last[3], high);
      last[4] += n;
      last[6] = close;
    }
  }
  return out;
}

function withRollUps(hours: State[]): BinRows {
  const days = rollUp(hours, DAY_US, 0);
  return [...hours, ...days, ...rollUp(days, WEEK_US, MONDAY_US)];
}

/** One object of typed arrays after the other through a stream, and a loop over their rows. */
async function streamed(chunks: () => Iterable<OrderedSeries>): Promise<BinRows> {
  const hours: State[] = [];
  let state: State | undefined;
  let end = Number.NEGATIVE_INFINITY;
  for await (const { ts, value } of Readable.from(chunks()) as AsyncIterable<OrderedSeries>) {
    for (let i = 0; i < ts.length; i++) {
      const at = Number(ts[i]);
      const v = value[i] as number;
      if (state === undefined || at >= end) {
        const start = Math.floor(at / HOUR_US) * HOUR_US;
        end = start + HOUR_US;
        state = [start, v, v, v, 1, v, v];
        hours.push(state);
      } else {
        state[1] += v;
        if (v < state[2]) state[2] = v;
        if (v > state[3]) state[3] = v;
        state[4] += 1;
        state[6] = v;
      }
    }
  }
  return withRollUps(hours);
}

export function nodeStreams(chunks: () => Iterable<OrderedSeries>): Peer {
  return {
    name: 'node streams',
    leavesGarbage: true,
    version: process.version,
    run: () => streamed(chunks),
    note: 'sums are plain additions, order is not verified',
  };
}

interface Arquero {
  table(columns: Record<string, ArrayLike<number>>): ArqueroTable;
}
interface ArqueroTable {
  derive(columns: Record<string, string>): ArqueroTable;
  groupby(...names: string[]): ArqueroTable;
  rollup(columns: Record<string, string>): ArqueroTable;
  objects(): Record<string, number>[];
}

const ARQUERO_STATES = {
  total: 'd => op.sum(d.value)',
  low: 'd => op.min(d.value)',
  high: 'd => op.max(d.value)',
  n: 'd => op.count()',
};
const ARQUERO_ROLL_UP = {
  total: 'd => op.sum(d.total)',
  low: 'd => op.min(d.low)',
  high: 'd => op.max(d.high)',
  n: 'd => op.sum(d.n)',
};

/** @param series times as numbers: arquero takes no 64-bit integers apart */
export async function arquero(environment: string, series: { ts: Float64Array; value: Float64Array }): Promise<Peer> {
  const packages = await peerPackages(environment, 'arquero', ['arquero@8.0.3', '@uwdata/flechette@2.6.0']);
  const { table } = await packages.load<Arquero>('arquero');
  const rows = table(series);
  const binned = (finer: ArqueroTable, every: number, origin: number, columns: Record<string, string>): ArqueroTable =>
    finer
      .derive({ bin: `d => op.floor((d.ts - ${origin}) / ${every}) * ${every} + ${origin}` })
      .groupby('bin')
      .rollup({ ts: 'd => op.min(d.bin)', ...columns });
  const run = async (): Promise<BinRows> => {
    const hours = binned(rows, HOUR_US, 0, ARQUERO_STATES);
    const days = binned(hours, DAY_US, 0, ARQUERO_ROLL_UP);
    const weeks = binned(days, WEEK_US, MONDAY_US, ARQUERO_ROLL_UP);
    return [hours, days, weeks].flatMap((bins) =>
      bins.objects().map(({ ts, total, low, high, n }) => [ts, total, low, high, n] as number[]),
    );
  };
  return {
    name: 'arquero',
    leavesGarbage: true,
    version: packages.version('arquero'),
    run,
    without: (ours) => (ours as BinRows).map((row) => row.slice(0, 5)),
    note: 'without first and last: its rollup has none',
  };
}

interface NodePolars {
  readParquet(path: string): PolarsFrame;
  col(name: string): PolarsExpression;
}
interface PolarsFrame {
  groupByDynamic(options: { indexColumn: string; every: string; startBy?: string }): {
    agg(...columns: PolarsExpression[]): PolarsFrame;
  };
  withColumns(...columns: PolarsExpression[]): PolarsFrame;
  rows(): unknown[][];
}
interface PolarsExpression {
  sum(): PolarsExpression;
  min(): PolarsExpression;
  max(): PolarsExpression;
  count(): PolarsExpression;
  first(): PolarsExpression;
  last(): PolarsExpression;
  alias(name: string): PolarsExpression;
}

/** @param path Parquet file of the series, read into memory before anything is timed */
export async function nodePolars(environment: string, path: string): Promise<Peer> {
  const native = `nodejs-polars-${process.platform}-${process.arch}${process.platform === 'linux' ? '-gnu' : ''}`;
  const specs = ['nodejs-polars@0.26.1', `${native}@0.26.1`];
  const packages: PeerPackages = await peerPackages(environment, 'nodejs-polars', specs);
  const { default: pl } = await packages.load<{ default: NodePolars }>('nodejs-polars');
  const frame = pl.readParquet(path);
  const value = pl.col('value');
  const states = [
    value.sum().alias('total'),
    value.min().alias('low'),
    value.max().alias('high'),
    value.count().alias('n'),
    value.first().alias('open'),
    value.last().alias('close'),
  ];
  const again = [
    pl.col('total').sum(),
    pl.col('low').min(),
    pl.col('high').max(),
    pl.col('n').sum(),
    pl.col('open').first(),
    pl.col('close').last(),
  ];
  const run = async (): Promise<PolarsFrame[]> => {
    const hours = frame.groupByDynamic({ indexColumn: 'ts', every: '1h' }).agg(...states);
    const days = hours.groupByDynamic({ indexColumn: 'ts', every: '1d' }).agg(...again);
    return [hours, days, days.groupByDynamic({ indexColumn: 'ts', every: '1w' }).agg(...again)];
  };
  return {
    name: 'nodejs-polars',
    version: packages.version('nodejs-polars'),
    run,
    result: async () =>
      (await run()).flatMap((bins) =>
        bins.rows().map(([ts, ...values]) => [(ts as Date).getTime() * 1000, ...values.map(Number)]),
      ),
  };
}
