/** Rows of several batches that are taken together. */
import type { RowRefs } from './sort-rows.ts';

/** Segments are copied one by one when they are at least so long on average. */
const LONG_SEGMENT = 16;

/** Rows [from, to) of refs, with what is asked of them more than once. */
export class Selection {
  readonly slots: Uint32Array;
  readonly rows: Uint32Array;
  readonly count: number;
  /** Where each run of neighbouring rows of one batch begins, and the count at the end. */
  readonly #starts: Uint32Array;
  readonly segments: number;

  /** `starts` is room for count + 1 numbers, the selection's until another is made with it. */
  constructor(refs: Pick<RowRefs, 'slots' | 'rows'>, from: number, count: number, starts: Uint32Array) {
    this.slots = refs.slots.subarray(from, from + count);
    this.rows = refs.rows.subarray(from, from + count);
    this.count = count;
    let segments = 0;
    let [slot, row] = [-1, -1];
    for (let i = 0; i < count; i++) {
      row += 1;
      if (this.slots[i] === slot && this.rows[i] === row) continue;
      slot = this.slots[i] as number;
      row = this.rows[i] as number;
      starts[segments++] = i;
    }
    starts[segments] = count;
    this.#starts = starts;
    this.segments = segments;
  }

  get isLong(): boolean {
    return this.segments * LONG_SEGMENT <= this.count;
  }

  /** Calls back with the first place of each segment and the place behind its last. */
  eachSegment(call: (from: number, to: number) => void): void {
    for (let segment = 0; segment < this.segments; segment++)
      call(this.#starts[segment] as number, this.#starts[segment + 1] as number);
  }
}
