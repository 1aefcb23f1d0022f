/** One figure of two contestants whose results have been compared. */
import assert from 'node:assert';
import { alternate, type Contestant } from './alternate.ts';
import type { Figure } from './figure.ts';

/** Ours in turns with a peer, each as often as there are rounds. */
export async function inTurns(
  { workload, what, rows }: Pick<Figure, 'workload' | 'what' | 'rows'>,
  ours: Contestant['run'],
  peer: Contestant & { version: string },
  rounds: number,
): Promise<Figure> {
  const [own, other] = await alternate([{ name: 'spillway', run: ours }, peer], rounds);
  assert(own && other);
  const { name, version } = peer;
  return {
    workload,
    what,
    ...(rows !== undefined && { rows }),
    ours: own.medianMs,
    unit: 'ms',
    spread: own.spreadMs,
    peer: { name, version, value: other.medianMs, spread: other.spreadMs },
    ratio: other.medianMs / own.medianMs,
  };
}
