/**
 * The loop of one lane: take the next morsel, push its batches through the fused chain, publish what came out, until
 * the input has ended. Waits are promises (`Atomics.waitAsync` underneath), so the thread's event loop answers
 * control commands and user code's own I/O meanwhile; a lane that never has to wait yields now and then.
 */
import type { Batch, FlushReason, MaybePromise } from '@spillway/core/internal';
import type { LanePressure } from '../governor/lane-pressure.ts';
import type { ActorStatistics } from '../monitor/actor-statistics.ts';
import type { DroppedPackets } from './dropped-packets.ts';
import type { IsolateReport } from './isolate-report.ts';
import type { LaneOutput } from './lane-outputs.ts';
import type { Morsel } from './morsel.ts';

/** Where a lane gets its morsels. Calls of `next` never overlap. */
export interface LaneInput {
  /** Edge it waits on (now, of several), for the monitor; -1 for splits. */
  readonly edge: number;
  /** The next morsel that is this lane's, or undefined when the input has ended. */
  next(): Morsel | undefined | Promise<Morsel | undefined>;
  /** The morsel has been worked through, and what came of it was published. */
  done(morsel: Morsel): void;
  /** Morsels of the whole input over all lanes; known when `next` has given undefined. */
  total(): number;
  close(): void | Promise<void>;
}

/** The fused operators of a lane, as the loop drives them. */
export interface LaneChain {
  push(batch: Batch, port?: number): MaybePromise;
  /** Nothing more comes of one of several inputs. */
  endInput(port: number): MaybePromise;
  endMorsel(): MaybePromise;
  end(): MaybePromise;
  /** Flushes one operator by its node's name, or all of them, sources first. */
  flush(reason: FlushReason, name?: string): MaybePromise;
  /** Flushes whatever interval trigger is due. */
  flushDue(): MaybePromise;
  /** When the next interval trigger is due, on `Date.now()`'s clock. */
  dueAt(): number | undefined;
  /** Writes what the operators hold into the statistics. */
  reportHeld(): void;
  /** Bytes that the operators hold, as they were last reported. */
  heldBytes(): number;
  /** Of what they hold, what can neither be flushed nor spilled, and which of them holds most; as last reported. */
  stuck(): { bytes: number; operator: number };
}

export interface LaneParts {
  input: LaneInput;
  chain: LaneChain;
  outputs: readonly LaneOutput[];
  statistics: ActorStatistics;
  /** Of a join that the lanes share. */
  side?: { takeWhile(pending: Promise<void>): Promise<void>; drain(): Promise<void> };
  /** Only a stage of one lane has state across morsels, and so something to emit at the end. */
  isOnlyLane: boolean;
  pressure: Pick<LanePressure, 'relieve'>;
  isolate: Pick<IsolateReport, 'look'>;
  /** Packets that are not worked on. */
  drops?: Pick<DroppedPackets, 'apply'>;
  /** Told of each batch before it is pushed, for positions in error messages. */
  onBatch(sequence: number, rowsBefore: number, origin?: Morsel['origin']): void;
}

/** A lane that finds input without waiting still lets its event loop turn this often. */
const YIELD_EVERY_MS = 15;

export class LaneLoop {
  readonly #parts: LaneParts;
  readonly #flushesAsked: (string | undefined)[] = [];
  #isReliefAsked = false;
  #wake: (() => void) | undefined;
  #holdAsked: (() => Promise<void>) | undefined;
  #resume: (() => void) | undefined;
  #yieldAtMs = 0;
  /** Of the morsel at hand: rows and batches that have been pushed. */
  #rows = 0;
  #taken = 0;

  constructor(parts: LaneParts) {
    this.#parts = parts;
  }

  /** Has buffers flushed between two morsels: one by its node's name, or all. */
  askFlush(name: string | undefined): void {
    this.#flushesAsked.push(name);
    this.#wake?.();
  }

  /** Has memory given back also while the lane waits for input. */
  askRelief(): void {
    this.#isReliefAsked = true;
    this.#wake?.();
  }

  /** Runs an action between two morsels, when none is there; then nothing moves until `resume`. */
  hold<T>(action: () => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#holdAsked = () => action().then(resolve, reject);
      this.#wake?.();
    });
  }

  resume(): void {
    this.#resume?.();
  }

  /** Runs to the end of the input. The caller closes the parts on every path. */
  async run(): Promise<void> {
    const { input, chain, outputs, statistics, isOnlyLane, side } = this.#parts;
    this.#yieldAtMs = performance.now() + YIELD_EVERY_MS;
    statistics.enter('working');
    for (;;) {
      const next = input.next();
      const morsel = next instanceof Promise ? await this.#awaitMorsel(next) : next;
      if (morsel === undefined) break;
      // A promise for each of some ten thousand small morsels a second would be most of the work.
      const processed = this.#process(morsel);
      if (processed !== undefined) await processed;
      const between = this.#betweenMorsels();
      if (between !== undefined) await between;
      input.done(morsel);
    }
    await side?.drain();
    if (isOnlyLane) await chain.end();
    chain.reportHeld();
    for (const output of outputs) await output.end(input.total());
    statistics.enter('done');
  }

  #process(morsel: Morsel): MaybePromise {
    const { outputs, drops } = this.#parts;
    this.#rows = 0;
    this.#taken = 0;
    drops?.apply(morsel);
    for (const output of outputs) output.beginMorsel(morsel.sequence);
    const pushed = this.#push(morsel);
    return pushed === undefined ? this.#endMorsel(morsel) : this.#pushOn(morsel, pushed);
  }

  /** Pushes batches until one has to be waited for. */
  #push(morsel: Morsel): MaybePromise {
    const { chain, onBatch } = this.#parts;
    const { batches } = morsel;
    try {
      while (this.#taken < batches.length) {
        const batch = batches[this.#taken] as Batch;
        onBatch(morsel.sequence, this.#rows, morsel.origin);
        this.#rows += batch.rows;
        this.#taken += 1;
        const pushed = chain.push(batch, morsel.port);
        if (pushed !== undefined) return pushed;
      }
    } catch (error) {
      this.#releaseRest(morsel);
      throw error;
    }
  }

  async #pushOn(morsel: Morsel, pushed: Promise<void>): Promise<void> {
    for (let pending: MaybePromise = pushed; pending !== undefined; pending = this.#push(morsel)) {
      try {
        await this.#through(pending);
      } catch (error) {
        this.#releaseRest(morsel);
        throw error;
      }
    }
    await this.#endMorsel(morsel);
  }

  #releaseRest({ batches }: Morsel): void {
    for (const batch of batches.slice(this.#taken)) batch.release();
  }

  #endMorsel(morsel: Morsel): MaybePromise {
    const { chain } = this.#parts;
    if (morsel.port !== undefined && morsel.isLast === true) return this.#endInput(morsel, morsel.port);
    const ended = chain.endMorsel();
    return ended === undefined ? this.#publish(morsel) : this.#through(ended).then(() => this.#publish(morsel));
  }

  async #endInput(morsel: Morsel, port: number): Promise<void> {
    const { chain } = this.#parts;
    await chain.endInput(port);
    const ended = chain.endMorsel();
    if (ended !== undefined) await this.#through(ended);
    await this.#publish(morsel);
  }

  #publish(morsel: Morsel, from = 0): MaybePromise {
    const { outputs, statistics } = this.#parts;
    for (let index = from; index < outputs.length; index++) {
      const published = outputs[index]?.endMorsel();
      if (published !== undefined) return this.#through(published).then(() => this.#publish(morsel, index + 1));
    }
    statistics.countIn(this.#rows, morsel.bytes);
  }

  /** Whatever keeps this lane waiting, other lanes are not to wait for it to take the right rows of their join. */
  #through(pending: Promise<void>): Promise<void> {
    return this.#parts.side?.takeWhile(pending) ?? pending;
  }

  #betweenMorsels(): MaybePromise {
    const { chain, pressure, isolate } = this.#parts;
    chain.reportHeld();
    isolate.look();
    const relieved = pressure.relieve(chain);
    const dueAt = chain.dueAt();
    const isDue = dueAt !== undefined && dueAt <= Date.now();
    if (relieved === undefined && !isDue && this.#flushesAsked.length === 0 && performance.now() < this.#yieldAtMs)
      return undefined;
    return this.#pause(relieved);
  }

  async #pause(relieved: MaybePromise): Promise<void> {
    if (relieved !== undefined) await this.#whileRelieving(relieved);
    if (this.#flushesAsked.length > 0) await this.#flushAsked();
    const dueAt = this.#parts.chain.dueAt();
    if (dueAt !== undefined && dueAt <= Date.now()) await this.#flushDue();
    if (performance.now() < this.#yieldAtMs) return;
    await new Promise<void>((resolve) => void setImmediate(resolve));
    this.#yieldAtMs = performance.now() + YIELD_EVERY_MS;
  }

  async #relieve(): Promise<void> {
    this.#isReliefAsked = false;
    this.#parts.chain.reportHeld();
    await this.#parts.pressure.relieve(this.#parts.chain);
  }

  async #whileRelieving(relieved: Promise<void>): Promise<void> {
    this.#parts.statistics.enter('giving memory back');
    await relieved;
    this.#parts.statistics.enter('working');
  }

  async #flushAsked(): Promise<void> {
    for (const name of this.#flushesAsked.splice(0)) await this.#parts.chain.flush('interval', name);
    this.#parts.chain.reportHeld();
  }

  async #flushDue(): Promise<void> {
    await this.#parts.chain.flushDue();
    this.#parts.chain.reportHeld();
  }

  /** Waits for a morsel, and serves flush commands and interval triggers while none is there. */
  async #awaitMorsel(pending: Promise<Morsel | undefined>): Promise<Morsel | undefined> {
    const { chain, input, statistics } = this.#parts;
    let settled = false;
    const arrival = pending.finally(() => {
      settled = true;
      this.#wake?.();
    });
    arrival.catch(() => {}); // awaited below; a flush that throws first must not leave it unhandled
    statistics.enter('waiting for input', input.edge);
    while (!settled) {
      const isAsked = (): boolean =>
        this.#isReliefAsked || this.#flushesAsked.length > 0 || this.#holdAsked !== undefined;
      await this.#sleepUntil(chain.dueAt(), () => settled || isAsked());
      if (this.#holdAsked !== undefined) await this.#holdStill(this.#holdAsked);
      if (settled) break;
      if (this.#isReliefAsked) await this.#relieve();
      if (this.#flushesAsked.length > 0) await this.#flushAsked();
      const dueAt = chain.dueAt();
      if (dueAt !== undefined && dueAt <= Date.now()) await this.#flushDue();
    }
    statistics.enter('working');
    this.#yieldAtMs = performance.now() + YIELD_EVERY_MS;
    return arrival;
  }

  async #holdStill(action: () => Promise<void>): Promise<void> {
    this.#holdAsked = undefined;
    const resumed = new Promise<void>((resolve) => {
      this.#resume = resolve;
    });
    await action();
    await resumed;
  }

  /** Sleeps until `#wake` is called or the time has come. One waker and one timer at a time: nothing piles up. */
  #sleepUntil(timeMs: number | undefined, isOver: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      if (isOver()) return resolve();
      const timer =
        timeMs === undefined ? undefined : setTimeout(() => this.#wake?.(), Math.max(0, timeMs - Date.now()));
      this.#wake = () => {
        clearTimeout(timer);
        this.#wake = undefined;
        resolve();
      };
    });
  }
}
