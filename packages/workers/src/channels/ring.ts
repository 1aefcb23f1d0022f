/**
 * The channel between two stages: a bounded ring of packets in shared memory. A packet is what one sequence number
 * stands for: the descriptors of some batches, possibly none.
 *
 * Producers own their sequences (the numbers of the morsels they worked on, or a count of their own), so several may
 * publish out of order; each waits only for its own slot, which is the bounded window. Consumers claim sequences in
 * order; with several, each packet goes to one of them.
 *
 * Credits: besides the slots, the bytes in flight are bounded. The lowest sequence not yet taken always passes,
 * whatever its size, so that one large packet, or credits used up by later sequences, cannot stop the edge. With several
 * consumers later packets may be taken before it; so every sequence up to the count of packets taken passes, which the
 * lowest always is among, and at most as many packets as there are consumers go beyond the credit.
 *
 * A packet too large for the edge's floor goes out in parts: each lies in the slot of its sequence until the consumer has taken it, and the
 * next one follows into the same slot. So a lane never has to hold all of it. Only where there is one consumer.
 *
 * Ownership: `publish` takes over the batches; a packet that `next` gives belongs to the taker. Whoever finds the ring
 * failed keeps what it has and releases it; what still lies in slots is released by `close`, when all threads are out.
 */
import assert from 'node:assert';
import { isMainThread } from 'node:worker_threads';
import type { Fields } from '@spillway/core';
import { handOn, openBatch, PipelineError, releaseDescriptor } from '@spillway/core/base';
import type { Arena, Batch, MaybePromise, Packet, Ptr } from '@spillway/core/internal';
import {
  INLINE_DESCRIPTORS,
  RingState,
  RingWord,
  ringBytes,
  SlotWord,
  slotOf,
  slotTurn,
  wholeSequence,
} from './ring-layout.ts';
import { WaitPlace, wake, wakeAll } from './wait.ts';
import type { Signal } from './wait-any.ts';

export interface RingOptions {
  /** Slots: how far the producers may be ahead. */
  capacity: number;
  /** Bytes in flight before producers wait. */
  creditBytes: number;
  /** Columns of the batches that travel here. */
  fields: Fields;
  /** Whom the ring's own words are charged to. */
  owner: number;
  /**
   * Wakes a sleeping consumer only when half of the slots are full, when a producer has to wait, and at the end. For small
   * packets whose consumer has little to do: each wake-up costs more than its work. Never where rows may stop coming.
   */
  isLazy?: boolean;
  /**
   * The end that the main thread is at. Waking it takes as long as working through several small packets, so the other end gathers wake-ups as long as it
   * goes on without a pause: until half of the slots are free, or full, or it has nothing to do at once.
   */
  mainIs?: 'producer' | 'consumer';
  /** Number of the first packet; default 0. */
  first?: number;
}

/** What another thread needs to attach. Plain data. */
export interface RingHandle {
  at: Ptr;
  fields: Fields;
  owner: number;
  first: number;
}

/** How full a ring is. */
export interface RingDepth {
  packets: number;
  bytes: number;
}

/** Makes a ring. Its maker closes it, after every other thread has let go of it. @throws ERR_MEMORY_EXHAUSTED */
export function createRing(arena: Arena, options: RingOptions): Ring {
  const { capacity, creditBytes, fields, owner, isLazy = false, mainIs, first = 0 } = options;
  assert(Number.isInteger(capacity) && capacity > 0, `a ring of ${capacity} slots`);
  const at = arena.alloc(ringBytes(capacity), owner);
  const words = new Int32Array(arena.buffer, at, ringBytes(capacity) >>> 2).fill(0);
  words[RingWord.capacity] = capacity;
  words[RingWord.creditKib] = Math.min(2 ** 31 - 1, Math.ceil(creditBytes / 1024));
  words[RingWord.isLazy] = isLazy ? 1 : 0;
  words[RingWord.isFed] = mainIs === 'producer' ? 1 : 0;
  words[RingWord.isDelivered] = mainIs === 'consumer' ? 1 : 0;
  for (const word of [RingWord.claimed, RingWord.taken, RingWord.done, RingWord.put]) words[word] = first | 0;
  for (let sequence = first; sequence < first + capacity; sequence++)
    words[slotOf(sequence, capacity) + SlotWord.state] = slotTurn(sequence, capacity);
  return new Ring(arena, { at, fields, owner, first });
}

/** Attaches to a ring that another thread made. */
export function attachRing(arena: Arena, handle: RingHandle): Ring {
  return new Ring(arena, handle);
}

export class Ring {
  readonly handle: RingHandle;
  readonly arena: Arena;
  readonly words: Int32Array;
  readonly capacity: number;
  /** Whether lanes gather wake-ups of the main thread at its end, and whether one is due. */
  readonly #isFed: boolean;
  readonly #isDelivered: boolean;
  #isWakeDue = false;

  constructor(arena: Arena, handle: RingHandle) {
    this.arena = arena;
    this.handle = handle;
    this.capacity = arena.i32[(handle.at >>> 2) + RingWord.capacity] as number;
    this.words = new Int32Array(arena.buffer, handle.at, ringBytes(this.capacity) >>> 2);
    this.#isFed = !isMainThread && this.words[RingWord.isFed] === 1;
    this.#isDelivered = !isMainThread && this.words[RingWord.isDelivered] === 1;
  }

  producer(): RingProducer {
    return new RingProducer(this);
  }

  consumer(): RingConsumer {
    return new RingConsumer(this);
  }

  get creditBytes(): number {
    return (this.words[RingWord.creditKib] as number) * 1024;
  }

  /** Whether all credit beyond the floor is withdrawn. */
  get isNarrow(): boolean {
    return Atomics.load(this.words, RingWord.isNarrow) === 1;
  }

  depth(): RingDepth {
    const { words } = this;
    const packets = (Atomics.load(words, RingWord.put) - Atomics.load(words, RingWord.taken)) | 0;
    return { packets: Math.max(0, packets), bytes: Atomics.load(words, RingWord.inFlightKib) * 1024 };
  }

  /** Packets that were published and have not been worked through. */
  underWay(): number {
    return Math.max(0, (Atomics.load(this.words, RingWord.put) - Atomics.load(this.words, RingWord.done)) | 0);
  }

  /** Everything that lies in it now; see `hasTaken`. */
  mark(): number {
    return Atomics.load(this.words, RingWord.put);
  }

  /** Whether everything has been taken that lay in it when it was marked. */
  hasTaken(mark: number): boolean {
    return ((Atomics.load(this.words, RingWord.taken) - mark) | 0) >= 0;
  }

  /**
   * Takes all credit beyond the floor away, or gives it back. The floor stays: what is next to be taken always passes, so
   * that a narrow ring is slow and never stuck.
   */
  setNarrow(isNarrow: boolean): void {
    const word = isNarrow ? 1 : 0;
    if (Atomics.exchange(this.words, RingWord.isNarrow, word) === word || isNarrow) return;
    wake(this.words, RingWord.freed, RingWord.producersAsleep);
  }

  /** Whether everything that was published has been worked through. */
  isQuiet(): boolean {
    return Atomics.load(this.words, RingWord.done) === Atomics.load(this.words, RingWord.put);
  }

  /** Whether so many packets have been published, counted from sequence 0. */
  hasAll(total: number): boolean {
    return Atomics.load(this.words, RingWord.put) === (total | 0);
  }

  /** Whether no packet beyond those that are announced will come. */
  isEnded(): boolean {
    return Atomics.load(this.words, RingWord.isEnded) === 1;
  }

  /** Has a sleeping consumer look, also one that is left asleep until more has come. */
  nudge(): void {
    wake(this.words, RingWord.published, RingWord.consumersAsleep);
  }

  /** A slot has become free. */
  wakeProducers(): void {
    if (!this.#isFed || !this.#isHalfFull()) return wake(this.words, RingWord.freed, RingWord.producersAsleep);
    this.#wakeSoon(RingWord.freed, RingWord.producersAsleep);
  }

  /** A packet has been published. */
  wakeConsumers(): void {
    const { words } = this;
    if ((words[RingWord.isLazy] === 0 && !this.#isDelivered) || this.#isHalfFull())
      wake(words, RingWord.published, RingWord.consumersAsleep);
    else if (this.#isDelivered) this.#wakeSoon(RingWord.published, RingWord.consumersAsleep);
  }

  /**
   * When this thread waits for anything, or gives its event loop a turn: every way there leads past the microtasks. So nobody who is left asleep is
   * what this thread, or one that it waits for, is waiting for.
   */
  #wakeSoon(signal: number, asleep: number): void {
    if (this.#isWakeDue) return;
    this.#isWakeDue = true;
    queueMicrotask(() => {
      this.#isWakeDue = false;
      wake(this.words, signal, asleep);
    });
  }

  #isHalfFull(): boolean {
    const { words, capacity } = this;
    return 2 * ((Atomics.load(words, RingWord.put) - Atomics.load(words, RingWord.taken)) | 0) >= capacity;
  }

  /** Makes every wait of every thread end with ERR_ABORTED. */
  fail(): void {
    Atomics.store(this.words, RingWord.state, RingState.failed);
    wakeAll(this.words, RingWord.freed);
    wakeAll(this.words, RingWord.published);
  }

  /** Releases what lies in slots, and the ring itself. No other thread may hold it any more. */
  close(): void {
    const { words } = this;
    for (let index = 0; index < this.capacity; index++) {
      const slot = RingWord.words + index * SlotWord.words;
      if (((words[slot + SlotWord.state] as number) & 1) === 0) continue;
      for (const descriptor of readDescriptors(this.arena, words, slot)) releaseDescriptor(this.arena, descriptor);
      words[slot + SlotWord.state] = 0;
    }
    this.arena.release(this.handle.at);
  }

  get hasFailed(): boolean {
    return Atomics.load(this.words, RingWord.state) === RingState.failed;
  }

  /** @throws ERR_ABORTED when the ring has failed */
  checkOpen(): void {
    if (this.hasFailed) {
      throw new PipelineError('ERR_ABORTED', 'the channel was closed because the run is stopping');
    }
  }
}

/** The writing end. One producer may have several publications waiting. */
export class RingProducer {
  readonly #ring: Ring;
  readonly #room: WaitPlace;

  constructor(ring: Ring) {
    this.#ring = ring;
    this.#room = new WaitPlace(ring.words, RingWord.freed, RingWord.producersAsleep);
  }

  /**
   * Puts a packet into its place, waiting until the sequence is inside the window and has credit. Returns nothing when it
   * went through at once. Takes over the batches, also when it fails.
   *
   * @param isPart more batches of this sequence follow; the last of its publications is no part
   * @throws ERR_ABORTED when the ring has failed
   */
  publish(sequence: number, batches: readonly Batch[], isPart = false): MaybePromise {
    const kib = kibOf(batches);
    try {
      const { words } = this.#ring;
      if (this.#takeRoom(sequence, kib) === true) return this.#put(sequence, batches, kib, isPart);
      // A consumer that was left asleep is what this producer would wait for.
      if (words[RingWord.isLazy] === 1) wake(words, RingWord.published, RingWord.consumersAsleep);
      const room = this.#room.until(() => this.#takeRoom(sequence, kib));
      if (room === true) return this.#put(sequence, batches, kib, isPart);
      return room
        .then(() => this.#put(sequence, batches, kib, isPart))
        .catch((error: unknown) => abandon(batches, error));
    } catch (error) {
      abandon(batches, error);
    }
  }

  /** As `publish`, if it goes through at once; else, also where the ring has failed, nothing has happened and the batches stay the caller's. */
  tryPublish(sequence: number, batches: readonly Batch[]): boolean {
    const kib = kibOf(batches);
    if (this.#ring.hasFailed || this.#takeRoom(sequence, kib) === undefined) return false;
    this.#put(sequence, batches, kib, false);
    return true;
  }

  /** No sequence from `total` on will come. Every earlier one must be published, sooner or later. */
  end(total: number): void {
    const { words } = this.#ring;
    Atomics.store(words, RingWord.total, total | 0);
    Atomics.store(words, RingWord.isEnded, 1);
    wake(words, RingWord.published, RingWord.consumersAsleep);
  }

  /** True when the sequence may go out now, and its bytes are then counted; undefined when it has to wait. */
  #takeRoom(sequence: number, kib: number): true | undefined {
    const { words, capacity } = this.#ring;
    this.#ring.checkOpen();
    const slot = slotOf(sequence, capacity);
    if (Atomics.load(words, slot + SlotWord.state) !== slotTurn(sequence, capacity)) return undefined;
    for (;;) {
      const inFlight = Atomics.load(words, RingWord.inFlightKib);
      const isNarrow = Atomics.load(words, RingWord.isNarrow) === 1;
      const hasCredit = !isNarrow && inFlight + kib <= (words[RingWord.creditKib] as number);
      if (!hasCredit && ((Atomics.load(words, RingWord.taken) - sequence) | 0) < 0) return undefined;
      // In one step, so that producers who look at the same moment do not all spend the same credit.
      if (Atomics.compareExchange(words, RingWord.inFlightKib, inFlight, inFlight + kib) === inFlight) return true;
    }
  }

  #put(sequence: number, batches: readonly Batch[], kib: number, isPart: boolean): void {
    const { words, capacity, arena, handle } = this.#ring;
    const slot = slotOf(sequence, capacity);
    words[slot + SlotWord.count] = batches.length;
    words[slot + SlotWord.kib] = kib;
    words[slot + SlotWord.isPart] = isPart ? 1 : 0;
    if (batches.length <= INLINE_DESCRIPTORS) {
      for (let index = 0; index < batches.length; index++)
        words[slot + SlotWord.first + index] = handOn(batches[index] as Batch);
    } else {
      const list = arena.alloc(batches.length * 4, handle.owner);
      const descriptors = new Int32Array(arena.buffer, list, batches.length);
      batches.forEach((batch, index) => {
        descriptors[index] = handOn(batch);
      });
      words[slot + SlotWord.first] = list;
    }
    if (!isPart) Atomics.add(words, RingWord.put, 1);
    // Hazard: this store publishes the plain writes above (and the batch's bytes); it must come after all of them.
    Atomics.store(words, slot + SlotWord.state, slotTurn(sequence, capacity) + 1);
    if (isPart) wake(words, RingWord.published, RingWord.consumersAsleep);
    else this.#ring.wakeConsumers();
  }
}

/** The reading end of one thread. Calls of `next` must not overlap. */
export class RingConsumer {
  readonly #ring: Ring;
  /** Sequence that this consumer has claimed and not yet got; -1 for none. */
  #claim = -1;
  /** The last sequence claimed. */
  #last: number;
  readonly #arrival: WaitPlace;

  constructor(ring: Ring) {
    this.#ring = ring;
    this.#last = ring.handle.first;
    const isLazy = ring.words[RingWord.isLazy] === 1;
    this.#arrival = new WaitPlace(ring.words, RingWord.published, RingWord.consumersAsleep, !isLazy);
  }

  /**
   * The next packet that is this consumer's, or undefined at the end. Not a promise when it is there already.
   *
   * @throws ERR_ABORTED when the ring has failed
   */
  next(): Packet | undefined | Promise<Packet | undefined> {
    this.#claimNext();
    const taken = this.#arrival.until(() => this.#attempt());
    return taken instanceof Promise ? taken.then(packetOrEnd) : packetOrEnd(taken);
  }

  /**
   * As `next`, without waiting: undefined when the packet is not there yet.
   *
   * @throws ERR_ABORTED when the ring has failed
   */
  poll(): Packet | 'end' | undefined {
    this.#claimNext();
    return this.#attempt();
  }

  /** A packet that was taken has been worked through, and what came of it was published. */
  countDone(): void {
    Atomics.add(this.#ring.words, RingWord.done, 1);
  }

  /** What changes when a packet or the end is published. */
  get arrivals(): Signal {
    return { words: this.#ring.words, signal: RingWord.published, asleep: RingWord.consumersAsleep };
  }

  #claimNext(): void {
    const { words } = this.#ring;
    if (this.#claim < 0) this.#claim = this.#last = wholeSequence(Atomics.add(words, RingWord.claimed, 1), this.#last);
  }

  /** Number of sequences of the whole edge; meaningful when `next` has given undefined. */
  total(): number {
    return wholeSequence(Atomics.load(this.#ring.words, RingWord.total), this.#last);
  }

  #attempt(): Packet | 'end' | undefined {
    const { words, capacity } = this.#ring;
    this.#ring.checkOpen();
    const sequence = this.#claim;
    const slot = slotOf(sequence, capacity);
    // Hazard: this load makes the producer's plain writes visible; nothing of the slot may be read before it.
    if (Atomics.load(words, slot + SlotWord.state) === slotTurn(sequence, capacity) + 1)
      return this.#take(sequence, slot);
    return Atomics.load(words, RingWord.isEnded) === 1 && sequence >= this.total() ? 'end' : undefined;
  }

  #take(sequence: number, slot: number): Packet {
    const { words, capacity, arena, handle } = this.#ring;
    const batches: Batch[] = [];
    for (const descriptor of readDescriptors(arena, words, slot))
      batches.push(openBatch(arena, descriptor, handle.fields));
    const isPart = words[slot + SlotWord.isPart] === 1;
    Atomics.sub(words, RingWord.inFlightKib, words[slot + SlotWord.kib] as number);
    // Behind a part the slot is free for the next one of the same sequence.
    Atomics.store(words, slot + SlotWord.state, slotTurn(isPart ? sequence : sequence + capacity, capacity));
    if (!isPart) {
      Atomics.add(words, RingWord.taken, 1);
      this.#claim = -1;
    }
    if (isPart) wake(words, RingWord.freed, RingWord.producersAsleep);
    else this.#ring.wakeProducers();
    return isPart ? { sequence, batches, isPart } : { sequence, batches };
  }
}

function packetOrEnd(taken: Packet | 'end'): Packet | undefined {
  return taken === 'end' ? undefined : taken;
}

function abandon(batches: readonly Batch[], error: unknown): never {
  for (const batch of batches) batch.release();
  throw error;
}

function readDescriptors(arena: Arena, words: Int32Array, slot: number): Ptr[] {
  const count = words[slot + SlotWord.count] as number;
  const isInline = count <= INLINE_DESCRIPTORS;
  const list = (words[slot + SlotWord.first] as number) >>> 0;
  const source = isInline ? words : new Int32Array(arena.buffer, list, count);
  const from = isInline ? slot + SlotWord.first : 0;
  const descriptors: Ptr[] = [];
  for (let index = 0; index < count; index++) descriptors.push((source[from + index] as number) >>> 0);
  if (!isInline) arena.release(list);
  return descriptors;
}

function kibOf(batches: readonly Batch[]): number {
  let bytes = 0;
  for (const batch of batches) bytes += batch.logicalBytes;
  return Math.ceil(bytes / 1024);
}
