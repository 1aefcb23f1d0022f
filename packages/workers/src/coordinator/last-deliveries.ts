import type { EdgeSpec } from '@spillway/core/internal';
import { type Activity, ActorStatistics } from '../monitor/actor-statistics.ts';
import type { FailureLatch } from './failure.ts';
import type { LaneHandle } from './lane-handle.ts';
import type { Actor, Wiring } from './wiring.ts';

const LOOK_EVERY_MS = 2;
/** A callback that takes longer than this for what it has does not keep the failure from being told. */
const PATIENCE_MS = 250;
/** However long this thread had no core: others are looked at so many times before it is over. */
const FEWEST_LOOKS = 25;
/** Nor do many that are quick. */
const LONGEST_MS = 2000;

/**
 * When a step has failed: lets functions and loops on the main thread have what other branches made of earlier rows. Sources bring nothing more;
 * it is over when nobody but the failed stage is at work or has something to take, or when nothing has moved for a while.
 *
 * @param edges of the plan, in the order of the rings
 */
export async function lastDeliveries(
  wiring: Wiring,
  edges: readonly EdgeSpec[],
  latch: FailureLatch,
  failed: LaneHandle,
): Promise<void> {
  const { rings, gates, mainSinks } = wiring;
  const isDelivered = mainSinks.some(({ node }) => node.spec.kind === 'sink' && node.spec.sink.type !== 'collect');
  if (!isDelivered || latch.error !== undefined) return;
  for (const gate of gates.values()) gate.close();
  const isBusy = watchOthers(wiring, edges, failed);
  const moved = (): string => rings.map((ring) => `${ring.mark()} ${ring.depth().packets} ${ring.underWay()}`).join();
  const began = performance.now();
  let last = '';
  let looks = 0;
  let movedAt = began;
  for (let now = began; (looks < FEWEST_LOOKS || now - movedAt < PATIENCE_MS) && now - began < LONGEST_MS; looks += 1) {
    for (const ring of rings) ring.nudge();
    const state = moved();
    if (state !== last) [movedAt, looks] = [now, 0];
    else if (!isBusy()) return;
    last = state;
    await new Promise<void>((resolve) => void setTimeout(resolve, LOOK_EVERY_MS));
    // Another failure, or the end of patience of a user: shared memory may be somebody else's.
    if (latch.error !== undefined) return;
    now = performance.now();
  }
}

/**
 * Whether somebody who can go on has not: a thread that has been woken, by a packet or by room for one, may have to wait for a core before it
 * says that it works.
 */
function watchOthers({ actors, rings }: Wiring, edges: readonly EdgeSpec[], failed: LaneHandle): () => boolean {
  const { stage, lane } = failed.config;
  const buffer = rings[0]?.arena.buffer as SharedArrayBuffer;
  const others = actors
    .filter(({ kind }) => kind === 'lane' || kind === 'sink')
    .filter((actor) => !(actor.kind === 'lane' && actor.id === stage.id && actor.lane === lane))
    .map((actor) => {
      const inputs = rings.filter((_, index) => isTakenBy(edges[index] as EdgeSpec, actor));
      return { statistics: new ActorStatistics(buffer, actor.place.actor), inputs };
    });
  const isEmpty = (edge: number): boolean => rings[edges.findIndex(({ id }) => id === edge)]?.depth().packets === 0;
  return () =>
    others.some(({ statistics, inputs }) => {
      const { activity, waitsFor } = statistics.read();
      if (activity === 'waiting for room in its output') return isEmpty(waitsFor);
      return BUSY.has(activity) || (WAITING.has(activity) && inputs.some((ring) => ring.depth().packets > 0));
    });
}

function isTakenBy({ consumer }: EdgeSpec, { kind, id, lane }: Actor): boolean {
  if (consumer.kind !== 'stage') return kind === 'sink' && consumer.node === id;
  return kind === 'lane' && consumer.stage === id && (consumer.lane ?? lane) === lane;
}

const BUSY: ReadonlySet<Activity> = new Set(['working', 'giving memory back']);
const WAITING: ReadonlySet<Activity> = new Set(['waiting to start', 'waiting for input']);
