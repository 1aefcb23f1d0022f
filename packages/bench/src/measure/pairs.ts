/** What something costs: the same work with it and without it, in pairs one after the other. */
import { alternate, type Contestant, median } from './alternate.ts';
import type { Figure } from './figure.ts';

const PAIRS = 20;
/** Of 20 sorted values the 6th and the 15th hold the true median between them in 96 of 100 cases. */
const INTERVAL = [5, 14] as const;

/** @returns by how many percent `on` takes longer than `off` */
export async function costOf(
  { workload, what, atMost }: { workload: string; what: string; atMost: number },
  [on, off]: readonly [on: Contestant, off: Contestant],
  untimed: number,
): Promise<Figure> {
  const [with_, without] = await alternate([on, off], PAIRS, untimed);
  const percents = (with_?.samplesMs ?? []).map(
    (ms, pair) => (ms / (without?.samplesMs[pair] ?? Number.NaN) - 1) * 100,
  );
  const sorted = [...percents].sort((left, right) => left - right);
  const [low, high] = INTERVAL.map((index) => (sorted[index] ?? Number.NaN).toFixed(1));
  return {
    workload,
    what: `${what}: ${PAIRS} pairs, middle between ${low} and ${high} %`,
    ours: median(percents),
    unit: '%',
    target: { atMost },
  };
}
