/** Pipelines put together at random: sources of every kind, chains of steps with triggers, several sinks. */
import {
  agg,
  coalesce,
  col,
  createPipeline,
  fromIterable,
  fromShared,
  type Sink,
  type Stream,
  shareTable,
  when,
} from '@spillway/core';
import { accumulate, countAtFlush, dropMultiples, halve, made, sizes, sums } from '#fixtures/random-ops';
import type { SeededRandom } from '#support/random';

export const ROW_SHAPE = { t: 'int64', key: 'utf8', x: 'float64', value: 'int64' } as const;

interface RandomRow {
  t: bigint;
  key: string | null;
  x: number | null;
  value: bigint | null;
}

type Rows = Stream<typeof ROW_SHAPE>;

/** What a pipeline is made of, for messages. */
export interface RandomPipeline {
  description: string;
  /** Sinks whose rows are compared. */
  collects: Sink[];
  /** Sinks whose batches are compared, one by one. */
  callbacks: Sink[];
  /** Batches that each callback got; emptied by whoever runs the pipeline. */
  seen: unknown[][];
  release(): void;
}

function randomRows(random: SeededRandom, count: number): RandomRow[] {
  let t = BigInt(random.integer(-50, 50));
  return Array.from({ length: count }, () => {
    t += BigInt(random.pick([0, 0, 1, 1, 2, 40]));
    return {
      t,
      key: random.chance(0.1) ? null : random.pick(['a', 'b', 'ä', '', 'zz']),
      x: random.chance(0.1) ? null : random.pick([0, -0, 1.5, -2.25, 1e300, -1e300, 5e-324, random.next()]),
      value: random.chance(0.1) ? null : BigInt(random.integer(-1000, 1000)),
    };
  });
}

function cut<T>(random: SeededRandom, rows: readonly T[]): T[][] {
  const batches: T[][] = [];
  for (let from = 0; from < rows.length; ) {
    const size = random.pick([0, 1, 1, 2, 7, 30]);
    batches.push(rows.slice(from, from + size));
    from += size;
  }
  return batches;
}

async function randomSource(random: SeededRandom, log: string[]): Promise<{ stream: Rows; release(): void }> {
  const p = createPipeline({ memoryLimit: '256MiB' });
  const kind = random.pick(['fed', 'fed', 'shared', 'made']);
  const rows = randomRows(random, random.pick([0, 1, 10, 200, 600]));
  if (kind === 'made') {
    const options = { splits: random.integer(1, 12), rows: random.integer(1, 40) };
    log.push(`made ${JSON.stringify(options)}`);
    return { stream: p.source(made, options), release: () => undefined };
  }
  if (kind === 'shared') {
    const batchRows = random.pick([1, 7, 100]);
    log.push(`shared, ${rows.length} rows by ${batchRows}`);
    const table = await shareTable(ROW_SHAPE, [rows as never], { batchRows });
    return {
      stream: p.source(fromShared(table, { orderedOn: 't' })),
      release: () => table.release(),
    };
  }
  const batches = cut(random, rows);
  log.push(`fed, ${rows.length} rows in ${batches.length} batches`);
  return { stream: p.source(fromIterable(ROW_SHAPE, batches, { orderedOn: 't' })), release: () => undefined };
}

function randomTriggers(random: SeededRandom): {
  iterMax?: number;
  rows?: number;
  memoryLimit?: number;
  accumulate?: boolean;
} {
  return {
    ...(random.chance(0.5) && { iterMax: random.integer(1, 5) }),
    ...(random.chance(0.3) && { rows: random.integer(1, 100) }),
    ...(random.chance(0.2) && { memoryLimit: random.integer(1, 3000) }),
    ...(random.chance(0.15) && { accumulate: false }),
  };
}

type Step = [name: string, apply: (stream: Rows) => Rows];

function randomStep(random: SeededRandom): Step {
  const triggers = random.chance(0.6) ? randomTriggers(random) : {};
  const own = random.chance(0.1) ? { ownStage: true } : {};
  const by = random.integer(2, 4);
  const options = { ...triggers, ...own };
  const text = JSON.stringify(options);
  return random.pick<Step>([
    [`filter ${by}`, (s) => s.filter(col('value').mod(by).ne(0).or(col('x').isNull()), own)],
    [
      'withColumns',
      (s) =>
        s.withColumns(
          {
            x: col('x')
              .mul(2)
              .add(coalesce(col('value'), 0)),
            value: col('value').sub(1),
          },
          own,
        ),
    ],
    [
      'texts',
      (s) =>
        s
          .filter(col('key').ne('zz').or(col('key').isNull()))
          .withColumns({ key: when(col('key').eq('a'), 'ä!', coalesce(col('key').str.upper(), 'none')) }),
    ],
    [
      'select',
      (s) =>
        s.select({
          t: col('t'),
          key: col('key').str.concat('!'),
          x: col('value').cast('float64'),
          value: col('value').neg(),
        }),
    ],
    [`dropMultiples ${by} ${text}`, (s) => s.map(dropMultiples, { by, ...options })],
    [`halve ${text}`, (s) => s.map(halve, options)],
    [`accumulate ${text}`, (s) => s.map(accumulate, options)],
    [`countAtFlush ${text}`, (s) => s.map(countAtFlush, options)],
    [`sizes ${text}`, (s) => s.map(sizes, options)],
    ['slidingWindow', (s) => s.slidingWindow(by, { every: by, ...own })],
    ['sort t', (s) => s.sort({ by: 't', ...own })],
    [
      'sort t, x',
      (s) => s.sort({ by: ['t', { column: 'x', descending: true, nulls: 'first' }, 'key'], memoryLimit: 2000, ...own }),
    ],
    [`memoryBuffer ${text}`, (s) => s.memoryBuffer(options)],
    [`memoryBuffer ${text}`, (s) => s.memoryBuffer(options)],
  ]);
}

function randomEnd(random: SeededRandom, stream: Rows, log: string[]): Stream {
  const { accumulate: _, memoryLimit: __, ...triggers } = randomTriggers(random);
  const options = random.chance(0.5) ? triggers : {};
  const every = random.pick([1, 3, 10, 60]);
  const by = random.pick<('key' | 'value')[]>([[], ['key'], ['key', 'value']]);
  const kind = random.pick(['none', 'fold', 'fine', 'coarse']);
  log.push(kind === 'none' ? 'none' : `${kind} ${every} by ${by.join()} ${JSON.stringify(options)}`);
  if (kind === 'none') return stream;
  if (kind === 'fold') return stream.memoryAccumulate(sums, { ...options, resetOnFlush: random.chance(0.7) });
  const columns = {
    n: agg.count(),
    nx: agg.count('x'),
    sum: agg.sum('x'),
    mean: agg.mean('x'),
    std: agg.std('x'),
    low: agg.min('x'),
    high: agg.max('x'),
    first: agg.first('key'),
    last: agg.last('x'),
    total: agg.sum('value'),
  };
  const streams = stream.aggStream({
    orderedOn: 't',
    by: by.filter((name) => name !== 'value' || kind === 'fine'),
    ...options,
    aggregations: { fine: { every, columns }, coarse: { every: every * 4, columns } },
  });
  return (kind === 'fine' ? streams.fine : streams.coarse) as Stream;
}

/** A pipeline of a source, two chains that may share their first steps, and a sink for rows and one for batches of each. */
export async function randomPipeline(random: SeededRandom): Promise<RandomPipeline> {
  const log: string[] = [];
  const { stream, release } = await randomSource(random, log);
  const steps = (from: Rows, most: number): Rows => {
    let at = from;
    for (let left = random.integer(0, most); left > 0; left--) {
      const [name, apply] = randomStep(random);
      log.push(name);
      at = apply(at);
    }
    return at;
  };
  const shared = steps(stream, 2);
  const branches = [0, 1].map((branch) => {
    log.push(`\n  branch ${branch}:`);
    return randomEnd(random, steps(shared, 3), log);
  });
  const watchBatches = random.chance(0.5);
  log.push(`\n  ${watchBatches ? 'batches are watched' : 'only rows are watched'}`);
  const seen: unknown[][] = [];
  const callbacks = watchBatches
    ? branches.map((branch, index) => branch.forEach((rows) => void (seen[index] ??= []).push(rows), { takes: 'rows' }))
    : [];
  return {
    description: log.join(' → '),
    collects: branches.map((branch) => branch.collect()),
    callbacks,
    seen,
    release,
  };
}
