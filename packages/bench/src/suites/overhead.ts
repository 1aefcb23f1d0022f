/** What accounting for memory and the governor cost: the same runs with and without them, in pairs. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openStore } from '@spillway/core';
import { run } from '@spillway/workers';
import { setGoverned } from '@spillway/workers/internal';
import type { Contestant } from '../measure/alternate.ts';
import type { Figure } from '../measure/figure.ts';
import { costOf } from '../measure/pairs.ts';
import { delaysJob } from './delays-job.ts';
import { aggregateShared, shareSeries, UNTIMED_TURNS } from './shared-series.ts';

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

function overheadOf(what: string, work: () => Promise<unknown>, untimed: number): Promise<Figure> {
  const asked = { workload: 'overhead', what: `accounting and governor, ${what}`, atMost: MOST_PERCENT };
  return costOf(asked, [withGovernor(true, work), withGovernor(false, work)], untimed);
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
