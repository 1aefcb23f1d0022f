import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { agg, col, createPipeline, explain, PipelineError, type Sink } from '@spillway/core';
import { processArena, runFolder, runReference } from '@spillway/core/internal';
import { type RunOptions, run } from '@spillway/workers';
import { afterEach, describe, expect, test } from 'vitest';
import { exits } from '#fixtures/faults';
import { scattered } from '#fixtures/scattered';
import { digestTable } from '../../support/digest.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const ROWS = 100_000;

const source = (rows = ROWS) => createPipeline({ memoryLimit: '256MiB' }).source(scattered, { rows, splits: 40 });

afterEach(() => {
  expect(processArena().usedSlabs()).toBe(0);
});

async function errorOf(done: Promise<unknown>): Promise<PipelineError> {
  const error: unknown = await done.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof PipelineError) return error;
  throw new Error(`was not refused: ${String(error)}`);
}

async function sorted(sink: Sink, options: RunOptions): Promise<{ digest: string; spilledBytes: number }> {
  const spillDirectory = temporaryFolder();
  const job = run(sink, { debug: true, spillDirectory, ...options });
  const { spilledBytes } = await job.done;
  expect(readdirSync(spillDirectory)).toEqual([]);
  return { digest: digestTable(await job.table(sink)), spilledBytes };
}

describe('sort', () => {
  test('gives the same rows whatever its share and the number of workers, and says what it spilled', async () => {
    const results = [];
    for (const [workers, memoryLimit] of [
      [1, undefined],
      [2, undefined],
      [2, '800KiB'],
      [1, '100KiB'],
    ] as const) {
      const sink = source()
        .sort({ by: ['key', { column: 'ts', descending: true }], ...(memoryLimit && { memoryLimit }) })
        .collect();
      results.push(await sorted(sink, { workers }));
    }
    expect(new Set(results.map(({ digest }) => digest)).size).toBe(1);
    expect(results.map(({ spilledBytes }) => spilledBytes > 0)).toEqual([false, false, true, true]);
  });

  test('equals the reference executor', async () => {
    const sink = source(3000)
      .sort({ by: ['key', 'row'], memoryLimit: '20KiB' })
      .collect();
    const job = run(sink, { workers: 2, debug: true });
    await job.done;
    const { outputs } = await runReference([sink]);
    const rows = await job.rows(sink);
    expect(rows.map(({ key, row }) => `${key} ${row}`)).toEqual(
      outputs[0]?.batches.flat().map(([, key, row]) => `${key} ${row}`),
    );
  });

  test('an aggregate behind it relies on its order', async () => {
    const aggregations = {
      bins: { every: 1000, columns: { n: agg.count(), low: agg.min('row'), first: agg.first('row') } },
    };
    const stream = source().sort({ by: 'ts', memoryLimit: '1MiB' });
    const { digest, spilledBytes } = await sorted(
      stream.aggStream({ orderedOn: 'ts', aggregations }).bins.collect(),
      {},
    );
    const whole = source().sort({ by: 'ts' });
    const inMemory = await sorted(whole.aggStream({ orderedOn: 'ts', aggregations }).bins.collect(), {});
    expect(digest).toBe(inMemory.digest);
    expect(spilledBytes).toBeGreaterThan(0);
    expect(inMemory.spilledBytes).toBe(0);
  });

  test('two of them before a join and an aggregate behind it share a limit, and give what they give with room', async () => {
    const sinkAt = (memoryLimit: string): Sink => {
      const p = createPipeline({ memoryLimit });
      const share = memoryLimit === '1GiB' ? {} : { memoryLimit: '700KiB' };
      const [trades, quotes] = [60_000, 90_000].map((rows) =>
        p.source(scattered, { rows, splits: 30 }).sort({ by: 'ts', ...share }),
      ) as [ReturnType<ReturnType<typeof source>['sort']>, ReturnType<ReturnType<typeof source>['sort']>];
      const priced = p.joinStream(
        { trades, quotes },
        { strategy: 'asof', left: 'trades', on: 'ts', by: ['key'], suffix: '_quote' },
      );
      const columns = {
        n: agg.count(),
        matched: agg.count('row_quote'),
        sum: agg.sum('row_quote'),
        last: agg.last('row_quote'),
      };
      return priced
        .aggStream({ orderedOn: 'ts', by: ['key'], aggregations: { bins: { every: '5ms', columns } } })
        .bins.collect();
    };
    const roomy = await sorted(sinkAt('1GiB'), { workers: 2 });
    const small = await sorted(sinkAt('160MiB'), { workers: 2 });
    expect(small.digest).toBe(roomy.digest);
    expect([roomy.spilledBytes, small.spilledBytes > 1e6]).toEqual([0, true]);
  });

  test('keeps its part of a small limit', async () => {
    const sink = source(1_000_000)
      .sort({ by: 'ts' })
      .forEach(() => {});
    const { text, physical } = await explain(sink, { workers: 2, memoryLimitBytes: 48 * 2 ** 20 });
    expect(text).toMatch(/sort: sort by ts, holds up to [\d.]+ MiB and spills the rest/);
    expect(physical.minimumBytes).toBeLessThan(48 * 2 ** 20);
    const summary = await run(sink, { workers: 2, memoryLimit: '48MiB', debug: true }).done;
    expect(summary.spilledBytes).toBeGreaterThan(10 * 2 ** 20);
    expect(summary.stages.find((stage) => stage.name.includes('sort'))?.spilledBytes).toBe(summary.spilledBytes);
    expect(summary.rowsOut).toBe(1_000_000);
  });
});

describe('what a run leaves', () => {
  const failing = (options: RunOptions): [Promise<unknown>, string] => {
    const spillDirectory = temporaryFolder();
    const sink = source().sort({ by: 'ts', memoryLimit: '500KiB' }).collect();
    return [run(sink, { workers: 2, debug: true, spillDirectory, ...options }).done, spillDirectory];
  };

  test('nothing when the limit of the disk is reached', async () => {
    const [done, folder] = failing({ spillLimit: '2MiB' });
    const error = await errorOf(done);
    expect(error).toMatchObject({ code: 'ERR_SPILL_LIMIT', stage: expect.stringContaining('sort') });
    expect(error.message).toContain('spillLimit of 2.0 MiB');
    expect(readdirSync(folder)).toEqual([]);
  });

  test('nothing when it is aborted while rows lie on disk', async () => {
    const spillDirectory = temporaryFolder();
    const abort = new AbortController();
    let seen = 0;
    const sink = source()
      .sort({ by: 'ts', memoryLimit: '500KiB' })
      .forEach(() => {
        if (seen++ === 0) {
          expect(readdirSync(spillDirectory)).toHaveLength(1);
          abort.abort();
        }
      });
    const error = await errorOf(run(sink, { workers: 2, debug: true, spillDirectory, signal: abort.signal }).done);
    expect(error.code).toBe('ERR_ABORTED');
    expect(seen).toBeGreaterThan(0);
    expect(readdirSync(spillDirectory)).toEqual([]);
  });

  test('nothing when its worker dies while rows lie on disk, and the next run works', async () => {
    const spillDirectory = temporaryFolder();
    const p = createPipeline({ memoryLimit: '256MiB' }).register({ exits });
    const rows = () => p.source(scattered, { rows: ROWS, splits: 40 });
    const sink = rows()
      .sort({ by: 'ts', memoryLimit: '500KiB' })
      .select({ value: col('row') })
      .exits({ at: 2 })
      .collect();
    const error = await errorOf(run(sink, { workers: 2, spillDirectory, restarts: 1 }).done);
    expect(error.code).toBe('ERR_WORKER_DIED');
    expect(readdirSync(spillDirectory)).toEqual([]);
    const summary = await run(rows().sort({ by: 'ts', memoryLimit: '500KiB' }).collect(), { spillDirectory }).done;
    expect(summary.rowsOut).toBe(ROWS);
    expect(readdirSync(spillDirectory)).toEqual([]);
  });

  test('a folder where nothing can be made fails clearly', async () => {
    const file = join(temporaryFolder(), 'file');
    writeFileSync(file, '');
    const [done] = failing({ spillDirectory: file });
    expect(await errorOf(done)).toMatchObject({ code: 'ERR_SPILL_DISK' });
  });

  test('what a dead process left is swept by the next run', async () => {
    const spillDirectory = temporaryFolder();
    const { pid } = spawnSync(process.execPath, ['-e', '']);
    const stale = join(spillDirectory, basename(runFolder('')).replace(`-${process.pid}-`, `-${pid}-`));
    mkdirSync(stale);
    writeFileSync(join(stale, '0-0-0.arrows'), 'x');
    const sink = source(1000).sort({ by: 'ts' }).collect();
    await run(sink, { workers: 1, debug: true, spillDirectory }).done;
    expect(existsSync(stale)).toBe(false);
  });
});
