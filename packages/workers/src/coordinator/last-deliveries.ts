import { ActorStatistics } from '../monitor/statistics.ts';
import type { FailureLatch } from './failure.ts';
import type { LaneHandle } from './lane-handle.ts';
import type { Wiring } from './wiring.ts';

const LOOK_EVERY_MS = 2;
/** A callback that takes longer does not keep the failure from being told. */
const PATIENCE_MS = 250;

/**
 * When a step has failed: lets functions and loops on the main thread have what other branches made of earlier rows. Sources bring nothing more;
 * it is over when nobody but the failed lane is at work and nothing moves, or after a while.
 */
export async function lastDeliveries(wiring: Wiring, latch: FailureLatch, failed: LaneHandle): Promise<void> {
  const { actors, rings, gates, mainSinks } = wiring;
  const isDelivered = mainSinks.some(({ node }) => node.spec.kind === 'sink' && node.spec.sink.type !== 'collect');
  if (!isDelivered || latch.error !== undefined) return;
  for (const gate of gates.values()) gate.close();
  const { stage, lane } = failed.config;
  const buffer = rings[0]?.arena.buffer as SharedArrayBuffer;
  const others = actors
    .filter(({ kind }) => kind === 'lane' || kind === 'sink')
    .filter((actor) => !(actor.kind === 'lane' && actor.id === stage.id && actor.lane === lane))
    .map(({ place }) => new ActorStatistics(buffer, place.actor));
  const isBusy = (): boolean => others.some((actor) => BUSY.has(actor.read().activity));
  const moved = (): string => rings.map((ring) => `${ring.mark()} ${ring.depth().packets} ${ring.underWay()}`).join();
  const until = performance.now() + PATIENCE_MS;
  for (let last = ''; performance.now() < until; ) {
    for (const ring of rings) ring.nudge();
    const now = moved();
    if (now === last && !isBusy()) return;
    last = now;
    await new Promise<void>((resolve) => void setTimeout(resolve, LOOK_EVERY_MS));
    // Another failure, or the end of patience of a user: shared memory may be somebody else's.
    if (latch.error !== undefined) return;
  }
}

const BUSY: ReadonlySet<string> = new Set(['working', 'giving memory back']);
