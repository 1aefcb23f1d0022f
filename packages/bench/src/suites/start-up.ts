/** W9: from the start of a process to the first row of a trivial plan. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { median, spreadOf } from '../measure/alternate.ts';
import type { Figure } from '../measure/figure.ts';

const TRIVIAL_PLAN = [fileURLToPath(new URL('./start-up-child.js', import.meta.url))];
const EMPTY_PROGRAM = ['--eval', 'process.stdout.write("0 rows\\n")'];

/**
 * What Node does before the program begins depends on this one: with it, all certificates of the system and of its own are read, though nobody
 * connects to anything (30 ms of Node 20).
 */
function plainEnvironment(): NodeJS.ProcessEnv {
  const { NODE_EXTRA_CA_CERTS: _, ...others } = process.env;
  return others;
}

async function firstOutputMs(args: readonly string[]): Promise<number> {
  const startMs = performance.now();
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'], env: plainEnvironment() });
  await once(child.stdout, 'data');
  const tookMs = performance.now() - startMs;
  await once(child, 'close');
  return tookMs;
}

/** The first starts are not counted: they fill the file cache. */
export async function startUp(rounds: number): Promise<Figure[]> {
  const trivial: number[] = [];
  const empty: number[] = [];
  for (let round = 0; round <= rounds; round += 1) {
    trivial.push(await firstOutputMs(TRIVIAL_PLAN));
    empty.push(await firstOutputMs(EMPTY_PROGRAM));
  }
  const samples = trivial.slice(1);
  return [
    {
      workload: 'W9',
      what: 'process start to first row',
      ours: median(samples),
      spread: spreadOf(samples),
      unit: 'ms',
      target: { atMost: 150 },
      bound: { what: 'an empty program of Node', value: median(empty.slice(1)) },
    },
  ];
}
