/** Plans put together at random whose rows go into a store by steps that every partition can do, and stores that have something already. */
import { join } from 'node:path';
import { col, createPipeline, openStore, type Sink, type Store, type StoreSinkOptions } from '@spillway/core';
import { run } from '@spillway/workers';
import { made } from '#fixtures/random-ops';
import type { SeededRandom } from '#support/random';
import { datasetDigests } from './dataset-digests.ts';
import { runInPartitions } from './partition-driver.ts';

const KEY = { of: 'rows' };
const pipeline = () => createPipeline({ memoryLimit: '256MiB' });
type Rows = ReturnType<typeof source>;

function source(options: { splits: number; rows: number }) {
  return pipeline().source(made, options);
}

const STEPS: Readonly<Record<string, (rows: Rows) => unknown>> = {
  none: (rows) => rows,
  filter: (rows) => rows.filter(col('value').gt(3)),
  texts: (rows) => rows.withColumns({ key: col('key').cast('dictionary<utf8>') }),
  sorted: (rows) => rows.sort({ by: ['t', { column: 'x', descending: true }] }),
  sortedBack: (rows) => rows.sort({ by: 'x' }).sort({ by: 't' }),
  lagged: (rows) =>
    rows
      .lag({ before: 'value' }, { by: ['key'] })
      .filter(col('before').gt(2))
      .select({ t: col('t'), key: col('key'), x: col('x'), value: col('value') }),
  nothing: (rows) => rows.filter(col('value').gt(1000)),
};

export interface RandomWritten {
  description: string;
  /** A store as it was before, another one each time. */
  store(): Promise<Store>;
  sinks(store: Store): Sink[];
}

/** The same plan can be made any number of times. */
export function randomWritten(random: SeededRandom, folder: string): RandomWritten {
  const mode = random.pick(['merge', 'append', 'overwrite'] as const);
  const duplicatesOn = random.pick([undefined, ['key'], ['t'], []]);
  const rowGroupTarget = random.pick([random.integer(3, 60), 100_000]);
  const maxOffTargetRowGroups = random.pick([undefined, 2]);
  const options: StoreSinkOptions = {
    ...{ key: KEY, mode, rowGroupTarget },
    ...(duplicatesOn !== undefined && { duplicatesOn }),
    ...(maxOffTargetRowGroups !== undefined && { maxOffTargetRowGroups }),
  };
  const input = { splits: random.integer(1, 70), rows: random.integer(1, 30) };
  const step = random.pick(Object.keys(STEPS));
  const before = mode === 'append' ? 0 : random.pick([0, 3, 80]);
  // What the dataset was written with, the plan need not say.
  const saysAll = before === 0 || random.chance(0.5);
  const twice = random.chance(0.3);
  const rows = (splits: number): Rows => (STEPS[step] as (rows: Rows) => Rows)(source({ ...input, splits }));
  let stores = 0;
  return {
    description: JSON.stringify({ ...options, ...input, step, before, saysAll, twice }),
    async store() {
      const store = await openStore(join(folder, `store${stores++}`));
      if (before > 0) await run(rows(before).toStore(store, { ...options, mode: 'merge' }), { workers: 1 }).done;
      return store;
    },
    sinks(store) {
      const from = rows(input.splits);
      const sink = from.toStore(store, saysAll ? options : { key: KEY, mode });
      return twice ? [sink, from.filter(col('x').gt(0)).toStore(store, { key: { of: 'some' } })] : [sink];
    },
  };
}

interface Written {
  rowsOut: number;
  digests: Record<string, string>;
  /** What is wrong with the datasets. */
  problems: unknown[];
}

async function written(store: Store, rowsOut: number): Promise<Written> {
  const checks = await Promise.all((await store.datasets()).map((key) => store.verify(key)));
  return { rowsOut, digests: await datasetDigests(store), problems: checks.filter(({ ok }) => !ok) };
}

/** What the plan writes in partitions, of which some are cut in two, and what `run` writes. */
export async function writtenBothWays(
  { store, sinks }: RandomWritten,
  partitions: number,
  random: SeededRandom,
  folder: string,
): Promise<{ got: Written; expected: Written }> {
  const [whole, cut] = [await store(), await store()];
  const { rowsOut: expected } = await run(sinks(whole), { workers: 1 }).done;
  const options = { partitions, folder, workers: 1, isTooLarge: () => random.chance(0.2) };
  const { rowsOut: got } = await (await runInPartitions(sinks(cut), options)).done;
  return { got: await written(cut, got), expected: await written(whole, expected) };
}
