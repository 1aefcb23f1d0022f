/**
 * When a buffering operator flushes. One counter for every operator that has triggers, so that all of them, on any
 * number of threads and in the reference executor, cut at the same logical inputs:
 *
 * - a batch adds its rows and its logical Arrow bytes at once, and its `inputs` to the count of logical inputs;
 * - `iterMax`, `rows` and `memoryLimitBytes` are looked at only when a logical input has been taken whole (`inputs` > 0),
 *   in this order; the first that holds gives the reason. So a piece of an input never fires;
 * - the interval runs from the first input after the last flush, on the clock that the lane gives;
 * - a flush, for whatever reason, puts all of them back to nothing.
 *
 * What counts as held is for the operator to say: a buffer counts what it was given, a registered op the results that
 * wait, a fold the rows and bytes folded since the last flush.
 */
import type { FlushReason, Triggers } from '../plan/logical.ts';
import type { AutoLimit } from './auto-limit.ts';
import type { HeldState } from './contract.ts';

/** The reasons that a trigger itself can give; `pressure` and `end` come from outside. */
export type TriggerReason = Extract<FlushReason, 'iterations' | 'rows' | 'memory'>;

/** True when at least one trigger is set. Without any, an operator passes on what it has at every logical input. */
export function hasTriggers(triggers: Triggers): boolean {
  return (
    triggers.iterMax !== undefined ||
    triggers.rows !== undefined ||
    triggers.memoryLimitBytes !== undefined ||
    triggers.intervalMs !== undefined
  );
}

/** A counter as plain data. */
export interface SavedTriggers extends HeldState {
  /** On the lane's clock. */
  since: number | undefined;
}

/** Counts what an operator holds against its triggers. */
export class TriggerCounter {
  readonly #triggers: Triggers;
  readonly #auto: AutoLimit | undefined;
  /** Bytes of the logical input that is not whole yet. */
  #openBytes = 0;
  #inputs = 0;
  #rows = 0;
  #bytes = 0;
  #since: number | undefined;

  /** `auto`: the limit of a stage that leaves it to the governor. */
  constructor(triggers: Triggers, auto?: AutoLimit) {
    this.#triggers = triggers;
    this.#auto = auto;
  }

  /** Adds rows and logical bytes that are now held. `now` is only read for the first since the last flush. */
  hold(rows: number, bytes: number): void {
    this.#rows += rows;
    this.#bytes += bytes;
    this.#openBytes += bytes;
  }

  /** Counts logical inputs taken, and starts the interval with the first batch after a flush. */
  take(inputs: number, now: () => number): void {
    this.#since ??= this.#triggers.intervalMs === undefined ? undefined : now();
    this.#inputs += inputs;
  }

  /** The trigger that fires now, if any. Call it only when a logical input has been taken whole. */
  due(): TriggerReason | undefined {
    const { iterMax, rows, memoryLimitBytes } = this.#triggers;
    if (iterMax !== undefined && this.#inputs >= iterMax) return 'iterations';
    if (rows !== undefined && this.#rows >= rows) return 'rows';
    const limit = memoryLimitBytes === 'auto' ? this.#autoLimit() : memoryLimitBytes;
    return limit !== undefined && this.#bytes >= limit ? 'memory' : undefined;
  }

  #autoLimit(): number | undefined {
    this.#auto?.observe(this.#openBytes);
    this.#openBytes = 0;
    return this.#auto?.limitBytes();
  }

  /** Milliseconds on the lane's clock at which the interval is over; undefined when nothing was taken. */
  dueAt(): number | undefined {
    const { intervalMs } = this.#triggers;
    return intervalMs === undefined || this.#since === undefined ? undefined : this.#since + intervalMs;
  }

  held(): HeldState {
    return { inputs: this.#inputs, rows: this.#rows, bytes: this.#bytes };
  }

  /** Nothing was taken since the last flush. */
  get isEmpty(): boolean {
    return this.#inputs === 0 && this.#rows === 0;
  }

  /** What it counted, for a snapshot. */
  save(): SavedTriggers {
    return { ...this.held(), since: this.#since };
  }

  restore(saved: SavedTriggers): void {
    this.#inputs = saved.inputs;
    this.#rows = saved.rows;
    this.#bytes = saved.bytes;
    this.#since = saved.since;
  }

  /** Nothing is held any more. Returns what was. */
  reset(): HeldState {
    const held = this.held();
    this.#inputs = 0;
    this.#rows = 0;
    this.#bytes = 0;
    this.#since = undefined;
    return held;
  }
}
