/** Random DAGs over rows that are made in the lanes, in numbers that do not fit into the plan's minimum. */
import { cpuRows } from '@spillway/bench/memory/cpu-rows';
import { agg, coalesce, col, createPipeline, type Sink, type Stream } from '@spillway/core';
import type { SeededRandom } from '#support/random';

const SHAPE = { time: 'timestamp[us]', host: 'int32', user: 'float64', system: 'float64' } as const;
type Table = Stream<typeof SHAPE>;

export interface LargePlan {
  description: string;
  /** All give few rows. */
  sinks: Sink[];
}

type Pipeline = ReturnType<typeof createPipeline>;

function oneInput(random: SeededRandom, table: Table): [string, Table] {
  const size = random.pick([100, 5000, 200_000]);
  return random.pick<() => [string, Table]>([
    () => [
      `filter ${size % 7}`,
      table.filter(
        col('host')
          .mod(7)
          .ne(size % 7),
      ),
    ],
    () => ['withColumns', table.withColumns({ user: col('user').add(col('system')).div(2) })],
    () => [`window ${size}`, table.slidingWindow(size, { every: size })],
    () => [`buffer ${size}`, table.memoryBuffer({ rows: size })],
    () => ['sort', table.sort({ by: ['time', 'user'] })],
    () => ['sort twice', table.sort({ by: 'user' }).sort({ by: 'time' })],
    () => ['own stage', table.filter(col('user').ge(1), { ownStage: true })],
    () => ['bins', bins(table, random.pick(['1m', '20m', '1h']))],
    () => ['limit', table.limit(3 * size)],
    () => ['slice', table.slice(size, null, 3)],
    () => ['distinct', table.distinct({ by: ['host', 'user'] })],
    () => ['reorder', table.reorder({ on: 'time', allowedLateness: '1h' })],
    () => ['partition', table.partition(size)],
    () => [
      'windows',
      windows(
        table,
        random.pick<Bins>([{ every: '10m', period: '1h' }, { gap: '15s' }, { rows: size }, { every: '1mo' }]),
      ),
    ],
  ])();
}

/** By host, in the table's own columns again. */
function bins(table: Table, every: string): Table {
  const { bin } = table.aggStream({
    orderedOn: 'time',
    by: ['host'],
    aggregations: { bin: { every, columns: { user: agg.last('user'), system: agg.sum('system') } } },
  });
  return bin.select({
    time: col('time'),
    host: col('host'),
    user: coalesce(col('user'), 0),
    system: coalesce(col('system'), 0),
  });
}

type Bins = { every: '10m'; period: '1h' } | { gap: '15s' } | { rows: number } | { every: '1mo' };

/** Of all hosts together; bins that have no rows are left out. */
function windows(table: Table, bin: Bins): Table {
  const columns = { host: agg.last('host'), user: agg.max('user'), system: agg.sum('system') };
  const { windows: binned } = table.aggStream({ orderedOn: 'time', aggregations: { windows: { ...bin, columns } } });
  return binned.select({
    time: col('time'),
    host: coalesce(col('host'), 0).cast('int32'),
    user: coalesce(col('user'), 0),
    system: coalesce(col('system'), 0),
  });
}

/** Each row with the last one of its host. An inner join of tables whose hosts stand for many rows would give too much. */
function joined(p: Pipeline, table: Table, right: Table): Table {
  const others = right.select({ time: col('time'), host: col('host'), other: col('user') });
  return p
    .joinStream({ table, others }, { strategy: 'asof', left: 'table', on: 'time', by: ['host'] })
    .select({ time: col('time'), host: col('host'), user: col('user'), system: coalesce(col('other'), 0) });
}

/** @param rows of each source, roughly */
export function largePlan(random: SeededRandom, rows: number, memoryLimit: number): LargePlan {
  const p = createPipeline({ memoryLimit });
  const log: string[] = [];
  const tables: Table[] = [];
  const add = (what: string, table: Table): void => {
    log.push(`${tables.length}: ${what}`);
    tables.push(table);
  };
  for (let seed = random.integer(1, 2); seed > 0; seed -= 1) {
    const hosts = random.pick([1, 20, 1000]);
    const options = { seed, hosts, ticks: Math.ceil(rows / hosts), missingPerMille: random.pick([0, 300]) };
    add(JSON.stringify(options), p.source(cpuRows, { name: `source ${seed}`, ...options }));
  }
  const used = new Set<number>();
  const any = (): number => random.integer(Math.max(0, tables.length - 3), tables.length - 1);
  for (let left = random.integer(1, 5); left > 0; left -= 1) {
    const from = any();
    used.add(from);
    if (random.chance(0.35)) {
      const other = any();
      used.add(other);
      add(`join ${from} with ${other}`, joined(p, tables[from] as Table, tables[other] as Table));
    } else {
      const [what, table] = oneInput(random, tables[from] as Table);
      add(`${what} of ${from}`, table);
    }
  }
  const sinks = tables.flatMap((table, index) =>
    used.has(index) && random.chance(0.8) ? [] : [ending(random, table)],
  );
  return { description: log.join(' · '), sinks };
}

function ending(random: SeededRandom, table: Table): Sink {
  const columns = {
    n: agg.count(),
    user: agg.sum('user'),
    system: agg.sum('system'),
    first: agg.first('system'),
    last: agg.last('user'),
  };
  const every = random.pick(['6h', '1d']);
  return table.aggStream({ orderedOn: 'time', aggregations: { bin: { every, columns } } }).bin.collect();
}
