/**
 * The pressure level of a run in shared memory, so that everybody acts on it and anybody can find it: the main thread looks
 * on a timer, and every lane between two batches, so that a blocked main thread blinds nobody. A look costs a microsecond or
 * two, and one within `LOOK_EVERY_MS` of the last is left out.
 *
 * The level follows from what flushing can give back: the run's slabs against the arena's part of the limit; and from what the
 * main thread last saw of the control group and the machine. What is resident beyond that (heaps, array buffers, what
 * libraries hold) is no level, because no flush would lower it: `overshootBytes` says how far the promise P1 is broken, and
 * then collections are asked for, and who holds most is failed.
 */
import type { Arena, MemoryPool, Ptr } from '@spillway/core/internal';
import { ResidentReader } from '../monitor/resident.ts';
import { nextPressure, PRESSURE_LEVELS, type PressureLevel } from './pressure.ts';

const Word = {
  /** Index into `PRESSURE_LEVELS`. */
  level: 0,
  /** Lower bits of the clock, in milliseconds, of the last look. */
  lookedAtMs: 1,
  /** Thousandths, from the main thread. */
  outside: 2,
  /** Thousandths that a test has put in place of all looking; -1 for none. */
  injected: 3,
  /** Counts the times that all threads were asked for a collection. */
  collections: 4,
  /** Most slabs that a look has seen, in KiB. */
  peakKib: 5,
  /** A double, in two words: resident bytes when the run was ready and idle; 0 while that is not known. */
  idle: 6,
} as const;

export const PRESSURE_BYTES: number = 8 * 4;
const LOOK_EVERY_MS = 5;
const HIGH = PRESSURE_LEVELS.indexOf('high');
const CRITICAL = PRESSURE_LEVELS.indexOf('critical');
/** Below this part of the arena the level `high` is left. */
const CALM_AT = 0.68;
/** The promise is about the limit and a tenth of it. */
export const PROMISED_FACTOR = 1.1;

/** What a thread needs to know of a run's memory. Plain data. */
export interface PressurePlace {
  at: Ptr;
  memoryLimitBytes: number;
}

type PressedPool = Pick<MemoryPool, 'slabBytes' | 'arenaBytes' | 'keptBytes'>;

export class SharedPressure {
  readonly #words: Int32Array;
  readonly #idle: Float64Array;
  readonly #place: PressurePlace;
  readonly #pool: PressedPool;
  readonly #resident: Pick<ResidentReader, 'bytes' | 'close'>;

  constructor(
    arena: Arena,
    place: PressurePlace,
    pool: PressedPool,
    resident: Pick<ResidentReader, 'bytes' | 'close'> = new ResidentReader(),
  ) {
    this.#pool = pool;
    this.#words = new Int32Array(arena.buffer, place.at, PRESSURE_BYTES / 4);
    this.#idle = new Float64Array(arena.buffer, place.at + Word.idle * 4, 1);
    this.#place = place;
    this.#resident = resident;
  }

  /** Before any thread attaches. */
  begin(): void {
    this.#words.fill(0);
    this.#words[Word.injected] = -1;
  }

  /** From now on what is resident counts against this. */
  setIdle(bytes: number): void {
    this.#idle[0] = bytes;
  }

  get level(): PressureLevel {
    return PRESSURE_LEVELS[Atomics.load(this.#words, Word.level)] ?? 'normal';
  }

  /** Whether stages should give back what they hold, and sources wait. */
  get isHigh(): boolean {
    return Atomics.load(this.#words, Word.level) >= HIGH;
  }

  /** Whether only the stages nearest the sinks should go on. */
  get isCritical(): boolean {
    return Atomics.load(this.#words, Word.level) >= CRITICAL;
  }

  /** The arena's part, without what code of users keeps of it: no flush gets that back. */
  #workingBytes(): number {
    return Math.max(1, this.#pool.arenaBytes - this.#pool.keptBytes());
  }

  #usedBytes(): number {
    return Math.max(0, this.#pool.slabBytes() - this.#pool.keptBytes());
  }

  /** What is left of the arena's part. */
  freeBytes(): number {
    return this.#pool.arenaBytes - this.#pool.slabBytes();
  }

  /** Bytes of slabs to be given back for the pressure to be over. */
  wantedBytes(): number {
    return Math.max(0, this.#usedBytes() - this.#workingBytes() * CALM_AT);
  }

  /** Part of its bound that is in use now. */
  fraction(): number {
    const injected = Atomics.load(this.#words, Word.injected);
    if (injected >= 0) return injected / 1000;
    return Math.max(this.managedFraction(), this.outsideFraction());
  }

  /** Part of the arena's share of the limit that is in use now. */
  managedFraction(): number {
    return this.#usedBytes() / this.#workingBytes();
  }

  /** How full the control group or the machine was when the main thread last looked. */
  outsideFraction(): number {
    return Atomics.load(this.#words, Word.outside) / 1000;
  }

  /** Looks, unless somebody just has. @returns whether it looked */
  look(): boolean {
    const words = this.#words;
    const now = Date.now() | 0;
    const before = Atomics.load(words, Word.lookedAtMs);
    if (before !== 0 && Math.abs((now - before) | 0) < LOOK_EVERY_MS) return false;
    // Whoever is second has nothing to add.
    if (Atomics.compareExchange(words, Word.lookedAtMs, before, now) !== before) return false;
    this.#notePeak();
    Atomics.store(words, Word.level, nextPressure(Atomics.load(words, Word.level), this.fraction()));
    return true;
  }

  /** Most bytes of slabs that a look has seen. */
  get peakManagedBytes(): number {
    return Atomics.load(this.#words, Word.peakKib) * 1024;
  }

  #notePeak(): void {
    const kib = Math.ceil(this.#pool.slabBytes() / 1024);
    // Looks are apart from each other: two at once lose at most a moment.
    if (kib > Atomics.load(this.#words, Word.peakKib)) Atomics.store(this.#words, Word.peakKib, kib);
  }

  /** Resident bytes, and `more`, beyond what is promised: idle, the limit and a tenth of it. 0 while the promise holds. */
  overshootBytes(more = 0): number {
    const idle = this.#idle[0] as number;
    if (idle === 0) return 0;
    return Math.max(0, this.#resident.bytes() + more - idle - this.#place.memoryLimitBytes * PROMISED_FACTOR);
  }

  /** What the main thread sees of control group and machine, as a part of their bounds. */
  setOutside(fraction: number): void {
    Atomics.store(this.#words, Word.outside, Math.round(fraction * 1000));
  }

  /** For tests: takes the place of all looking; undefined ends it. */
  inject(fraction: number | undefined): void {
    Atomics.store(this.#words, Word.injected, fraction === undefined ? -1 : Math.round(fraction * 1000));
    Atomics.store(this.#words, Word.lookedAtMs, 0);
    this.look();
  }

  /** Has every thread of the run collect its garbage between two batches. */
  askForCollection(): void {
    Atomics.add(this.#words, Word.collections, 1);
  }

  /** How often that was asked for. */
  get collections(): number {
    return Atomics.load(this.#words, Word.collections);
  }

  close(): void {
    this.#resident.close();
  }
}
