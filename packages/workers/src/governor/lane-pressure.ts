/**
 * What a lane does about memory between two batches, by the level that all threads share: give back what it holds, when it is chosen; keep
 * new rows back for a moment where it makes them, and at the level after that wherever stages nearer the sinks have something to do; collect its
 * garbage when asked; and wait where code of users holds more than its part and the promise is broken (`user-room.ts`).
 */
import type { MemoryConsumer } from '@spillway/core/base';
import type { MaybePromise } from '@spillway/core/internal';
import type { Arbiter } from './arbiter.ts';
import { collectGarbage } from './collector.ts';
import type { SharedPressure } from './shared-pressure.ts';
import type { UserRoom } from './user-room.ts';

/** The chain, as far as pressure is about it. */
export interface PressedChain {
  flush(reason: 'pressure'): MaybePromise;
  /** Writes down what its operators hold. */
  reportHeld(): void;
  /** What of it a flush or the disk could give back, as far as operators can tell. */
  heldBytes(): number;
  /** What nobody can get back, and which operator holds most of it. */
  stuck(): { bytes: number; operator: number };
}

export interface LanePressureParts {
  shared: SharedPressure;
  arbiter: Pick<Arbiter, 'arbitrate' | 'begins' | 'acted' | 'isBusy'>;
  userRoom: Pick<UserRoom, 'look'>;
  consumer: Pick<MemoryConsumer, 'setHeld' | 'setStuck'>;
  /** Number of the lane in the run. */
  lane: number;
  /** The lane makes its rows itself: it is a source. */
  isSource: boolean;
  /** What the lanes of a source make between two looks. */
  makesBytes: number;
  /** Whether rows wait between this lane and a stage nearer the sinks. */
  hasRowsBehind(): boolean;
  sleep?: (ms: number) => Promise<void>;
}

/** How long a lane waits at most before it goes on all the same: never an eternal pause. */
const PAUSE_MS = 20;
const PAUSE_STEP_MS = 2;
/** The same for a source while there is little room and others are giving some back. */
const LONG_PAUSE_MS = 500;

const later = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

export class LanePressure {
  readonly #parts: LanePressureParts;
  #collections: number;
  /** What was still held after the last flush by pressure: open bins and the like. */
  #heldAfterFlush = 0;

  constructor(parts: LanePressureParts) {
    this.#parts = parts;
    this.#collections = parts.shared.collections;
  }

  /** Called between two batches, and where the lane is woken because it is a victim. */
  relieve(chain: PressedChain): MaybePromise {
    const { shared, userRoom, consumer } = this.#parts;
    shared.look();
    const isAsked = this.#collections !== shared.collections;
    if (isAsked) {
      this.#collections = shared.collections;
      collectGarbage('major');
    }
    const held = chain.heldBytes();
    this.#heldAfterFlush = Math.min(this.#heldAfterFlush, held);
    consumer.setHeld(held - this.#heldAfterFlush);
    const stuck = chain.stuck();
    consumer.setStuck(stuck.bytes + this.#heldAfterFlush, stuck.operator);
    const answered = userRoom.look(isAsked);
    const relieved = shared.isHigh ? this.#relieveHigh(chain) : undefined;
    if (answered === undefined || relieved === undefined) return answered ?? relieved;
    answered.catch(() => {}); // awaited behind the other
    return relieved.then(() => answered);
  }

  async #relieveHigh(chain: PressedChain): Promise<void> {
    const { shared, arbiter, lane, isSource, hasRowsBehind } = this.#parts;
    arbiter.arbitrate(shared.wantedBytes());
    if (arbiter.begins(lane)) await this.#give(chain);
    if (isSource) {
      await this.#pauseWhile(PAUSE_MS, () => shared.isHigh);
      await this.#pauseWhile(LONG_PAUSE_MS, () => this.#hasLittleRoom() && (arbiter.isBusy || hasRowsBehind()));
    } else if (shared.isCritical) await this.#pauseWhile(PAUSE_MS, () => shared.isCritical && hasRowsBehind());
  }

  #hasLittleRoom(): boolean {
    const { shared, makesBytes } = this.#parts;
    return shared.isHigh && (shared.isCritical || shared.freeBytes() < makesBytes);
  }

  async #give(chain: PressedChain): Promise<void> {
    const { arbiter, consumer } = this.#parts;
    try {
      await chain.flush('pressure');
      chain.reportHeld();
    } finally {
      arbiter.acted();
    }
    this.#heldAfterFlush = chain.heldBytes();
    consumer.setHeld(0);
  }

  async #pauseWhile(mostMs: number, isShort: () => boolean): Promise<void> {
    for (let waited = 0; waited < mostMs && isShort(); waited += PAUSE_STEP_MS) {
      const { shared, arbiter, sleep = later } = this.#parts;
      await sleep(PAUSE_STEP_MS);
      shared.look();
      if (shared.isHigh) arbiter.arbitrate(shared.wantedBytes());
    }
  }
}
