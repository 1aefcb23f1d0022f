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
 * Times contestants in turns (A B A B …), so that a slow minute of the machine hits all of them. One untimed turn goes
 * before.
 */
export async function alternate(contestants: readonly Contestant[], rounds: number): Promise<Timing[]> {
  for (const contestant of contestants) await contestant.run();
  const samples = contestants.map((): number[] => []);
  for (let round = 0; round < rounds; round += 1) {
    for (const [i, contestant] of contestants.entries()) {
      const startMs = performance.now();
      await contestant.run();
      samples[i]?.push(performance.now() - startMs);
    }
  }
  return contestants.map(({ name }, i) => {
    const samplesMs = samples[i] ?? [];
    return { name, medianMs: median(samplesMs), samplesMs };
  });
}
