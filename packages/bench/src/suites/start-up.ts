/** W9: from the start of a process to the first row of a trivial plan. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { median, spreadOf } from '../measure/alternate.ts';
import type { Figure } from '../measure/figure.ts';

const CHILD = fileURLToPath(new URL('./start-up-child.js', import.meta.url));

async function firstRowMs(): Promise<number> {
  const startMs = performance.now();
  const child = spawn(process.execPath, [CHILD], { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(child.stdout, 'data');
  const tookMs = performance.now() - startMs;
  await once(child, 'close');
  return tookMs;
}

/** The first start is not counted: it fills the file cache. */
export async function startUp(rounds: number): Promise<Figure[]> {
  await firstRowMs();
  const samples: number[] = [];
  for (let round = 0; round < rounds; round += 1) samples.push(await firstRowMs());
  return [
    {
      workload: 'W9',
      what: 'process start to first row',
      ours: median(samples),
      spread: spreadOf(samples),
      unit: 'ms',
      target: { atMost: 150 },
    },
  ];
}
