/**
 * The last thing before an allocation is refused: the lane stands still, in the middle of a batch, while others give memory back. It asks
 * the arbiter again and again, and looks whether there is room; the lanes that give work on their own threads meanwhile. Only a
 * thread of its own may do this: the main thread wakes victims.
 */
import type { MemoryPool, SlabHolders } from '@spillway/core/internal';
import type { Arbiter } from './arbiter.ts';

/** Nobody is waited for longer. */
const MOST_MS = 500;
/** The same where nobody says that it has anything to give: what is on its way to the sinks may still leave. */
const LEAST_MS = 20;
const STEP_MS = 2;
/** After waiting in vain nobody is waited for again for so long: those who ask may have another way. */
const AGAIN_AFTER_MS = 200;

const sleeper = new Int32Array(new SharedArrayBuffer(4));

export interface AwaitedRoomParts {
  pool: Pick<MemoryPool, 'arenaBytes' | 'slabBytes' | Exclude<keyof SlabHolders, 'awaitRoom'>>;
  arbiter: Pick<Arbiter, 'arbitrate' | 'isBusy' | 'couldGive'>;
  /** The lane that waits: it cannot be the one that gives. */
  lane: number;
  sleep?: (ms: number) => void;
  now?: () => number;
}

/** The pool as a lane's allocations see it. */
export class AwaitedRoom implements SlabHolders {
  readonly #parts: AwaitedRoomParts;
  readonly #sleep: (ms: number) => void;
  readonly #now: () => number;
  #againAtMs = 0;

  constructor(parts: AwaitedRoomParts) {
    this.#parts = parts;
    this.#sleep = parts.sleep ?? ((ms) => void Atomics.wait(sleeper, 0, 0, ms));
    this.#now = parts.now ?? Date.now;
  }

  awaitRoom(bytes: number): boolean {
    if (this.#now() < this.#againAtMs) return false;
    if (this.#waitFor(bytes)) return true;
    this.#againAtMs = this.#now() + AGAIN_AFTER_MS;
    return false;
  }

  #waitFor(bytes: number): boolean {
    const { pool, arbiter, lane } = this.#parts;
    for (let waited = 0; waited < MOST_MS; waited += STEP_MS) {
      arbiter.arbitrate(bytes, lane);
      if (waited >= LEAST_MS && !arbiter.isBusy && !arbiter.couldGive(lane)) return false;
      this.#sleep(STEP_MS);
      if (pool.arenaBytes - pool.slabBytes() >= bytes) return true;
    }
    return false;
  }

  nameOf(owner: number): string | undefined {
    return this.#parts.pool.nameOf(owner);
  }

  makeRoom(bytes: number): boolean {
    return this.#parts.pool.makeRoom(bytes);
  }

  describe(): string {
    return this.#parts.pool.describe();
  }

  largestStuck(): { name: string; bytes: number } | undefined {
    return this.#parts.pool.largestStuck();
  }
}
