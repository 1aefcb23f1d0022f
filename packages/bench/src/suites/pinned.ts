/** W8: the same job in a process pinned to one core and in one pinned to two. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { median, spreadOf } from '../measure/alternate.ts';
import type { Figure } from '../measure/figure.ts';

const CHILD = fileURLToPath(new URL('./series-child.js', import.meta.url));

/** Median milliseconds of the job in a process of its own on these cores. */
function pinnedMs(cores: string, workers: number, rows: number, rounds: number): number {
  const args = ['-c', cores, process.execPath, CHILD, String(rows), String(workers), String(rounds)];
  const { status, stdout, stderr } = spawnSync('taskset', args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`the pinned process failed: ${stderr}`);
  return Number(stdout.trim());
}

/** Empty where processes cannot be pinned (no `taskset`, or one core). */
export function pinned(rows: number, rounds: number): Figure[] {
  if (spawnSync('taskset', ['-c', '0,1', 'true']).status !== 0) return [];
  const one: number[] = [];
  const two: number[] = [];
  for (let turn = 0; turn < 2; turn += 1) {
    one.push(pinnedMs('0', 1, rows, rounds));
    two.push(pinnedMs('0,1', 2, rows, rounds));
  }
  const peer = { name: 'one core, one worker', value: median(one), spread: spreadOf(one) };
  const ours = median(two);
  return [
    {
      workload: 'W8',
      what: 'W1 on two cores, two workers',
      rows,
      spread: spreadOf(two),
      ours,
      unit: 'ms',
      peer,
      ratio: peer.value / ours,
      target: { atLeastRatio: 1.6 },
    },
  ];
}
