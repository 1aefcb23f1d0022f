/** W8: the same job in a process pinned to one core with one worker, and in one pinned to two with two. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { median, spreadOf } from '../measure/alternate.ts';
import type { Figure } from '../measure/figure.ts';
import type { Asked } from './asked.ts';

const CHILD = fileURLToPath(new URL('./pinned-child.js', import.meta.url));
const TURNS = 2;

/** Workloads, their rows beside those of W1, and what is bound by memory rather than by cores. */
const PINNED = [
  { name: 'W1', share: 1, goal: 1.6 },
  { name: 'W2a', share: 1 / 5, goal: 1.8 },
  { name: 'W4', share: 1 / 5, goal: 1.8 },
  { name: 'W6', share: 1 / 5, goal: 1.8 },
] as const;

export interface PinnedTask {
  workload: string;
  asked: Asked;
}

/** Figures of our side in a process of its own on these cores. */
function pinnedFigures(cores: string, task: PinnedTask): Figure[] {
  const args = ['-c', cores, process.execPath, CHILD, JSON.stringify(task)];
  const { status, stdout, stderr } = spawnSync('taskset', args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`the pinned process failed: ${stderr}`);
  return JSON.parse(stdout) as Figure[];
}

function scalingOf(workload: string, asked: Asked, goal: number): Figure[] {
  const times = new Map<string, { one: number[]; two: number[] }>();
  for (let turn = 0; turn < TURNS; turn += 1)
    for (const [key, cores, threads] of [
      ['one', '0', 1],
      ['two', '0,1', 2],
    ] as const)
      for (const { what, ours } of pinnedFigures(cores, { workload, asked: { ...asked, threads } })) {
        const ofWhat = times.get(what) ?? { one: [], two: [] };
        ofWhat[key].push(ours);
        times.set(what, ofWhat);
      }
  return [...times].map(([what, { one, two }]) => {
    const peer = { name: 'one core, one worker', value: median(one), spread: spreadOf(one) };
    const ours = median(two);
    return {
      workload: 'W8',
      what: `${workload} on two cores, two workers: ${what}`,
      rows: asked.rows,
      ours,
      spread: spreadOf(two),
      unit: 'ms',
      peer,
      ratio: peer.value / ours,
      target: { atLeastRatio: goal },
    };
  });
}

/** Empty where processes cannot be pinned (no `taskset`, or one core). */
export function pinned(asked: Asked): Figure[] {
  if (spawnSync('taskset', ['-c', '0,1', 'true']).status !== 0) return [];
  return PINNED.flatMap(({ name, share, goal }) =>
    scalingOf(name, { ...asked, rows: asked.rows * share, isAlone: true, budgetMs: asked.budgetMs / 4 }, goal),
  );
}
