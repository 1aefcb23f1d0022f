/** The watched process: runs one job and tells its parent how it went. */
import { errorToData, explain } from '@spillway/core';
import { run } from '@spillway/workers';
import { makePeakJob, type PeakJob, ticksOf } from './peak-jobs.ts';

const job = JSON.parse(process.argv[2] ?? '{}') as PeakJob;
const folder = process.argv[3] ?? '';

/** Any limit will do to ask for the minimum. */
const ASKING_BYTES = 2 ** 30;

async function limitOf(): Promise<number> {
  if (job.memoryLimit !== 'minimum') return job.memoryLimit;
  const asked = await makePeakJob({ limitBytes: ASKING_BYTES, ticks: 2, job, folder });
  const { physical } = await explain(asked.sinks, { workers: job.workers });
  return physical.minimumBytes;
}

function block(forMs: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, forMs);
}

const limitBytes = await limitOf();
const ticks = ticksOf(job, limitBytes);
try {
  const { sinks, digests } = await makePeakJob({ limitBytes, ticks, job, folder });
  const running = run(sinks, { workers: job.workers, debug: true });
  const off = running.on('stage', () => {
    off();
    if (job.blockMainMs !== undefined) setTimeout(block, 20, job.blockMainMs);
  });
  const alerts: string[] = [];
  // What the engine could not help; rules tell of more, such as memory that the op of a cell holds on purpose.
  running.on('alert', ({ state, message }) => {
    if (state === 'noted') alerts.push(message);
  });
  const summary = await running.done;
  process.send?.({ ok: true, limitBytes, ticks, summary, digests: digests(), alerts });
} catch (error) {
  process.send?.({ ok: false, limitBytes, error: errorToData(error) });
}
process.disconnect?.();
