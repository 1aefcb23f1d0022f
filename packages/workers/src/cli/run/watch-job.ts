/** `--dashboard` and `--report`: a job in a browser while it runs, and as a file when it has. */
import type { Run } from '../../job/job.ts';
import type { Context } from '../context.ts';

export interface WatchOptions {
  /** `true` for any port that is free. */
  dashboard?: true | number;
  report?: string;
  json?: boolean;
}

/** What is left to do when the job has ended. @param stays whether the dashboard may stay open for whoever looks at it */
export type EndWatching = (stays: boolean) => Promise<void>;

/** @throws ERR_OPTIONS when the port cannot be had */
export async function watchJob(job: Run, options: WatchOptions, context: Context): Promise<EndWatching> {
  const { dashboard: port, report } = options;
  if (port === undefined && report === undefined) return async () => {};
  const { startDashboard } = await import('../../dashboard/dashboard.ts');
  const dashboard = await startDashboard(job, port === undefined || port === true ? {} : { port });
  if (port !== undefined) context.note(`dashboard: ${dashboard.url}`);
  return async (stays) => {
    try {
      if (report !== undefined) await dashboard.saveReport(report);
      if (report !== undefined) context.note(`report: ${report}`);
      // Somebody sits there, and has it open: it stays as long as they like.
      if (stays && port !== undefined && context.stderr.isTTY === true && options.json !== true)
        await untilClosed(context);
    } finally {
      await dashboard.close();
    }
  };
}

function untilClosed({ note, interruption }: Context): Promise<void> {
  const signal = interruption();
  if (signal.aborted) return Promise.resolve();
  note('the dashboard stays until Ctrl-C');
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}
