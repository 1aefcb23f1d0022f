import { Bench } from 'tinybench';

/** One side of a comparison: the same work by us or by a peer. */
export interface Contestant {
  name: string;
  run(): Promise<unknown>;
}

export interface Timing {
  name: string;
  medianMs: number;
  samplesMs: number[];
}

/** The middle value; the mean of the two middle ones of an even number. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

/**
 * Times contestants in turns (A B A B …), so that a slow minute of the machine hits all of them. Untimed turns go before,
 * until code is compiled and caches are warm. @throws what a contestant throws
 */
export async function alternate(contestants: readonly Contestant[], rounds: number, untimed = 1): Promise<Timing[]> {
  const bench = new Bench({ iterations: 1, time: 0, warmup: false, throws: true });
  for (const { name, run } of contestants) bench.add(name, async () => void (await run()), { async: true });
  for (let turn = 0; turn < untimed; turn += 1) {
    bench.reset();
    await bench.run();
  }
  const samples = contestants.map((): number[] => []);
  for (let round = 0; round < rounds; round += 1) {
    bench.reset();
    const tasks = await bench.run();
    for (const [i, { result }] of tasks.entries())
      if (result.state === 'completed') samples[i]?.push(result.latency.mean);
  }
  return contestants.map(({ name }, i) => {
    const samplesMs = samples[i] ?? [];
    return { name, medianMs: median(samplesMs), samplesMs };
  });
}
