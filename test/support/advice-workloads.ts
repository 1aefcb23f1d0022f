/** Jobs under pressure whose advice is then followed: by how much they are larger than a test of every day, and what limits they get. */
import { agg, createPipeline, fromIterable, type Sink } from '@spillway/core';
import { type RunOptions, run, type Summary } from '@spillway/workers';

/** Limits of a job: the pipeline's own, and those of steps by name. */
export interface JobLimits {
  total: number;
  steps: Record<string, number>;
}

export interface AdviceWorkload {
  name: string;
  limits: JobLimits;
  /** @param folder for what it writes. @param scale how much of everything; 1 is some hundred milliseconds */
  sinks(limits: JobLimits, folder: string, scale: number): Sink[];
}

const MEBIBYTE = 2 ** 20;
const SCHEMA = { ts: 'timestamp[ms]', key: 'int64', value: 'float64' } as const;
const PIECE_ROWS = 2000;

interface Row {
  ts: bigint;
  key: bigint;
  value: number;
}

/** Rows in order of time; `step` strides through keys, so that each comes back at once or late. */
function* pieces(rows: number, keys: number, isOrdered: boolean): Generator<Row[]> {
  for (let from = 0; from < rows; from += PIECE_ROWS) {
    yield Array.from({ length: PIECE_ROWS }, (_, index) => {
      const n = from + index;
      const at = isOrdered ? n : (n * 7919) % rows;
      return { ts: BigInt(at), key: BigInt((n * 31) % keys), value: at };
    });
  }
}

function ticks(total: number, rows: number, keys: number, isOrdered: boolean) {
  const options = { name: 'ticks', ...(isOrdered && { orderedOn: 'ts' as const }) };
  return createPipeline({ memoryLimit: total }).source(fromIterable(SCHEMA, pieces(rows, keys, isOrdered), options));
}

/** Packs whose limit is a fraction of what their count of inputs comes to: forced again and again, with room beside. */
const PACKS: AdviceWorkload = {
  name: 'packs',
  limits: { total: 96 * MEBIBYTE, steps: { packs: 128 * 1024 } },
  sinks: ({ total, steps }, folder, scale) => [
    ticks(total, 100_000 * scale, 50, true)
      .memoryBuffer({ name: 'packs', iterMax: 25, memoryLimit: steps['packs'] as number })
      .toParquet(`${folder}/packs.parquet`),
  ],
};

/** A sort whose limit is a fraction of its input: it spills, with room beside. */
const SORT: AdviceWorkload = {
  name: 'sort',
  limits: { total: 128 * MEBIBYTE, steps: { sorted: 640 * 1024 } },
  sinks: ({ total, steps }, folder, scale) => [
    ticks(total, 100_000 * scale, 50, false)
      .sort({ by: 'ts', name: 'sorted', memoryLimit: steps['sorted'] as number })
      .toParquet(`${folder}/sorted.parquet`),
  ],
};

/** Two aggregates with limits of their own, one far too small, one far too large. */
const TWO: AdviceWorkload = {
  name: 'two aggregates',
  limits: { total: 160 * MEBIBYTE, steps: { fine: 64 * 1024, coarse: 16 * MEBIBYTE } },
  sinks: ({ total, steps }, folder, scale) => {
    const source = ticks(total, 100_000 * scale, 20, true);
    const columns = { sum: agg.sum('value'), last: agg.last('value') };
    const common = { orderedOn: 'ts', by: ['key'], accumulate: true } as const;
    const { fine } = source.aggStream({
      ...common,
      name: 'fine',
      memoryLimit: steps['fine'] as number,
      aggregations: { fine: { every: '10ms', columns } },
    });
    const { coarse } = source.aggStream({
      ...common,
      name: 'coarse',
      memoryLimit: steps['coarse'] as number,
      aggregations: { coarse: { every: '10s', columns } },
    });
    return [fine.toParquet(`${folder}/fine.parquet`), coarse.toParquet(`${folder}/coarse.parquet`)];
  },
};

/** Far more memory than it needs. */
const GENEROUS: AdviceWorkload = {
  name: 'generous',
  limits: { total: 512 * MEBIBYTE, steps: {} },
  sinks: ({ total }, folder, scale) => [
    ticks(total, 100_000 * scale, 50, true)
      .aggStream({
        orderedOn: 'ts',
        by: ['key'],
        name: 'sums',
        aggregations: { sums: { every: '1s', columns: { sum: agg.sum('value') } } },
      })
      .sums.toParquet(`${folder}/sums.parquet`),
  ],
};

export const ADVICE_WORKLOADS: readonly AdviceWorkload[] = [PACKS, SORT, TWO, GENEROUS];

export function runWorkload(
  workload: AdviceWorkload,
  limits: JobLimits,
  folder: string,
  scale: number,
  options: RunOptions = {},
): Promise<Summary> {
  return run(workload.sinks(limits, folder, scale), { workers: 2, ...options }).done;
}

/** The limits that a run's advice asks for. The total is followed downwards only. */
export function followed({ advice }: Summary, limits: JobLimits): JobLimits {
  const steps = { ...limits.steps };
  for (const { node, action, suggestedBytes } of advice?.stages ?? [])
    if (action === 'raise' && suggestedBytes !== undefined) steps[node] = suggestedBytes;
  const { action, suggestedBytes = limits.total } = advice?.total ?? {};
  return { total: action === 'lower' ? suggestedBytes : limits.total, steps };
}
