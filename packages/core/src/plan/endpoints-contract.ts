/**
 * Where rows enter and leave on the main thread. A plan names such an end by an id (`fed`, `callback`, `iterate`); the
 * object behind the id lives in a registry of this process, because functions and streams cannot be plain data. Both
 * executors, the reference one and the workers, drive these ends through the interfaces below.
 */
import type { RecordBatch } from 'apache-arrow';
import type { ColumnsRecord, Fields } from '../schema/types.ts';

/** One logical input of a fed source: a batch, plain columns, or rows as objects. */
export type FedInput = RecordBatch | ColumnsRecord | readonly Record<string, unknown>[];

/** Why a signal stops a feeder before its end when nobody needs more of it. */
export const ENOUGH: unique symbol = Symbol('nothing more is needed');

/** A source that is fed on the main thread: push source, iterable, async iterable, Node stream. */
export interface Feeder {
  readonly fields: Fields;
  /** For people: what feeds it. */
  readonly label: string;
  /** Rows in all, where it is known (an array). */
  readonly totalRows?: number;
  /** Inputs that may be under way before `write` waits; without it as many as there is room for. */
  readonly maxInFlight?: number;
  /**
   * Hands every logical input to `write`, in order, each after the one before has been taken (that is the backpressure),
   * and resolves when the input has ended. Called at most once a run. Stops and rejects when `signal` aborts: pending
   * `emit` calls of a push source then reject with the signal's reason, and iterators are closed. When the reason is `ENOUGH`, calls of `emit` resolve.
   */
  feed(write: (input: FedInput) => void | Promise<void>, signal: AbortSignal): Promise<void>;
}

/**
 * A sink that calls a function on the main thread, once a batch, awaiting what it returns; `iterate` sinks too (they are
 * registered the same way, and are given copies, since their readers keep what they read).
 */
export interface CallbackSink {
  /** `rows` calls with row objects, `batch` with a `RecordBatch` that is borrowed until the returned promise settles. */
  readonly takes: 'batch' | 'rows';
  call(input: RecordBatch | readonly Record<string, unknown>[]): void | Promise<void>;
  /** Every batch has been delivered and the run has succeeded. Iterating sinks end their loop here. */
  end?(): void;
  /** The run has failed or was aborted: iterating sinks throw this out of their loop. */
  fail?(error: unknown): void;
}

/** `feederOf(id)`, `callbackOf(id)`: the registries are in `plan/endpoints.ts`. */
export interface EndpointRegistry {
  registerFeeder(feeder: Feeder): string;
  feederOf(id: string): Feeder;
  registerCallback(callback: CallbackSink): string;
  callbackOf(id: string): CallbackSink;
}
