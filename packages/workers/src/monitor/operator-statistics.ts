/** What one operator counts in its lane's slot (`statistics.ts`): what it holds, and its flushes. */
import type { FlushReason, HeldState, Ptr } from '@spillway/core/internal';

/** Doubles of an operator's slot, one slot a lane. */
const OPERATOR = {
  inputs: 0,
  rows: 1,
  bytes: 2,
  peakBytes: 3,
  flushes: 4,
  spilledBytes: 10,
  limitBytes: 11,
  wishBytes: 12,
  capBytes: 13,
  lateRows: 14,
  /** Handed on by forced flushes, by now, since a flush that nobody forced. */
  forcedBytes: 15,
  /** Held at forced flushes since `setHeld`; what is left of it then was not handed on. */
  emptiedBytes: 16,
  wantedBytes: 17,
} as const;

export const OPERATOR_DOUBLES = 18;

export const FLUSH_REASONS: readonly FlushReason[] = ['iterations', 'rows', 'memory', 'interval', 'pressure', 'end'];

/** The slot of one operator in one lane. */
export class OperatorStatistics {
  readonly #slot: Float64Array;

  constructor(buffer: SharedArrayBuffer, pointer: Ptr) {
    this.#slot = new Float64Array(buffer, pointer, OPERATOR_DOUBLES);
  }

  clear(): void {
    this.#slot.fill(0);
  }

  setHeld(held: HeldState): void {
    const slot = this.#slot;
    slot[OPERATOR.inputs] = held.inputs;
    slot[OPERATOR.rows] = held.rows;
    slot[OPERATOR.bytes] = held.bytes;
    if (held.bytes > (slot[OPERATOR.peakBytes] as number)) slot[OPERATOR.peakBytes] = held.bytes;
    const emptied = slot[OPERATOR.emptiedBytes] as number;
    if (emptied > 0) {
      slot[OPERATOR.forcedBytes] = (slot[OPERATOR.forcedBytes] as number) + Math.max(0, emptied - held.bytes);
      slot[OPERATOR.emptiedBytes] = 0;
    }
    this.#want((slot[OPERATOR.forcedBytes] as number) + held.bytes);
  }

  #want(bytes: number): void {
    if (bytes > (this.#slot[OPERATOR.wantedBytes] as number)) this.#slot[OPERATOR.wantedBytes] = bytes;
  }

  countLate(rows: number): void {
    this.#slot[OPERATOR.lateRows] = (this.#slot[OPERATOR.lateRows] as number) + rows;
  }

  countSpilled(bytes: number): void {
    this.#slot[OPERATOR.spilledBytes] = (this.#slot[OPERATOR.spilledBytes] as number) + bytes;
  }

  /** The limit of a stage that leaves it to the governor, and what it would be without a cap. */
  setLimit(limitBytes: number, wishBytes: number): void {
    this.#slot[OPERATOR.limitBytes] = limitBytes;
    this.#slot[OPERATOR.wishBytes] = wishBytes;
  }

  /** Most that such a limit may be. Written by the main thread. */
  setCap(bytes: number): void {
    this.#slot[OPERATOR.capBytes] = bytes;
  }

  get capBytes(): number {
    return this.#slot[OPERATOR.capBytes] as number;
  }

  /** @param heldBytes what it held when the trigger fired */
  countFlush(reason: FlushReason, heldBytes: number): void {
    const slot = this.#slot;
    const index = OPERATOR.flushes + FLUSH_REASONS.indexOf(reason);
    slot[index] = (slot[index] as number) + 1;
    const emptied = (slot[OPERATOR.emptiedBytes] as number) + heldBytes;
    if (isForced(reason)) {
      slot[OPERATOR.emptiedBytes] = emptied;
      return;
    }
    this.#want((slot[OPERATOR.forcedBytes] as number) + emptied);
    slot[OPERATOR.forcedBytes] = 0;
    slot[OPERATOR.emptiedBytes] = 0;
  }

  read(): OperatorReading {
    const slot = this.#slot;
    const flushes = {} as FlushCounts;
    FLUSH_REASONS.forEach((reason, index) => {
      flushes[reason] = slot[OPERATOR.flushes + index] as number;
    });
    return {
      held: {
        inputs: slot[OPERATOR.inputs] as number,
        rows: slot[OPERATOR.rows] as number,
        bytes: slot[OPERATOR.bytes] as number,
      },
      peakBytes: slot[OPERATOR.peakBytes] as number,
      wantedBytes: slot[OPERATOR.wantedBytes] as number,
      spilledBytes: slot[OPERATOR.spilledBytes] as number,
      lateRows: slot[OPERATOR.lateRows] as number,
      limitBytes: slot[OPERATOR.limitBytes] as number,
      wishBytes: slot[OPERATOR.wishBytes] as number,
      flushes,
    };
  }
}

/** Flushes by reason. */
export type FlushCounts = Record<FlushReason, number>;

export interface OperatorReading {
  held: HeldState;
  peakBytes: number;
  /** The peak that there would have been without the flushes that only memory asked for. */
  wantedBytes: number;
  spilledBytes: number;
  /** Rows that came too late and were left out. */
  lateRows: number;
  /** 0 where nothing is left to the governor, and before the first input. */
  limitBytes: number;
  wishBytes: number;
  flushes: FlushCounts;
}

/** Whether only memory asked for it: a larger limit would have spared it. */
function isForced(reason: FlushReason): boolean {
  return reason === 'memory' || reason === 'pressure';
}

/** Flushes that a larger limit would have spared. */
export function forcedFlushes({ memory, pressure }: FlushCounts): number {
  return memory + pressure;
}

export function noFlushes(): FlushCounts {
  return { iterations: 0, rows: 0, memory: 0, interval: 0, pressure: 0, end: 0 };
}

export function addFlushes(sum: FlushCounts, more: FlushCounts): void {
  for (const reason of FLUSH_REASONS) sum[reason] += more[reason];
}
