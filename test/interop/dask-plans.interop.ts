/** Whole plans on real schedulers and workers, beside `run` in one process. */
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { agg, col, createPipeline, openStore, readCsv, type Sink } from '@spillway/core';
import { run } from '@spillway/workers';
import { runOnDask } from '@spillway/workers/dask';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { hoardsSlowly } from '#fixtures/faults';
import { made } from '#fixtures/random-ops';
import { datasetDigests } from '#support/dataset-digests';
import { digestTable } from '#support/digest';
import { TestCluster } from '../support/dask-cluster.ts';
import { sharedFolder, temporaryFolder } from '../support/temporary-folder.ts';
import { daskPythons } from './dask-environment.ts';

const source = () => createPipeline({ memoryLimit: '256MiB' }).source(made, { splits: 80, rows: 50 });

/** Every way in which a plan crosses a cut. */
const SHAPES: Record<string, () => Sink[]> = {
  'stateless steps': () => [
    source()
      .filter(col('value').gt(10))
      .withColumns({ twice: col('x').mul(2) })
      .collect(),
  ],
  'two levels of an aggregate': () => {
    const { fine, coarse } = source().aggStream({
      orderedOn: 't',
      by: ['key'],
      aggregations: {
        fine: { every: 7, columns: { sum: agg.sum('x'), first: agg.first('x'), n: agg.count(), std: agg.std('x') } },
        coarse: { every: 70, columns: { last: agg.last('value'), least: agg.min('key') } },
      },
    });
    return [fine.collect(), coarse.collect()];
  },
  'an as-of join, aggregated': () => {
    const p = createPipeline({ memoryLimit: '256MiB' });
    const left = p.source(made, { splits: 30, rows: 40 }).filter(col('x').gt(0));
    const right = p.source(made, { splits: 12, rows: 100 }).select({ t: col('t'), key: col('key'), bid: col('x') });
    const { bins } = p
      .joinStream({ left, right }, { strategy: 'asof', left: 'left', on: 't', by: ['key'] })
      .aggStream({ orderedOn: 't', aggregations: { bins: { every: 9, columns: { sum: agg.sum('bid') } } } });
    return [bins.collect()];
  },
  'a sort': () => [source().sort({ by: 'x' }).collect()],
  'an as-of join with sorted rows, aggregated': () => {
    const p = createPipeline({ memoryLimit: '256MiB' });
    const left = p.source(made, { splits: 30, rows: 40 });
    const right = p
      .source(made, { splits: 12, rows: 100 })
      .select({ t: col('t'), key: col('key'), bid: col('x') })
      .sort({ by: 't' });
    const { bins } = p
      .joinStream({ left, right }, { strategy: 'asof', left: 'left', on: 't', by: ['key'] })
      .aggStream({ orderedOn: 't', aggregations: { bins: { every: 9, columns: { sum: agg.sum('bid') } } } });
    return [bins.collect()];
  },
  'steps that look back': () => [
    source()
      .lag({ before: 'x' }, { rows: 2, by: ['key'] })
      .rolling({ mean: agg.mean('before') }, { period: 9, on: 't' })
      .collect(),
  ],
  'rows that depend on those before': () => [
    source()
      .distinct({ by: ['key', 'value'] })
      .limit(50)
      .collect(),
  ],
};

async function digestsOf(sinks: readonly Sink[], job: { table(sink: Sink): Promise<unknown> }): Promise<unknown[]> {
  return Promise.all(sinks.map(async (sink) => digestTable((await job.table(sink)) as never)));
}

describe.each(daskPythons())('distributed of $name', ({ python }) => {
  const folder = sharedFolder();
  let cluster: TestCluster;
  beforeAll(async () => {
    cluster = await TestCluster.start({ python, workers: 2, memoryLimit: '1GiB', folder });
  });
  afterAll(async () => {
    await cluster[Symbol.asyncDispose]();
  });
  const options = (partitions: number, sharedPath: string) => ({
    scheduler: cluster.address,
    python,
    partitions,
    sharedPath,
    workers: 1,
  });

  test.each(Object.keys(SHAPES))('the same answer as one process: %s', async (shape) => {
    const plan = SHAPES[shape] as () => Sink[];
    const whole = plan();
    const expected = await digestsOf(whole, run(whole, { workers: 1 }));
    const sharedPath = temporaryFolder();
    for (const partitions of shape === 'two levels of an aggregate' ? [1, 2, 7, 64] : [7]) {
      const sinks = plan();
      const job = runOnDask(sinks, options(partitions, sharedPath));
      expect(await digestsOf(sinks, job), `${partitions} partitions`).toEqual(expected);
      expect(readdirSync(sharedPath)).toEqual([]);
    }
  });

  test('a partition that takes more memory than its worker has is cut in two, and again', async () => {
    const plan = (mebibytes: number): Sink[] => {
      const p = createPipeline({ memoryLimit: '256MiB' }).register({ hoardsSlowly });
      return [p.source(made, { splits: 48, rows: 5 }).hoardsSlowly({ mebibytes }).collect()];
    };
    const whole = plan(0);
    const expected = await digestsOf(whole, run(whole, { workers: 1 }));
    const [sinks, sharedPath] = [plan(48), temporaryFolder()];
    const job = runOnDask(sinks, options(2, sharedPath));
    const reasons: string[] = [];
    job.on('restart', ({ reason }) => reasons.push(reason));
    expect(await digestsOf(sinks, job)).toEqual(expected);
    for (const partition of [0, 1])
      expect(reasons.join('\n')).toMatch(new RegExp(`, partition ${partition} of step .*: .*MiB`));
    expect(readdirSync(sharedPath)).toEqual([]);
  });

  test('CSV files into a store: one commit, with what each file gave', async () => {
    const [files, stores, sharedPath] = [temporaryFolder(), temporaryFolder(), temporaryFolder()];
    for (let file = 0; file < 3; file++)
      writeFileSync(
        join(files, `${file}.csv`),
        ['ts,price', ...Array.from({ length: 500 }, (_, row) => `${file * 500 + row},${(row * 7) % 31}.5`)].join('\n'),
      );
    const plan = async (name: string): Promise<{ sinks: Sink[]; digests: () => Promise<unknown> }> => {
      const store = await openStore(join(stores, name));
      const rows = createPipeline({ memoryLimit: '256MiB' }).source(
        readCsv(join(files, '*.csv'), { orderedOn: 'ts', schema: { ts: 'int64', price: 'float64' } }),
      );
      const { bins } = rows.aggStream({
        orderedOn: 'ts',
        aggregations: { bins: { every: 60, columns: { sum: agg.sum('price') } } },
      });
      return {
        sinks: [rows.toStore(store, { of: 'rows' }), bins.toStore(store, { of: 'bins' })],
        digests: () => datasetDigests(store),
      };
    };
    const [one, many] = [await plan('one'), await plan('many')];
    await run(one.sinks, { workers: 1 }).done;
    const progress: number[] = [];
    const summary = await runOnDask(many.sinks, {
      ...options(4, sharedPath),
      progressEvery: 20,
      onProgress: ({ sources }) => progress.push(sources.length),
    }).done;
    expect(await many.digests()).toEqual(await one.digests());
    expect(summary).toMatchObject({ ok: true, rowsIn: 1500, restarts: 0 });
    expect(progress.length).toBeGreaterThan(0);
    expect(readdirSync(sharedPath)).toEqual([]);
  });
});
