/** What accounting for memory and the governor cost: the same runs with and without them, in pairs. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openStore } from '@spillway/core';
import { run } from '@spillway/workers';
import { setGoverned } from '@spillway/workers/internal';
import { alternate, type Contestant, median } from '../measure/alternate.ts';
import type { Figure } from '../measure/figure.ts';
import { delaysJob } from './delays-job.ts';
import { aggregateShared, shareSeries, UNTIMED_TURNS } from './shared-series.ts';

const PAIRS = 20;
/** Of 20 sorted values the 6th and the 15th hold the true median between them in 96 of 100 cases. */
const INTERVAL = [5, 14] as const;
const MEMORY_LIMIT_BYTES = 256 * 2 ** 20;

/** The goal: less than three percent. */
const MOST_PERCENT = 3;

function withGovernor(on: boolean, work: () => Promise<unknown>): Contestant {
  const run = async (): Promise<void> => {
    setGoverned(on);
    try {
      await work();
    } finally {
      setGoverned(true);
    }
  };
  return { name: on ? 'on' : 'off', run };
}

async function overheadOf(what: string, work: () => Promise<unknown>, untimed: number): Promise<Figure> {
  const [on, off] = await alternate([withGovernor(true, work), withGovernor(false, work)], PAIRS, untimed);
  const percents = (on?.samplesMs ?? []).map((ms, pair) => (ms / (off?.samplesMs[pair] ?? Number.NaN) - 1) * 100);
  const sorted = [...percents].sort((left, right) => left - right);
  const [low, high] = INTERVAL.map((index) => (sorted[index] ?? Number.NaN).toFixed(1));
  return {
    workload: 'overhead',
    what: `accounting and governor, ${what}: ${PAIRS} pairs, middle between ${low} and ${high} %`,
    ours: median(percents),
    unit: '%',
    target: { atMost: MOST_PERCENT },
  };
}

/** @param rows of W1 */
export async function governorOverhead(rows: number, workers: number): Promise<Figure[]> {
  const table = await shareSeries(rows);
  const folder = mkdtempSync(join(tmpdir(), 'spillway-bench-'));
  try {
    const shared = await overheadOf('W1', () => aggregateShared(table, workers), UNTIMED_TURNS);
    table.release();
    const store = await openStore(folder);
    const flights = await overheadOf('flights', () => run(delaysJob(store, MEMORY_LIMIT_BYTES), { workers }).done, 2);
    return [shared, flights];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
