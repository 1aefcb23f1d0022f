/** Ctrl-C for programs: the job stops cleanly, then the process ends with exit code 130. */
import { PipelineError } from '@spillway/core/base';
import type { Run } from './job.ts';

/** What a shell reports for a program that was interrupted (128 + SIGINT). */
const INTERRUPTED_EXIT_CODE = 130;

/** From the signal to the forced end: a clean stop takes well under a second. */
const LAST_RESORT_MS = 950;

/** A program that awaits `job.done` and catches nothing is interrupted all the same, not broken. */
function endInterrupted(error: unknown): void {
  if (!(error instanceof PipelineError && error.code === 'ERR_ABORTED')) console.error(error);
  process.exit(INTERRUPTED_EXIT_CODE);
}

/**
 * Stops the job at SIGINT or SIGTERM and ends the process with 130 when it has stopped. Signals are as before once
 * the job has ended.
 */
export function stopOnSignals(job: Pick<Run, 'done' | 'abort'>): void {
  let stopping = false;
  const stop = (signal: NodeJS.Signals): void => {
    if (stopping) process.exit(INTERRUPTED_EXIT_CODE); // the second Ctrl-C: at once
    stopping = true;
    process.exitCode = INTERRUPTED_EXIT_CODE;
    setTimeout(() => process.exit(INTERRUPTED_EXIT_CODE), LAST_RESORT_MS).unref();
    process.on('uncaughtException', endInterrupted);
    job.abort(
      new PipelineError('ERR_ABORTED', `stopped by ${signal}; nothing was committed`, {
        hint: 'run it again: it starts from the beginning',
      }),
    );
  };
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
  const done = (): void => {
    process.off('SIGINT', stop);
    process.off('SIGTERM', stop);
    // The event loop may be kept alive by the program's own handles: an interrupted program ends all the same.
    if (stopping) setImmediate(() => process.exit(INTERRUPTED_EXIT_CODE));
  };
  job.done.then(done, done);
}
