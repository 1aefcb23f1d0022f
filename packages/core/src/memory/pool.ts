/**
 * Who holds what of a run's memory limit.
 *
 * ```
 * memory limit ── the arena's part ── slabs by stage             counted by the arena as it hands them out
 *              └─ the rest ────────── stage ── consumer ── reservations     counted here
 * ```
 *
 * A *consumer* is one holder in one thread: the heap of a lane, the library of a codec thread, the results that a sink keeps. It takes
 * *reservations* before it takes memory. Nothing is locked: a reservation adds to its consumer's own word, then looks at the sum of all
 * of them, and takes its addition back when that passes the limit. Two that grow at the same moment may both be refused where one of them
 * would have fitted; both together never pass.
 *
 * Three things can happen to one who asks. There is room: a few atomic operations. There is none, but somebody does not use what it has
 * reserved: the arena lends what is neither promised to anybody nor touched, and lends back (`makeRoom`). There is none at all:
 * ERR_MEMORY_EXHAUSTED, naming who asked and what everybody holds.
 *
 * When a thread has died, `releaseScope` sets its consumers to nothing; there is nothing else that could be wrong.
 *
 * *Not* tracked: the code and the heap of an idle process, the few KiB of this block, what user code allocates beyond its part (it is
 * watched: see the governor), and who of a stage's operators a slab belongs to.
 */
import { formatBytes } from '../schema/sizes.ts';
import { MemoryConsumer } from './consumer.ts';
import type { Arena, SlabHolders } from './contract.ts';
import type { LimitedPool, PoolPlace } from './pool-contract.ts';
import { ConsumerWord, consumerAt, PoolWord, poolBytes } from './pool-layout.ts';

const KIBIBYTE = 1024;
const HOLDERS_NAMED = 5;
/** Words of a consumer that say what it holds. */
const GIVEN_BACK = [
  ConsumerWord.reservedKib,
  ConsumerWord.usedKib,
  ConsumerWord.heldKib,
  ConsumerWord.stuckKib,
  ConsumerWord.keptKib,
] as const;

/** What one stage, source or sink holds. */
export interface MemoryHolding {
  stage: string;
  bytes: number;
  /** Largest first; slabs are one of them. */
  consumers: { name: string; bytes: number }[];
}

export class MemoryPool implements SlabHolders, LimitedPool {
  readonly place: PoolPlace;
  readonly #arena: Arena;
  readonly #words: Int32Array;

  constructor(arena: Arena, place: PoolPlace) {
    this.#arena = arena;
    this.place = place;
    this.#words = new Int32Array(arena.buffer, place.at, poolBytes(place.consumers.length) / 4);
  }

  /** Once, before any thread attaches. `promisedBytes`: what of the arena's part is never lent. */
  begin(parts: { limitBytes: number; arenaBytes: number; promisedBytes: number }): void {
    this.#words.fill(0);
    this.#words[PoolWord.limitKib] = Math.floor(parts.limitBytes / KIBIBYTE);
    this.#words[PoolWord.arenaKib] = Math.floor(parts.arenaBytes / KIBIBYTE);
    this.#words[PoolWord.promisedKib] = Math.ceil(Math.min(parts.promisedBytes, parts.arenaBytes) / KIBIBYTE);
  }

  /** For the thread that the consumer belongs to. */
  consumer(index: number): MemoryConsumer {
    return new MemoryConsumer(this, this.#words, index);
  }

  get limitBytes(): number {
    return this.#load(PoolWord.limitKib);
  }

  /** The arena's part now. */
  get arenaBytes(): number {
    return this.#load(PoolWord.arenaKib);
  }

  /** Bytes of the run's slabs. */
  slabBytes(): number {
    return this.place.owners.reduce((sum, { owner }) => sum + this.#arena.bytesOf(owner), 0);
  }

  /** All that is reserved outside the arena. */
  reservedBytes(): number {
    return this.#sum(ConsumerWord.reservedKib);
  }

  /** What nobody has reserved; negative while one who grows is looking whether it may. */
  freeBytes(): number {
    return this.limitBytes - this.arenaBytes - this.reservedBytes();
  }

  /** What those who lend have reserved and do not use. */
  unusedBytes(): number {
    return this.#unusedKib() * KIBIBYTE;
  }

  /** What a consumer's operators could give back of their slabs. */
  heldBytes(index: number): number {
    return this.#load(consumerAt(index) + ConsumerWord.heldKib);
  }

  /** Of the slabs, what code of users keeps. */
  keptBytes(): number {
    return this.#sum(ConsumerWord.keptKib);
  }

  /** Bytes of one word of all consumers. */
  #sum(word: number): number {
    let kib = 0;
    for (let index = 0; index < this.place.consumers.length; index++)
      kib += Atomics.load(this.#words, consumerAt(index) + word);
    return kib * KIBIBYTE;
  }

  /** What of the arena's part nobody was promised and nobody keeps; negative while one who keeps is looking whether it may. */
  keepableBytes(): number {
    return this.arenaBytes - this.#load(PoolWord.promisedKib) - this.keptBytes();
  }

  /** What everybody holds, by stage, largest first. */
  holdings(): MemoryHolding[] {
    const stages = new Map<string, MemoryHolding>();
    const add = (stage: string, name: string, bytes: number): void => {
      if (bytes === 0) return;
      const holding = stages.get(stage) ?? { stage, bytes: 0, consumers: [] };
      stages.set(stage, holding);
      holding.bytes += bytes;
      holding.consumers.push({ name, bytes });
    };
    for (const { owner, stage } of this.place.owners) add(stage, 'slabs', this.#arena.bytesOf(owner));
    this.place.consumers.forEach(({ stage, name }, index) => {
      add(stage, name, this.#load(consumerAt(index) + ConsumerWord.reservedKib));
    });
    for (const { consumers } of stages.values()) consumers.sort((left, right) => right.bytes - left.bytes);
    return [...stages.values()].sort((left, right) => right.bytes - left.bytes);
  }

  /** The largest holders in one line. */
  describe(): string {
    return this.holdings()
      .slice(0, HOLDERS_NAMED)
      .map(({ stage, bytes }) => `${stage} ${formatBytes(bytes)}`)
      .join(', ');
  }

  largestStuck(): { name: string; bytes: number } | undefined {
    let largest: { name: string; bytes: number } | undefined;
    this.place.consumers.forEach(({ stage, operators = [] }, index) => {
      const at = consumerAt(index);
      const [stuck, kept] = [this.#load(at + ConsumerWord.stuckKib), this.#load(at + ConsumerWord.keptKib)];
      if (stuck + kept <= (largest?.bytes ?? 0)) return;
      const word = kept > stuck ? ConsumerWord.keptOperator : ConsumerWord.stuckOperator;
      largest = { name: operators[Atomics.load(this.#words, at + word)] ?? stage, bytes: stuck + kept };
    });
    return largest;
  }

  nameOf(owner: number): string | undefined {
    return this.place.owners.find((candidate) => candidate.owner === owner)?.stage;
  }

  /** Gives back everything that a thread had reserved. Only when it works no more. */
  releaseScope(scope: number): void {
    this.place.consumers.forEach((consumer, index) => {
      if (consumer.scope !== scope) return;
      const at = consumerAt(index);
      for (const word of GIVEN_BACK) Atomics.store(this.#words, at + word, 0);
    });
  }

  /** Raises the arena's part by what is free, or reserved by one who lends and does not use it. */
  makeRoom(bytes: number): boolean {
    const kib = Math.ceil(bytes / KIBIBYTE);
    // Counted at the new place before it goes from the old one: in between others see too much in use, never too little.
    Atomics.add(this.#words, PoolWord.arenaKib, kib);
    const missing = Math.ceil(-this.freeBytes() / KIBIBYTE);
    if (missing > 0 && (this.#unusedKib() < missing || !this.#takeUnused(missing))) {
      Atomics.sub(this.#words, PoolWord.arenaKib, kib);
      return false;
    }
    this.#arena.moveLimit(kib * KIBIBYTE);
    return true;
  }

  /**
   * Makes so much free of what is reserved and not used, by those who lend or in the arena, of which `touchedBytes` are resident whatever
   * is in them. The thread that started the run does this.
   */
  reclaimUnused(bytes: number, touchedBytes: number): boolean {
    const missing = (): number => bytes - this.freeBytes();
    if (missing() > 0) this.#takeUnused(Math.ceil(missing() / KIBIBYTE));
    return missing() <= 0 || this.#takeFromArena(missing(), touchedBytes);
  }

  /** Lowers the arena's part, if that leaves what is promised and what was touched. */
  #takeFromArena(bytes: number, touchedBytes: number): boolean {
    const kib = Math.ceil(bytes / KIBIBYTE);
    const boundKib = Atomics.load(this.#words, PoolWord.promisedKib) + this.keptBytes() / KIBIBYTE;
    const keepsKib = Math.max(boundKib, Math.ceil(touchedBytes / KIBIBYTE));
    if (Atomics.load(this.#words, PoolWord.arenaKib) - kib < keepsKib) return false;
    this.#arena.moveLimit(-kib * KIBIBYTE);
    // Last: what somebody else took before the limit fell is in use now, and would be seen here.
    if (this.slabBytes() > this.arenaBytes - kib * KIBIBYTE) {
      this.#arena.moveLimit(kib * KIBIBYTE);
      return false;
    }
    Atomics.sub(this.#words, PoolWord.arenaKib, kib);
    return true;
  }

  /** Takes so much from consumers that lend, or what they have; whether it was all of it. */
  #takeUnused(wantedKib: number): boolean {
    let missing = wantedKib;
    for (const at of this.#lenders()) missing -= this.#takeUnusedOf(at, missing);
    return missing <= 0;
  }

  #unusedKib(): number {
    return this.#lenders().reduce((sum, at) => {
      const reserved = Atomics.load(this.#words, at + ConsumerWord.reservedKib);
      return sum + Math.max(0, reserved - Atomics.load(this.#words, at + ConsumerWord.usedKib));
    }, 0);
  }

  #lenders(): number[] {
    return this.place.consumers.flatMap(({ lends }, index) => (lends === true ? [consumerAt(index)] : []));
  }

  #takeUnusedOf(at: number, mostKib: number): number {
    for (;;) {
      const reserved = Atomics.load(this.#words, at + ConsumerWord.reservedKib);
      const unused = Math.min(mostKib, reserved - Atomics.load(this.#words, at + ConsumerWord.usedKib));
      if (unused <= 0) return 0;
      const left = reserved - unused;
      if (Atomics.compareExchange(this.#words, at + ConsumerWord.reservedKib, reserved, left) === reserved)
        return unused;
    }
  }

  #load(word: number): number {
    return Atomics.load(this.#words, word) * KIBIBYTE;
  }
}
