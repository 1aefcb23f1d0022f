/** W7: what it costs to hand a batch from one thread to the next. */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { createArena } from '@spillway/core/internal';
import { createRing } from '@spillway/workers/internal';
import { median } from '../measure/alternate.ts';
import type { Figure } from '../measure/figure.ts';
import type { HopTask } from './stage-hop-worker.ts';

const FIELDS = [{ name: 'value', type: 'float64', nullable: false }] as const;
const RING_SLOTS = 4;

async function hop(
  batches: number,
  rows: number,
  restMs: number,
): Promise<{ hopsUs: number[]; latenciesUs: number[] }> {
  const arena = createArena({ maximumBytes: 64 * 2 ** 20 });
  const ring = createRing(arena, { capacity: RING_SLOTS, creditBytes: 2 ** 20, fields: FIELDS, owner: 0 });
  const start = (end: HopTask['end']): Worker => {
    const workerData: HopTask = { arena: arena.handle, ring: ring.handle, end, batches, rows, restMs };
    return new Worker(new URL('./stage-hop-worker.js', import.meta.url), { workerData });
  };
  const ends = [start('consumer'), start('producer')] as const;
  const [result] = await once(ends[0], 'message');
  await Promise.all(ends.map((worker) => worker.terminate()));
  return result;
}

/** Both sides busy: 100,000 batches of 1,000 rows; then the time until a sleeping consumer has its batch. */
export async function stageHop(): Promise<Figure[]> {
  const busy = await hop(100_000, 1000, 0);
  const resting = await hop(500, 1000, 2);
  return [
    {
      workload: 'W7',
      what: 'stage hop, both sides busy',
      ours: median(busy.hopsUs),
      unit: 'µs',
      target: { atMost: 10 },
    },
    { workload: 'W7', what: 'wake-up of a sleeping consumer', ours: median(resting.latenciesUs), unit: 'µs' },
  ];
}
