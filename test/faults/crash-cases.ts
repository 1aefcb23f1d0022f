/** Random plans whose workers are killed in random ways: the answer has to be that of a run in which nobody was. */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Worker } from 'node:worker_threads';
import {
  agg,
  col,
  createPipeline,
  fromIterable,
  openStore,
  readParquet,
  readStore,
  type Sink,
  type Source,
  type Store,
} from '@spillway/core';
import { processArena } from '@spillway/core/internal';
import { run } from '@spillway/workers';
import { closeIdlePools } from '@spillway/workers/internal';
import { expect } from 'vitest';
import { numbers, waits } from '#fixtures/faults';
import { SABOTAGE, sabotage } from '#fixtures/sabotage';
import { digestTable } from '#support/digest';
import { randomFrom, type SeededRandom } from '#support/random';
import { valueRows } from '#support/rows';
import { temporaryFolder } from '#support/temporary-folder';

interface Blow {
  kind: string;
  at: number;
  countdown: number;
  marker: string;
}

const SCHEMA = { value: 'int64' } as const;
const SPLITS = 60;
const EACH = 500;
const pipeline = () => createPipeline({ memoryLimit: '96MiB' }).register({ sabotage, waits });
type Pipeline = ReturnType<typeof pipeline>;

const made = (p: Pipeline) => p.source(numbers, { splits: SPLITS, each: EACH });
const fed = (p: Pipeline) =>
  p.source(fromIterable(SCHEMA, valueRows(SPLITS * EACH), { orderedOn: 'value', batchRows: EACH }));

/** Plans that write files, whose threads may be killed too, and what is in the files at the end. */
const WRITTEN: Record<string, (blow: Blow, store: Store, path: string) => { sink: Sink; read(): Promise<Source> }> = {
  store: (blow, store) => {
    const sink = made(pipeline())
      .sabotage(blow)
      .toStore(store, { ...KEPT, rowGroupTarget: 4000 });
    return { sink, read: async () => readStore(await store.dataset(KEPT.key)) };
  },
  'last of equal rows': (blow, store) => {
    const rows = fed(pipeline()).withColumns({ value: col('value').sub(col('value').mod(7)), at: col('value') });
    const sink = rows.sabotage(blow).toStore(store, { ...KEPT, duplicatesOn: ['value'] });
    return { sink, read: async () => readStore(await store.dataset(KEPT.key)) };
  },
  parquet: (blow, _store, path) => {
    const { bins } = made(pipeline())
      .sabotage(blow)
      .aggStream({ orderedOn: 'value', aggregations: { bins: { every: 5, columns: { sum: agg.sum('value') } } } });
    return { sink: bins.toParquet(path, { rowGroupRows: 500 }), read: async () => readParquet(path) };
  },
};
const KEPT = { key: { name: 'x' }, orderedOn: 'value' } as const;

/** One side fed, one made, of other rows. */
function twoSides() {
  const p = pipeline();
  const left = fed(p).withColumns({ key: col('value').mod(7) });
  const right = made(p)
    .filter(col('value').mod(3).eq(1))
    .withColumns({ key: col('value').mod(11), other: col('value').mul(2) });
  return { p, left, right };
}

/** Each gives a sink whose rows are collected. */
const PLANS: Record<string, (blow: Blow) => Sink> = {
  rows: (blow) => made(pipeline()).sabotage(blow).filter(col('value').mod(3).eq(0)).collect(),
  buffers: (blow) => fed(pipeline()).waits({ ms: 0 }).sabotage(blow).memoryBuffer({ iterMax: 7 }).collect(),
  bins: (blow) => {
    const { bins } = fed(pipeline())
      .sabotage(blow)
      .aggStream({
        orderedOn: 'value',
        aggregations: { bins: { every: 100, columns: { n: agg.count(), sum: agg.sum('value') } } },
      });
    return bins.collect();
  },
  lanes: (blow) => {
    const { bins } = made(pipeline())
      .sabotage(blow)
      .aggStream({ orderedOn: 'value', aggregations: { bins: { every: 700, columns: { last: agg.last('value') } } } });
    return bins.collect();
  },
  keys: (blow) => {
    const { bins } = made(pipeline())
      .withColumns({ key: col('value').mod(37) })
      .sabotage(blow)
      .aggStream({
        orderedOn: 'value',
        by: ['key'],
        aggregations: {
          bins: { every: 400, columns: { n: agg.count(), sum: agg.sum('value'), first: agg.first('value') } },
          wide: { every: 8000, columns: { last: agg.last('value'), mean: agg.mean('value') } },
        },
      });
    return bins.select({ value: col('value'), key: col('key'), sum: col('sum') }).collect();
  },
  sort: (blow) =>
    made(pipeline())
      .withColumns({ value: col('value').mul(7919).mod(30_011) })
      .sabotage(blow)
      .sort({ by: 'value', memoryLimit: '64KiB' })
      .collect(),
  windows: (blow) => {
    const p = pipeline();
    const rows = made(p)
      .withColumns({ key: col('value').mod(5) })
      .filter(col('value').mod(700).lt(600))
      .sabotage(blow);
    const { slides, sessions, counts } = rows.aggStream({
      orderedOn: 'value',
      by: ['key'],
      aggregations: {
        slides: { every: 300, period: 1100, columns: { n: agg.median('value') } },
        sessions: { gap: 50, columns: { n: agg.mean('value'), different: agg.nUnique('value') } },
        counts: { rows: 70, columns: { n: agg.quantile('value', 0.9) } },
      },
    });
    const inputs = { slides, sessions: sessions.select({ value: col('value'), key: col('key'), n: col('n') }), counts };
    return p.mergeOrdered(inputs, { on: 'value' }).collect();
  },
  looks: (blow) =>
    made(pipeline())
      .withColumns({ key: col('value').mod(9) })
      .lag({ before: 'value' }, { rows: 3, by: ['key'] })
      .sabotage(blow)
      .rolling({ mean: agg.mean('value'), most: agg.max('value') }, { rows: 40, by: ['key'] })
      .collect(),
  merged: (blow) => {
    const { p, left, right } = twoSides();
    return p
      .mergeOrdered({ left, right: right.select({ value: col('value'), key: col('key') }) }, { on: 'value' })
      .sabotage(blow)
      .distinct({ by: ['value'] })
      .collect();
  },
  join: (blow) => {
    const p = pipeline();
    const rows = made(p);
    const left = rows.sabotage(blow);
    const right = rows.filter(col('value').mod(5).eq(0)).withColumns({ other: col('value') });
    return p.joinStream({ left, right }, { strategy: 'asof', left: 'left', on: 'value' }).collect();
  },
  pairs: (blow) => {
    const { p, left, right } = twoSides();
    return p
      .joinStream({ left, right: right.sabotage(blow) }, { strategy: 'full', left: 'left', on: 'value', by: ['key'] })
      .collect();
  },
  near: (blow) => {
    const { p, left, right } = twoSides();
    return p
      .joinStream(
        { left, right },
        { strategy: 'asof', direction: 'nearest', left: 'left', on: 'value', by: ['key'], memoryLimit: '64KiB' },
      )
      .sabotage(blow)
      .collect();
  },
};

const digests = new Map<string, string>();

async function runPlan(
  name: string,
  blow: Blow,
  spillDirectory: string,
): Promise<{ digest: string; restarts: number }> {
  const options = { workers: 2, debug: true, barrierEvery: '15ms', spillDirectory };
  const folder = temporaryFolder();
  const written = WRITTEN[name]?.(blow, await openStore(join(folder, 'store')), join(folder, 'rows.parquet'));
  const sink = written?.sink ?? (PLANS[name] as (blow: Blow) => Sink)(blow);
  const job = run(sink, options);
  const { restarts } = await job.done;
  if (written === undefined) return { digest: digestTable(await job.table(sink)), restarts };
  const stored = createPipeline({ memoryLimit: '96MiB' })
    .source(await written.read())
    .collect();
  return { digest: digestTable(await run(stored, options).table(stored)), restarts };
}

/** Kills one of the threads that are started from now on, after a while. */
function terminateOne(random: SeededRandom): () => void {
  const workers: Worker[] = [];
  const onWorker = (worker: Worker): void => void workers.push(worker);
  process.on('worker', onWorker);
  const timer = setTimeout(
    () => void workers[random.integer(0, Math.max(0, workers.length - 1))]?.terminate(),
    random.integer(30, 250),
  );
  return () => {
    clearTimeout(timer);
    process.off('worker', onWorker);
  };
}

const ALL_PLANS = [...Object.keys(PLANS), ...Object.keys(WRITTEN)];

/** One case. Gives how often the run went on. */
export async function crashCase(seed: number, plans: readonly string[] = ALL_PLANS): Promise<number> {
  const random = randomFrom(seed);
  const name = random.pick(plans);
  const spillDirectory = join(temporaryFolder(), 'spill');
  const marker = join(temporaryFolder(), 'struck');
  const none: Blow = { kind: 'none', at: 0, countdown: 0, marker };
  const expected = digests.get(name) ?? (await runPlan(name, none, spillDirectory)).digest;
  digests.set(name, expected);

  const kind = random.pick([...SABOTAGE, 'atomics', 'atomics', 'spill', 'terminate']);
  const blow = { kind, at: random.integer(0, 25), countdown: random.integer(1, 3000), marker };
  // A thread of codecs is started once, and goes from run to run.
  if (kind === 'terminate' && name in WRITTEN) await closeIdlePools();
  const stopKilling = kind === 'terminate' ? terminateOne(random) : () => {};
  try {
    const { digest, restarts } = await runPlan(name, kind === 'terminate' ? none : blow, spillDirectory);
    const shown = `seed ${seed}: plan "${name}", ${JSON.stringify(blow)}`;
    expect(digest, shown).toBe(expected);
    expect(processArena().usedSlabs(), shown).toBe(0);
    expect(existsSync(spillDirectory) ? readdirSync(spillDirectory) : [], shown).toEqual([]);
    return restarts;
  } catch (error) {
    throw new Error(`seed ${seed}: plan "${name}", ${JSON.stringify(blow)}: ${String(error)}`, { cause: error });
  } finally {
    stopKilling();
  }
}
