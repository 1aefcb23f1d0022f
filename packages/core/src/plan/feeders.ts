/**
 * Sources fed on the main thread: iterables of any kind, and push sources. Whatever the user gives is brought into the
 * form of logical inputs here (a batch, columns, or rows as objects); the executors lay them out in memory.
 */
import type { RecordBatch, Table } from 'apache-arrow';
import { PipelineError } from '../errors.ts';
import type { ColumnsRecord, Fields } from '../schema/types.ts';
import { ENOUGH, type FedInput, type Feeder } from './endpoints-contract.ts';

/**
 * One item of an iterable: a batch, an Arrow table, columns, several rows as objects, or one row. Rows may be of any
 * interface, which is why the last two are as wide as they are.
 */
export type IterableItem = RecordBatch | Table | ColumnsRecord | readonly object[] | object;
/** What `fromIterable` takes. */
export type AnyIterable = Iterable<IterableItem> | AsyncIterable<IterableItem>;

const NO_INPUTS: readonly FedInput[] = [];

type Sorted = { inputs: readonly FedInput[] } | { row: Record<string, unknown> };

function isBatch(item: object): item is RecordBatch {
  return 'numRows' in item && 'schema' in item && 'getChild' in item;
}

function isColumns(item: object): item is ColumnsRecord {
  const values = Object.values(item);
  return (
    values.length > 0 &&
    values.every((value) => Array.isArray(value) || (ArrayBuffer.isView(value) && !(value instanceof DataView)))
  );
}

function sortItem(item: unknown, label: string): Sorted {
  if (Array.isArray(item)) return { inputs: [item] };
  if (typeof item !== 'object' || item === null) {
    throw new PipelineError(
      'ERR_VALUE',
      `${label} gave ${item === null ? 'null' : `a ${typeof item}`} instead of rows`,
      {
        stage: label,
        hint: 'give record batches, columns ({ ts: […] }), arrays of rows, or single rows as objects',
      },
    );
  }
  if (isBatch(item)) return { inputs: 'batches' in item ? (item as unknown as Table).batches : [item] };
  return isColumns(item) ? { inputs: [item] } : { row: item as Record<string, unknown> };
}

/** Resolves with undefined when the signal aborts first. */
function untilAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T | undefined> {
  if (signal.aborted) return Promise.resolve(undefined);
  return new Promise((resolve, reject) => {
    const stop = (): void => resolve(undefined);
    signal.addEventListener('abort', stop, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop));
  });
}

type Next = IteratorResult<unknown>;

/** An iterable that never waits would keep the main thread from signals, timers and `abort` for as long as it lasts. */
const TURN_EVERY_MS = 10;

function turnOfEventLoop(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve));
}

function sourceFailed(label: string, cause: unknown): PipelineError {
  if (cause instanceof PipelineError) return cause;
  const why = cause instanceof Error ? cause.message : String(cause);
  return new PipelineError('ERR_SOURCE_FAILED', `what feeds ${label} has thrown: ${why}`, {
    stage: label,
    cause,
    hint: 'the cause has its stack; nothing was committed',
  });
}

/** Feeds the items of an iterable; single rows are gathered into inputs of `batchRows` rows. */
export class IterableFeeder implements Feeder {
  readonly fields: Fields;
  readonly label: string;
  readonly totalRows?: number;
  readonly #items: AnyIterable;
  readonly #batchRows: number;
  #hasBeenRead = false;

  constructor(items: AnyIterable, fields: Fields, label: string, batchRows: number) {
    this.#items = items;
    this.fields = fields;
    this.label = label;
    this.#batchRows = batchRows;
    const isRows =
      Array.isArray(items) &&
      items.every((item) => typeof item === 'object' && item !== null && 'row' in sortItem(item, label));
    if (isRows) this.totalRows = items.length;
  }

  async feed(write: (input: FedInput) => void | Promise<void>, signal: AbortSignal): Promise<void> {
    const iterator = this.#iterator();
    let isDone = false;
    let turnAt = performance.now() + TURN_EVERY_MS;
    try {
      let rows: Record<string, unknown>[] = [];
      while (!isDone) {
        const coming = this.#nextOf(iterator);
        const next = coming instanceof Promise ? await untilAborted(coming, signal) : coming;
        signal.throwIfAborted();
        isDone = next?.done === true;
        const sorted = isDone ? undefined : sortItem(next?.value, this.label);
        if (sorted !== undefined && 'row' in sorted) rows.push(sorted.row);
        const isFull = rows.length >= this.#batchRows;
        if (rows.length > 0 && (isFull || sorted === undefined || 'inputs' in sorted)) {
          await write(rows);
          rows = [];
        }
        for (const input of sorted !== undefined && 'inputs' in sorted ? sorted.inputs : NO_INPUTS) {
          const written = write(input);
          if (written !== undefined) await written;
        }
        if (performance.now() < turnAt) continue;
        await turnOfEventLoop();
        turnAt = performance.now() + TURN_EVERY_MS;
      }
    } finally {
      // Not awaited after an abort: a generator that is stuck in its own await would never answer.
      const closing = isDone ? undefined : Promise.resolve(iterator.return?.()).catch(() => undefined);
      if (!signal.aborted) await closing;
    }
  }

  /** What the user's own code throws is named as such, with the cause. */
  #nextOf(iterator: Iterator<unknown> | AsyncIterator<unknown>): Next | Promise<Next> {
    try {
      const next: Next | PromiseLike<Next> = iterator.next();
      if (!('then' in next)) return next;
      return Promise.resolve(next).catch((cause: unknown) => Promise.reject(sourceFailed(this.label, cause)));
    } catch (cause) {
      throw sourceFailed(this.label, cause);
    }
  }

  #iterator(): Iterator<unknown> | AsyncIterator<unknown> {
    const iterator =
      Symbol.asyncIterator in this.#items ? this.#items[Symbol.asyncIterator]() : this.#items[Symbol.iterator]();
    const isOneShot = (iterator as unknown) === this.#items || 'readable' in this.#items;
    if (isOneShot && this.#hasBeenRead) {
      throw new PipelineError('ERR_PLAN', `${this.label} has been read by another run and cannot be read again`, {
        stage: this.label,
        hint: 'make a new generator or stream, and a new source, for every run',
      });
    }
    this.#hasBeenRead = true;
    return iterator;
  }
}

interface Pending {
  input: FedInput;
  resolve(): void;
  reject(reason: unknown): void;
}

/**
 * Rejects for whoever awaits it. Where nobody does, the run's own `done` tells of its failure, and an `emit` that was not
 * awaited does not end the process on top of that.
 */
function told(outcome: Promise<void>): Promise<void> {
  outcome.catch(() => {});
  return outcome;
}

/** Most `emit` calls that may wait at once; more means that they are not awaited. */
const MAX_PENDING = 10_000;

/** Feeds what is emitted; each `emit` resolves when the run has taken its input. */
export class PushFeeder implements Feeder {
  readonly fields: Fields;
  readonly label: string;
  readonly maxInFlight?: number;
  #pending: Pending[] = [];
  #hasEnded = false;
  #isFed = false;
  /** Every further `emit` rejects with this. Also when nobody awaits it, as far as the run tells it: see `told`. */
  #closed: (() => Promise<void>) | undefined;
  #wake: (() => void) | undefined;

  constructor(fields: Fields, label: string, maxInFlight?: number) {
    this.fields = fields;
    this.label = label;
    if (maxInFlight !== undefined) this.maxInFlight = maxInFlight;
  }

  emit(item: IterableItem): Promise<void> {
    if (this.#closed !== undefined) return this.#closed();
    if (this.#hasEnded)
      return Promise.reject(
        this.#refuse('was ended, so nothing more can be emitted', 'call end() after the last emit()'),
      );
    if (this.#pending.length >= MAX_PENDING)
      return Promise.reject(
        this.#refuse(`has ${MAX_PENDING} inputs waiting`, 'await every emit(): it resolves when the run has room'),
      );
    try {
      const sorted = sortItem(item, this.label);
      return this.#enqueue('row' in sorted ? [[sorted.row]] : sorted.inputs);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  end(): void {
    this.#hasEnded = true;
    this.#wake?.();
  }

  async feed(write: (input: FedInput) => void | Promise<void>, signal: AbortSignal): Promise<void> {
    if (this.#isFed) throw this.#refuse('has been read by another run', 'make a new push source for every run');
    this.#isFed = true;
    try {
      await this.#drain(write, signal);
      this.#closed = () => Promise.reject(this.#refuse('has ended', 'make a new push source for every run'));
    } catch (reason) {
      if (reason === ENOUGH) this.#leaveOut();
      else this.#fail(reason);
      throw reason;
    }
  }

  async #drain(write: (input: FedInput) => void | Promise<void>, signal: AbortSignal): Promise<void> {
    let turnAt = performance.now() + TURN_EVERY_MS;
    for (;;) {
      if (performance.now() >= turnAt) {
        await turnOfEventLoop();
        turnAt = performance.now() + TURN_EVERY_MS;
      }
      signal.throwIfAborted();
      const next = this.#pending[0];
      if (next !== undefined) {
        const written = write(next.input);
        if (written !== undefined) await written;
        this.#pending.shift();
        next.resolve();
      } else if (this.#hasEnded) {
        return;
      } else {
        const arrival = new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
        await untilAborted(arrival, signal);
      }
    }
  }

  #enqueue(inputs: readonly FedInput[]): Promise<void> {
    const taken = inputs.map(
      (input) => new Promise<void>((resolve, reject) => this.#pending.push({ input, resolve, reject })),
    );
    this.#wake?.();
    return told(Promise.all(taken).then(() => {}));
  }

  /** Nobody needs what is emitted from here on: whoever emits need not know. */
  #leaveOut(): void {
    this.#closed = () => Promise.resolve();
    for (const { resolve } of this.#pending) resolve();
    this.#pending = [];
  }

  #fail(reason: unknown): void {
    this.#closed = () => told(Promise.reject(reason));
    for (const { reject } of this.#pending) reject(reason);
    this.#pending = [];
  }

  #refuse(problem: string, hint: string): PipelineError {
    return new PipelineError('ERR_PLAN', `push source "${this.label}" ${problem}`, { stage: this.label, hint });
  }
}
