/** `npm run bench:memory`: the table of peaks, as Markdown. Each job at its minimum and at fixed limits. */
import { PEAK_JOBS, type PeakJob } from './peak-jobs.ts';
import { type Peak, PeakJobError, watchPeak } from './watch-peak.ts';

const MEBIBYTE = 2 ** 20;
const LIMITS: readonly PeakJob['memoryLimit'][] = ['minimum', ...[64, 128, 256, 1024].map((size) => size * MEBIBYTE)];

function mebibytes(bytes: number): string {
  return (bytes / MEBIBYTE).toFixed(0);
}

function rowOf({ job, limitBytes, idleBytes, peakBytes, used, summary }: Peak): string[] {
  const limit = `${mebibytes(limitBytes)}${job.memoryLimit === 'minimum' ? ' (minimum)' : ''}`;
  const figures = [idleBytes, peakBytes, peakBytes - idleBytes].map(mebibytes);
  return [
    job.job,
    String(job.workers),
    limit,
    ...figures,
    `${(used * 100).toFixed(0)} %`,
    `${(summary.elapsedMs / 1000).toFixed(1)} s`,
  ];
}

function refusedRow(job: PeakJob, error: PeakJobError): string[] {
  const { code, expected } = error.data;
  const outcome =
    code === 'ERR_MEMORY_MINIMUM' ? `refused: needs ${mebibytes(Number(expected))}` : `failed: ${error.message}`;
  const limit = job.memoryLimit === 'minimum' ? 'minimum' : mebibytes(job.memoryLimit);
  return [job.job, String(job.workers), limit, '', '', '', outcome, ''];
}

function print(cells: readonly string[]): void {
  console.log(`| ${cells.join(' | ')} |`);
}

const chosen = process.argv.slice(2);
print(['job', 'workers', 'limit, MiB', 'idle', 'peak', 'peak − idle', 'of limit × 1.1', 'time']);
print(Array.from({ length: 8 }, () => '---'));
for (const name of PEAK_JOBS) {
  if (chosen.length > 0 && !chosen.includes(name)) continue;
  for (const workers of [1, 2]) {
    for (const memoryLimit of LIMITS) {
      const job: PeakJob = { job: name, memoryLimit, workers };
      try {
        print(rowOf(await watchPeak(job)));
      } catch (error) {
        if (!(error instanceof PeakJobError)) throw error;
        print(refusedRow(job, error));
      }
    }
  }
}
