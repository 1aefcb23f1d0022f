/** One holder of a run's memory pool, as the thread that it belongs to sees it, and what it sets aside. */
import { PipelineError } from '../errors.ts';
import { formatBytes } from '../schema/sizes.ts';
import type { LimitedPool, PoolConsumer } from './pool-contract.ts';
import { ConsumerWord, consumerAt } from './pool-layout.ts';

const KIBIBYTE = 1024;

/** One holder, in the thread that it belongs to. */
export class MemoryConsumer {
  readonly #pool: LimitedPool;
  readonly #words: Int32Array;
  readonly #at: number;
  readonly #consumer: PoolConsumer;
  /** Kept to the byte, because words count kibibytes. */
  #bytes = 0;

  constructor(pool: LimitedPool, words: Int32Array, index: number) {
    this.#pool = pool;
    this.#words = words;
    this.#at = consumerAt(index);
    this.#consumer = pool.place.consumers[index] as PoolConsumer;
  }

  get stage(): string {
    return this.#consumer.stage;
  }

  /** What it has reserved, as others see it. */
  get reservedBytes(): number {
    return Atomics.load(this.#words, this.#at + ConsumerWord.reservedKib) * KIBIBYTE;
  }

  /** An empty reservation, to grow. */
  reserve(): MemoryReservation {
    return new MemoryReservation(this);
  }

  /** Says what of its reservations is in use. */
  setUsed(bytes: number): void {
    Atomics.store(this.#words, this.#at + ConsumerWord.usedKib, Math.ceil(bytes / KIBIBYTE));
  }

  /** Says what its operators could give back of their slabs. */
  setHeld(bytes: number): void {
    Atomics.store(this.#words, this.#at + ConsumerWord.heldKib, Math.ceil(bytes / KIBIBYTE));
  }

  /** Says what its operators hold that nobody can get back, and which of them holds most of it. */
  setStuck(bytes: number, operator: number): void {
    Atomics.store(this.#words, this.#at + ConsumerWord.stuckOperator, operator);
    Atomics.store(this.#words, this.#at + ConsumerWord.stuckKib, Math.ceil(bytes / KIBIBYTE));
  }

  /**
   * Has an operator's code of users keep so many bytes more of its slabs: of what nobody was promised, so that everybody else can go on.
   * @throws ERR_MEMORY_EXHAUSTED when there is not so much
   */
  keep(bytes: number, operator: number): void {
    const word = this.#at + ConsumerWord.keptKib;
    const kib = Math.ceil(bytes / KIBIBYTE);
    const now = Atomics.add(this.#words, word, kib) + kib;
    const missing = -this.#pool.keepableBytes();
    if (missing > 0 && !this.#pool.makeRoom(missing)) {
      Atomics.sub(this.#words, word, kib);
      this.#refuseToKeep(bytes, (now - kib) * KIBIBYTE, operator);
    }
    Atomics.store(this.#words, this.#at + ConsumerWord.keptOperator, operator);
  }

  /** Gives back what was kept. */
  unkeep(bytes: number): void {
    Atomics.sub(this.#words, this.#at + ConsumerWord.keptKib, Math.ceil(bytes / KIBIBYTE));
  }

  #refuseToKeep(bytes: number, keeps: number, operator: number): never {
    const pool = this.#pool;
    const name = this.#consumer.operators?.[operator] ?? this.stage;
    const left = formatBytes(Math.max(0, pool.keepableBytes()));
    throw new PipelineError(
      'ERR_MEMORY_EXHAUSTED',
      `"${name}" asked to keep a batch of ${formatBytes(bytes)}, keeps ${formatBytes(keeps)}; ` +
        `${left} of ${formatBytes(pool.limitBytes)} are promised to nobody (${pool.describe()})`,
      {
        stage: name,
        hint: 'release batches that are needed no more, copy the few values that are; or raise memoryLimit',
      },
    );
  }

  /** Adds to what it holds, if the whole stays inside the limit. For reservations. */
  add(bytes: number): boolean {
    const word = this.#at + ConsumerWord.reservedKib;
    const kib = Math.ceil((this.#bytes + bytes) / KIBIBYTE) - Math.ceil(this.#bytes / KIBIBYTE);
    const now = Atomics.add(this.#words, word, kib) + kib;
    if (kib > 0 && this.#pool.freeBytes() < 0) {
      Atomics.sub(this.#words, word, kib);
      return false;
    }
    this.#bytes += bytes;
    if (now > Atomics.load(this.#words, this.#at + ConsumerWord.peakKib))
      Atomics.store(this.#words, this.#at + ConsumerWord.peakKib, now);
    return true;
  }

  /** @throws ERR_MEMORY_EXHAUSTED */
  refuse(bytes: number, hint: string): never {
    const pool = this.#pool;
    const { stage, name } = this.#consumer;
    throw new PipelineError(
      'ERR_MEMORY_EXHAUSTED',
      `${stage} asked ${formatBytes(bytes)} for ${name}, holds ${formatBytes(this.reservedBytes)}; ` +
        `${formatBytes(Math.max(0, pool.freeBytes()))} left of ${formatBytes(pool.limitBytes)} (${pool.describe()})`,
      { stage, hint },
    );
  }
}

const RAISE_LIMIT = 'raise memoryLimit';

/** Bytes set aside for one purpose. Whoever makes it frees it. */
export class MemoryReservation {
  readonly #consumer: MemoryConsumer;
  #bytes = 0;

  constructor(consumer: MemoryConsumer) {
    this.#consumer = consumer;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Grows by so many bytes, or leaves everything as it was. */
  tryGrow(bytes: number): boolean {
    if (!this.#consumer.add(bytes)) return false;
    this.#bytes += bytes;
    return true;
  }

  /** @throws ERR_MEMORY_EXHAUSTED naming everybody's holdings */
  grow(bytes: number, hint: string = RAISE_LIMIT): void {
    if (!this.tryGrow(bytes)) this.#consumer.refuse(bytes, hint);
  }

  /** Gives some of it back; no more than there is. */
  shrink(bytes: number): void {
    const given = Math.min(bytes, this.#bytes);
    this.#consumer.add(-given);
    this.#bytes -= given;
  }

  /** Gives all of it back. It can grow again. */
  free(): void {
    this.shrink(this.#bytes);
  }
}
