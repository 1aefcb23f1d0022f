/** The advice of runs under pressure, followed up to three times, on ten times the input; the table is for people. */
import { formatBytes } from '@spillway/core/internal';
import type { Summary } from '@spillway/workers';
import { forcedFlushes } from '@spillway/workers/internal';
import { afterAll, expect, it } from 'vitest';
import { ADVICE_WORKLOADS, followed, type JobLimits, runWorkload } from '#support/advice-workloads';
import { sharedFolder } from '#support/temporary-folder';

const SCALE = 10;
const ROUNDS = 3;
const folder = sharedFolder();
const lines: string[] = [];

function note(name: string, round: number, { total, steps }: JobLimits, summary: Summary): void {
  const limits = Object.entries(steps).map(([step, bytes]) => `${step} ${formatBytes(bytes)}`);
  const cells = [
    ...[name, String(round), [`total ${formatBytes(total)}`, ...limits].join(', ')],
    ...[
      String(forcedFlushes(summary.flushes)),
      formatBytes(summary.spilledBytes),
      `${Math.round(summary.elapsedMs)} ms`,
    ],
  ];
  lines.push(`| ${cells.join(' | ')} |`);
}

afterAll(() =>
  console.log(
    ['| job | run | limits | forced flushes | spilled | time |', '|---|---|---|---|---|---|', ...lines].join('\n'),
  ),
);

it.each(ADVICE_WORKLOADS.map((workload) => [workload.name, workload] as const))('%s', async (name, workload) => {
  let { limits } = workload;
  const costs: { forced: number; spilled: number; total: number }[] = [];
  for (let round = 0; round <= ROUNDS; round += 1) {
    const summary = await runWorkload(workload, limits, folder, SCALE);
    note(name, round, limits, summary);
    costs.push({ forced: forcedFlushes(summary.flushes), spilled: summary.spilledBytes, total: limits.total });
    const next = followed(summary, limits);
    if (JSON.stringify(next) === JSON.stringify(limits)) break;
    limits = next;
  }
  const [first, second] = costs as [(typeof costs)[0], (typeof costs)[0]];
  expect(second.total).toBeLessThanOrEqual(first.total);
  expect(second.forced + second.spilled === 0 || second.forced < first.forced || second.spilled < first.spilled).toBe(
    true,
  );
});
