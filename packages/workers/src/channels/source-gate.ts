/**
 * The gate of one source: how far it may go. Whoever brings a sequence into the pipeline (a lane that makes its own batches, a codec task,
 * the feeder) says so first and then asks; the coordinator closes all gates for a barrier, learns how far each source had got, and
 * opens them when everything before has been taken in.
 *
 * No sequence slips through while a gate closes: the source announces and then looks at the mode; the coordinator sets the mode and then looks
 * at what was announced. So whoever saw the gate open is before the limit; whoever did not, waits and compares.
 */
import { PipelineError } from '@spillway/core/base';
import type { Arena, MaybePromise, Ptr } from '@spillway/core/internal';
import { WaitPlace, wake, wakeAll } from './wait.ts';

const Word = {
  mode: 0,
  /** Sequences before it may pass while the gate is limited; lower 32 bits. */
  limit: 1,
  /** Changes with the mode. */
  changed: 2,
  asleep: 3,
  /** Sequences that there are; -1 while nobody knows. */
  total: 4,
  /** Not 0: the source's end is no end, since more comes in another run. */
  holdsEnd: 5,
  /** Not 0: it has come there. */
  isAtEnd: 6,
  /** 1 when nothing more of it is needed. */
  isEnough: 7,
  /** Sequences before it have been announced; lower 32 bits. A line of its own: lanes claim by it. */
  announced: 16,
  /** Sequences that lanes have worked through, of sources whose batches lanes make. */
  done: 32,
  words: 48,
} as const;

const Mode = { open: 0, closing: 1, limited: 2, failed: 3 } as const;

export const GATE_BYTES: number = Word.words * 4;

export class SourceGate {
  readonly at: Ptr;
  readonly #words: Int32Array;
  readonly #place: WaitPlace;
  /** An announced sequence near the present ones, whole. */
  #near = 0;

  constructor(arena: Arena, at: Ptr) {
    this.at = at;
    this.#words = new Int32Array(arena.buffer, at, Word.words);
    this.#place = new WaitPlace(this.#words, Word.changed, Word.asleep, false);
  }

  /**
   * Before any other thread attaches.
   * @param first sequence that the source begins with
   * @param holdsEnd whoever comes to its end waits there until the run stops
   */
  begin(first: number, holdsEnd = false): void {
    this.#words.fill(0);
    this.#words[Word.holdsEnd] = holdsEnd ? 1 : 0;
    this.#words[Word.total] = -1;
    this.#words[Word.announced] = first | 0;
    this.#words[Word.done] = first | 0;
    this.#near = first;
  }

  /** Takes the next sequence: for sources whose lanes share them out. Ask `pass` before working on it. */
  claim(): number {
    this.#near += (Atomics.add(this.#words, Word.announced, 1) - this.#near) | 0;
    return this.#near;
  }

  /**
   * Takes several sequences at once, up to the end that belongs to the next one. Ask `pass` before working on any of them.
   * @returns the first of them
   */
  claimTo(endOf: (sequence: number) => number): number {
    for (;;) {
      const first = this.announced();
      const end = endOf(first) | 0;
      if (Atomics.compareExchange(this.#words, Word.announced, first | 0, end) === (first | 0)) return first;
    }
  }

  /** Says that sequences before this one are on their way: for sources of one mouth. Ask `pass` before they go. */
  announce(end: number): void {
    Atomics.store(this.#words, Word.announced, end | 0);
  }

  /** Whether all sequences may go now: then whoever has announced one need not ask for it. */
  get isOpen(): boolean {
    return Atomics.load(this.#words, Word.mode) === Mode.open;
  }

  /** Resolves when the sequence may go. @throws ERR_ABORTED when the run is stopping */
  pass(sequence: number): MaybePromise {
    if (this.isOpen) return undefined;
    const passed = this.#place.until(() => this.#mayPass(sequence));
    return passed instanceof Promise ? passed.then(() => {}) : undefined;
  }

  /** Resolves when no barrier is on its way: a source then ends. Where its end is held, never. @throws ERR_ABORTED when the run is stopping */
  async untilOpen(): Promise<void> {
    Atomics.store(this.#words, Word.isAtEnd, 1);
    await this.#place.until(() => {
      this.#checkFailed();
      return Atomics.load(this.#words, Word.mode) === Mode.open && !this.holdsEnd ? true : undefined;
    });
  }

  /** For lanes, which see the end when they have claimed a sequence that there is not: nothing, where the source may end. @throws as `untilOpen` */
  end(): MaybePromise {
    return this.holdsEnd ? this.untilOpen() : undefined;
  }

  get holdsEnd(): boolean {
    return Atomics.load(this.#words, Word.holdsEnd) === 1;
  }

  /** Whether the source has come to its end, and waits there. */
  get isAtEnd(): boolean {
    return Atomics.load(this.#words, Word.isAtEnd) === 1;
  }

  /** A lane has worked through a sequence that it had claimed, and published what came of it. */
  countDone(): void {
    Atomics.add(this.#words, Word.done, 1);
  }

  /** Whether lanes have worked through everything before this sequence. */
  isDone(end: number): boolean {
    return Atomics.load(this.#words, Word.done) === (end | 0);
  }

  /** How many sequences there are: said by the lanes of a source that knows, before they claim any. */
  setTotal(total: number): void {
    Atomics.store(this.#words, Word.total, total);
  }

  /** Whether all there are have been claimed. */
  isExhausted(): boolean {
    const total = Atomics.load(this.#words, Word.total);
    if (total < 0) return false;
    // Behind a shut gate nobody sees the end.
    const isShut = Atomics.load(this.#words, Word.mode) === Mode.limited;
    const end = Atomics.load(this.#words, isShut ? Word.limit : Word.announced);
    return ((end - total) | 0) >= (isShut ? 1 : 0);
  }

  /** How many sequences there are; undefined while nobody knows. */
  total(): number | undefined {
    const total = Atomics.load(this.#words, Word.total);
    return total < 0 ? undefined : total;
  }

  /** How far the source has got. */
  announced(): number {
    this.#near += (Atomics.load(this.#words, Word.announced) - this.#near) | 0;
    return this.#near;
  }

  /** Closes the gate. @returns how far the source had got: sequences before that go on their way, all others wait */
  close(): number {
    Atomics.store(this.#words, Word.mode, Mode.closing);
    const announced = this.announced();
    this.limit(announced);
    // At an end that is held lanes have claimed what there is not.
    const total = this.holdsEnd ? this.total() : undefined;
    return total === undefined ? announced : Math.min(announced, total);
  }

  /** Lets sequences before this one pass, and no others. */
  limit(end: number): void {
    Atomics.store(this.#words, Word.limit, end | 0);
    this.#set(Mode.limited);
  }

  open(): void {
    this.#set(Mode.open);
  }

  /** Nothing more is needed: what comes now may be left empty. */
  setEnough(): void {
    Atomics.store(this.#words, Word.isEnough, 1);
  }

  isEnough(): boolean {
    return Atomics.load(this.#words, Word.isEnough) === 1;
  }

  /** Ends all waiting. */
  fail(): void {
    Atomics.store(this.#words, Word.mode, Mode.failed);
    wakeAll(this.#words, Word.changed);
  }

  #set(mode: number): void {
    Atomics.store(this.#words, Word.mode, mode);
    wake(this.#words, Word.changed, Word.asleep);
  }

  #checkFailed(): void {
    if (Atomics.load(this.#words, Word.mode) === Mode.failed)
      throw new PipelineError('ERR_ABORTED', 'the source was stopped because the run is stopping');
  }

  #mayPass(sequence: number): true | undefined {
    this.#checkFailed();
    const mode = Atomics.load(this.#words, Word.mode);
    if (mode === Mode.open) return true;
    if (mode === Mode.closing) return undefined;
    return ((sequence - Atomics.load(this.#words, Word.limit)) | 0) < 0 ? true : undefined;
  }
}
