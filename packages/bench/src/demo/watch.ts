/** The job on a page in the browser, and that page as a file. */
import { once } from 'node:events';
import type { Run } from '@spillway/workers';
import { startDashboard } from '@spillway/workers/dashboard';
import type { DemoOptions } from './options.ts';

/** @returns what is left to do when the job has ended, well or not */
export async function watch(job: Run, options: DemoOptions): Promise<(isWell: boolean) => Promise<void>> {
  const { hasDashboard, reportPath, isJson } = options;
  if (!hasDashboard && reportPath === undefined) return async () => {};
  const dashboard = await startDashboard(job, { title: 'three million flights' });
  if (hasDashboard) console.error(`dashboard: ${dashboard.url}`);
  return async (isWell) => {
    if (reportPath !== undefined) await dashboard.saveReport(reportPath);
    if (isWell && hasDashboard && !isJson && process.stderr.isTTY) {
      console.error('the dashboard stays until Ctrl-C');
      await once(process, 'SIGINT');
    }
    await dashboard.close();
  };
}
