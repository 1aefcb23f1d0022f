import type { SinkInput } from './coordinator/plan-run.ts';
import { Job, type Run } from './job/job.ts';
import { parseRunOptions, type RunOptions } from './job/run-options.ts';
import { stopOnSignals } from './job/signals.ts';

/**
 * Runs a pipeline on worker threads, inside its memory limit. Returns at once; `done` tells how it ended. All given
 * sinks are fed in one pass over the sources. Store and file sinks become visible at the end, each in one commit; a job that
 * fails or is aborted commits nothing.
 *
 * @throws ERR_OPTIONS at once when an option is wrong; everything else rejects `done`
 * @example
 * ```ts
 * const job = run([hourly.toStore(store, { freq: '1h' })], { memoryLimit: '256MiB', workers: 2 });
 * console.log(await job.done);
 * ```
 */
export function run(sinks: SinkInput | readonly SinkInput[], options: RunOptions = {}): Run {
  const parsed = parseRunOptions(options);
  const job = new Job(Array.isArray(sinks) ? sinks : [sinks as SinkInput], parsed);
  if (parsed.handleSignals) stopOnSignals(job);
  return job;
}
