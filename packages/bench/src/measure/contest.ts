/** One workload by us and by peers: results compared before anything is timed, then all of them in turns. */
import assert from 'node:assert';
import { alternate, type Contestant, warmUp } from './alternate.ts';
import type { Bound, Figure } from './figure.ts';

/** A peer that takes part. */
export interface Peer extends Contestant {
  version?: string;
  /** What it comes to, in the form that ours has; what `run` gives where absent. */
  result?: () => Promise<unknown>;
  /** Goal: how many times faster we are to be. */
  goal?: number;
  /** What it was let off, since it cannot do it. */
  note?: string;
  /** Has the numbers ours are compared with changed where something was left out. */
  without?: (ours: unknown) => unknown;
}

/** A peer that does not. */
export interface AbsentPeer {
  name: string;
  version?: string;
  cannot: string;
}

export interface Contest {
  workload: string;
  what: string;
  rows: number;
  run(): Promise<unknown>;
  /** What ours comes to; what `run` gives where absent. */
  result?: () => Promise<unknown>;
  peers: readonly (Peer | AbsentPeer)[];
  bound?: Bound;
  /** Turns that do not count. Default 1; where it is more, each contestant also runs by itself before, until its code is compiled. */
  untimed?: number;
  budgetMs: number;
}

/** Part of the time of the turns that count, and the most, for which each contestant runs before. */
const WARM_UP_PART = 4;
const MOST_WARM_UP_MS = 2500;

function isThere(peer: Peer | AbsentPeer): peer is Peer {
  return 'run' in peer;
}

/** @throws where a peer comes to something else, and what a contestant throws */
export async function contest(options: Contest): Promise<Figure[]> {
  const { workload, what, rows, bound } = options;
  const peers = options.peers.filter(isThere);
  if (peers.length > 0) {
    const ours = await (options.result ?? options.run)();
    for (const { name, run, result = run, without } of peers)
      assert.deepStrictEqual(without ? without(ours) : ours, await result(), `${workload}: ${name}'s result differs`);
  }
  const contestants = [{ name: 'spillway', run: () => options.run() }, ...peers];
  const { budgetMs, untimed = 1 } = options;
  if (untimed > 1) await warmUp(contestants, Math.min(MOST_WARM_UP_MS, budgetMs / WARM_UP_PART));
  const [own, ...others] = await alternate(contestants, { budgetMs }, untimed);
  assert(own);
  const figure: Figure = { workload, what, rows, ours: own.medianMs, spread: own.spreadMs, unit: 'ms' };
  if (own.processorMs !== undefined) figure.processorMs = own.processorMs;
  if (bound !== undefined && bound.value > 0) figure.bound = bound;
  const figures: Figure[] = peers.map(({ name, version, goal, note }, i) => {
    const timing = others[i];
    assert(timing);
    const peer = { name, value: timing.medianMs, spread: timing.spreadMs };
    return {
      ...figure,
      peer: { ...peer, ...(version !== undefined && { version }), ...(note !== undefined && { note }) },
      ratio: timing.medianMs / own.medianMs,
      ...(goal !== undefined && { target: { atLeastRatio: goal } }),
    };
  });
  for (const peer of options.peers)
    if (!isThere(peer)) {
      const { name, version, cannot } = peer;
      figures.push({ ...figure, peer: { name, note: cannot, ...(version !== undefined && { version }) } });
    }
  return figures.length > 0 ? figures : [figure];
}

/** A peer that may not be installable here: what stood in the way instead. */
export async function peerOrReason(name: string, open: () => Promise<Peer>): Promise<Peer | AbsentPeer> {
  try {
    return await open();
  } catch (error) {
    const [reason = ''] = (error instanceof Error ? error.message : String(error)).split('\n');
    return { name, cannot: `not here: ${reason}` };
  }
}
