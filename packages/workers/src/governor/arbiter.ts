/**
 * One cascade at a time. Whoever finds memory short (the main thread on its timer, any lane between two batches) has a victim chosen, in
 * this order: what is reserved and not used; the flushable stage nearest a sink; a spill, the smallest that is enough. The victim
 * acts at its next batch boundary, or is woken where it waits for input. What it emitted goes downstream in band, with everything
 * else; when all that was in the rings behind it has been taken, up to the sinks, the cascade is over, memory is measured again, and if
 * it is still short, the next victim is chosen. Nothing here waits, and every state has an end, whatever has become of a thread.
 *
 * ```
 * calm ──arbitrate──▶ choosing ─▶ chosen ──victim──▶ acting ──▶ draining ──sinks, or time──▶ calm
 * ```
 */
import type { MemoryPool, Ptr } from '@spillway/core/internal';
import type { Gives } from '@spillway/core/planner';
import { chooseVictim, WORTH_BYTES } from './victims.ts';

const Word = { state: 0, victim: 1, sinceMs: 2, heldKib: 3, passedOver: 4 } as const;
const State = { calm: 0, choosing: 1, chosen: 2, acting: 3, draining: 4 } as const;

/** A victim that does not act within this is passed over the next time: its thread is in user code, or ends. */
const CHOSEN_MS = 200;
/** Rings that are not drained by then belong to a slow sink: the next victim need not wait for it. */
const DRAINING_MS = 100;
const NOBODY = -1;

/** A lane that can give memory back. Plain data. */
export interface ArbitratedLane {
  lane: number;
  stage: string;
  /** Its place in the memory pool, where it says what it could give. */
  consumer: number;
  gives: Gives;
  distance: number;
}

export interface ArbiterPlace {
  at: Ptr;
  lanes: ArbitratedLane[];
}

/** What goes on, for who watches. */
export interface Arbitration {
  state: 'calm' | 'choosing' | 'chosen' | 'acting' | 'draining';
  /** The victim. */
  lane: number;
  /** What it held when it was chosen. */
  heldBytes: number;
  /** How long the state has lasted. */
  forMs: number;
}

const STATES = Object.keys(State) as Arbitration['state'][];

type Pool = Pick<MemoryPool, 'heldBytes' | 'makeRoom' | 'unusedBytes'>;

export class Arbiter {
  readonly place: ArbiterPlace;
  readonly #words: Int32Array;
  readonly #pool: Pool;
  readonly #now: () => number;

  constructor(buffer: SharedArrayBuffer, place: ArbiterPlace, pool: Pool, now: () => number = Date.now) {
    this.place = place;
    this.#words = new Int32Array(buffer, place.at, Object.keys(Word).length);
    this.#pool = pool;
    this.#now = now;
  }

  /** Before any thread attaches. */
  begin(): void {
    this.#words.fill(0);
    this.#words[Word.passedOver] = NOBODY;
  }

  /**
   * Memory is short by so much: unless a cascade is under way, has room lent, or chooses a victim.
   * @param exceptLane stands still until there is room, and can give nothing
   */
  arbitrate(wantedBytes: number, exceptLane: number = NOBODY): void {
    const { state, lane, forMs } = this.reading();
    if (state === 'chosen' && forMs > CHOSEN_MS) this.#passOver(lane);
    if (state === 'draining' && forMs > DRAINING_MS) this.acknowledge();
    // A chooser needs microseconds: one that takes longer has died.
    if (state === 'choosing' && forMs > CHOSEN_MS) this.#move(State.choosing, State.calm);
    if (!this.#move(State.calm, State.choosing)) return;
    this.#stamp();
    const lent = Math.min(wantedBytes, this.#pool.unusedBytes());
    if (lent > 0 && this.#pool.makeRoom(lent) && lent === wantedBytes)
      return void this.#move(State.choosing, State.calm);
    this.#choose(wantedBytes - Math.max(0, lent), exceptLane);
  }

  /** True for the victim, once: it acts now, and says when it has. */
  begins(lane: number): boolean {
    if (Atomics.load(this.#words, Word.victim) !== lane || !this.#move(State.chosen, State.acting)) return false;
    this.#stamp();
    Atomics.store(this.#words, Word.passedOver, NOBODY);
    return true;
  }

  /** The victim has given what it could. */
  acted(): void {
    this.#stamp();
    this.#move(State.acting, State.draining);
  }

  /** The sinks have everything that was on its way. */
  acknowledge(): void {
    this.#move(State.draining, State.calm);
  }

  /** Whether any other lane says that a flush or the disk could get something of what it holds. */
  couldGive(exceptLane: number): boolean {
    return this.place.lanes.some(
      ({ lane, consumer }) => lane !== exceptLane && this.#pool.heldBytes(consumer) >= WORTH_BYTES,
    );
  }

  /** Whether somebody is giving memory back. */
  get isBusy(): boolean {
    return Atomics.load(this.#words, Word.state) !== State.calm;
  }

  reading(): Arbitration {
    const words = this.#words;
    return {
      state: STATES[Atomics.load(words, Word.state)] as Arbitration['state'],
      lane: Atomics.load(words, Word.victim),
      heldBytes: Atomics.load(words, Word.heldKib) * 1024,
      forMs: ((this.#now() | 0) - Atomics.load(words, Word.sinceMs)) | 0,
    };
  }

  #choose(wantedBytes: number, exceptLane: number): void {
    const words = this.#words;
    const passedOver = Atomics.load(words, Word.passedOver);
    const candidates = this.place.lanes
      .filter(({ lane }) => lane !== passedOver && lane !== exceptLane)
      .map(({ lane, consumer, gives, distance }) => ({ lane, gives, distance, bytes: this.#pool.heldBytes(consumer) }));
    const victim = chooseVictim(candidates, wantedBytes);
    if (victim === undefined) {
      Atomics.store(words, Word.passedOver, NOBODY);
      this.#move(State.choosing, State.calm);
      return;
    }
    Atomics.store(words, Word.victim, victim.lane);
    Atomics.store(words, Word.heldKib, Math.ceil(victim.bytes / 1024));
    this.#move(State.choosing, State.chosen);
  }

  #passOver(lane: number): void {
    if (!this.#move(State.chosen, State.choosing)) return;
    Atomics.store(this.#words, Word.passedOver, lane);
    this.#move(State.choosing, State.calm);
  }

  #stamp(): void {
    Atomics.store(this.#words, Word.sinceMs, this.#now() | 0);
  }

  #move(from: number, to: number): boolean {
    return Atomics.compareExchange(this.#words, Word.state, from, to) === from;
  }
}
