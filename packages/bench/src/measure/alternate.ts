import { setTimeout as sleep } from 'node:timers/promises';
import { collectGarbage } from '@spillway/workers/internal';
import { Bench } from 'tinybench';
import type { Spread } from './figure.ts';

/** One side of a comparison: the same work by us or by a peer. */
export interface Contestant {
  name: string;
  run(): Promise<unknown>;
  /** How long the last run took where the way there and back is no part of the work: a peer in a process of its own. */
  insideMs?: () => number;
  /** It works on the heap of this process, with so much garbage that it is cleared up before the next turn begins. */
  leavesGarbage?: boolean;
}

export interface Timing {
  name: string;
  medianMs: number;
  spreadMs: Spread;
  samplesMs: number[];
  /** Processor time of all threads of this process, the median; absent where the work is done in another one. */
  processorMs?: number;
}

/** The middle value; the mean of the two middle ones of an even number. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

/** The middle half of the values: a single slow turn says nothing. */
export function spreadOf(values: readonly number[]): Spread {
  const sorted = [...values].sort((a, b) => a - b);
  const outer = sorted.length >> 2;
  return [sorted[outer] ?? Number.NaN, sorted[sorted.length - 1 - outer] ?? Number.NaN];
}

/** Fewest and most turns of a comparison. */
const ROUNDS = { least: 3, most: 11 } as const;

/** As many rounds as a time allows when one takes so long. */
export function roundsWithin(budgetMs: number, roundMs: number): number {
  return Math.max(ROUNDS.least, Math.min(ROUNDS.most, Math.floor(budgetMs / roundMs)));
}

/** Most turns of a warm-up: after 40 of W4's, compilers still work on the code of eight threads. */
const MOST_WARM_TURNS = 150;

/**
 * Has each contestant run by itself until so much time has gone, once at least: just-in-time compilers of our threads and of peers in JavaScript
 * work on beside the first dozens of short turns, and take a core from them.
 */
export async function warmUp(contestants: readonly Contestant[], mostMs: number): Promise<void> {
  for (const { run } of contestants) {
    const until = performance.now() + mostMs;
    for (let turn = 0; turn < MOST_WARM_TURNS && (turn === 0 || performance.now() < until); turn += 1) await run();
  }
}

/** How long is looked whether the process is at rest, and how often at most. */
const LOOK_MS = 10;
const MOST_LOOKS = 100;
/** At rest, all threads together take less than this part of a core. */
const REST_SHARE = 0.1;

/**
 * Behind the turn of one that leaves gigabytes of garbage on the heap: collects it, and waits until the process is at rest. Else who comes next
 * would share both cores with that. Not behind every turn: a collection makes the young generation small again, and whoever comes next has to
 * collect more often (W7 716 instead of 443 ms).
 */
async function clearUp(): Promise<void> {
  // What the turn's last job has referred to weakly lives until that job is over.
  await sleep(0);
  collectGarbage('major');
  for (let look = 0; look < MOST_LOOKS; look += 1) {
    const [before, startMs] = [process.cpuUsage(), performance.now()];
    await sleep(LOOK_MS);
    const { user, system } = process.cpuUsage(before);
    if ((user + system) / 1000 < REST_SHARE * (performance.now() - startMs)) return;
  }
}

/**
 * Times contestants in turns (A B A B …), so that a slow minute of the machine hits all of them. Untimed turns go before,
 * until code is compiled and caches are warm.
 *
 * @param rounds how many turns count; or milliseconds that they may take together, after what the last untimed turn took
 * @throws what a contestant throws
 */
export async function alternate(
  contestants: readonly Contestant[],
  rounds: number | { budgetMs: number },
  untimed = 1,
): Promise<Timing[]> {
  const bench = new Bench({ iterations: 1, time: 0, warmup: false, throws: true });
  const processorMs = contestants.map((): number => Number.NaN);
  for (const [i, { name, run, leavesGarbage = false }] of contestants.entries()) {
    const timed = async (): Promise<void> => {
      const before = process.cpuUsage();
      await run();
      const { user, system } = process.cpuUsage(before);
      processorMs[i] = (user + system) / 1000;
    };
    bench.add(name, timed, leavesGarbage ? { async: true, afterEach: clearUp } : { async: true });
  }
  const turn = async (): Promise<number[]> => {
    bench.reset();
    const tasks = await bench.run();
    return tasks.map(({ result }, i) =>
      result.state === 'completed' ? (contestants[i]?.insideMs?.() ?? result.latency.mean) : Number.NaN,
    );
  };
  let roundMs = 0;
  for (let done = 0; done < untimed; done += 1) roundMs = (await turn()).reduce((sum, ms) => sum + ms, 0);
  const count = typeof rounds === 'number' ? rounds : roundsWithin(rounds.budgetMs, roundMs);
  const samples = contestants.map((): number[] => []);
  const processor = contestants.map((): number[] => []);
  for (let round = 0; round < count; round += 1)
    for (const [i, ms] of (await turn()).entries()) {
      samples[i]?.push(ms);
      processor[i]?.push(processorMs[i] ?? Number.NaN);
    }
  return contestants.map(({ name, insideMs }, i) => {
    const samplesMs = samples[i] ?? [];
    const timing = { name, medianMs: median(samplesMs), spreadMs: spreadOf(samplesMs), samplesMs };
    return insideMs === undefined ? { ...timing, processorMs: median(processor[i] ?? []) } : timing;
  });
}
