/**
 * What watching costs, on W1 and W2a: a dashboard that a page reads; a thousand idle connections and a page that reads nothing; the record that a
 * run leaves. What is timed is the run, from its start to its end, with everything that watching has it do meanwhile: that a page or a crowd connects,
 * too. That costs the same however long a run is, so each is also measured with more rows, where what goes on while it runs can be seen.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openStore, type Sink } from '@spillway/core';
import { type RunOptions, run } from '@spillway/workers';
import { startDashboard } from '@spillway/workers/dashboard';
import type { Contestant } from '../measure/alternate.ts';
import { type Figure, rowsText } from '../measure/figure.ts';
import { costOf } from '../measure/pairs.ts';
import { storedBins, storedSeries, storeSeries } from './series-files.ts';
import { seriesSinks, shareSeries, UNTIMED_TURNS } from './shared-series.ts';
import type { WatchingTask } from './watching-child.ts';

const MOST_PERCENT = { page: 1, crowd: 2, record: 1 } as const;
const SAID = {
  page: 'dashboard with a page that reads',
  crowd: '1,000 idle connections and a page that reads nothing',
  record: 'the record of the run',
} as const;

type Way = keyof typeof SAID;
const WAYS: readonly Way[] = ['page', 'crowd', 'record'];
const TIMES_ROWS = [1, 4] as const;

class Client {
  readonly #child: ChildProcess = fork(fileURLToPath(new URL('./watching-child.js', import.meta.url)));

  async tell(task: WatchingTask): Promise<void> {
    this.#child.send(task);
    await once(this.#child, 'message');
  }

  close(): void {
    this.#child.kill();
  }
}

/** A run that is watched, or left alone, timed by itself. */
function contestant(name: string, once: () => Promise<number>): Contestant {
  let ms = 0;
  const timed = async (): Promise<void> => {
    ms = await once();
  };
  return { name, run: timed, insideMs: () => ms };
}

async function timed(sinks: readonly Sink[], options: RunOptions): Promise<number> {
  const from = performance.now();
  await run(sinks, options).done;
  return performance.now() - from;
}

async function timedWatched(
  sinks: readonly Sink[],
  options: RunOptions,
  how: 'page' | 'crowd',
  client: Client,
): Promise<number> {
  const from = performance.now();
  const job = run(sinks, options);
  const dashboard = await startDashboard(job);
  const looking = client.tell({ how, url: dashboard.url });
  await job.done;
  const ms = performance.now() - from;
  await looking;
  await client.tell({ how: 'leave' });
  await dashboard.close();
  return ms;
}

export async function costOfWatching(rows: number, workers: number): Promise<Figure[]> {
  const folder = mkdtempSync(join(tmpdir(), 'spillway-bench-'));
  const client = new Client();
  const options = { workers, history: false } as const;
  const figures: Figure[] = [];
  const measure = async (where: string, sinks: () => Promise<Sink[]>): Promise<void> => {
    for (const way of WAYS) {
      const on = async (): Promise<number> =>
        way === 'record'
          ? timed(await sinks(), { ...options, history: join(folder, 'runs') })
          : timedWatched(await sinks(), options, way, client);
      const off = async (): Promise<number> => timed(await sinks(), options);
      const asked = { workload: 'watching', what: `${SAID[way]}, ${where}`, atMost: MOST_PERCENT[way] };
      figures.push(await costOf(asked, [contestant('on', on), contestant('off', off)], UNTIMED_TURNS));
    }
  };
  try {
    for (const times of TIMES_ROWS) {
      const table = await shareSeries(times * rows);
      await measure(`W1 of ${rowsText(times * rows)}`, async () => Object.values(seriesSinks(table)));
      table.release();
    }
    for (const times of TIMES_ROWS) {
      const store = await openStore(join(folder, `store-${times}`));
      await storeSeries(store, times * rows, workers);
      await measure(`W2a of ${rowsText(times * rows)}`, async () => storedBins(store, await storedSeries(store)));
    }
    return figures;
  } finally {
    client.close();
    rmSync(folder, { recursive: true, force: true });
  }
}
