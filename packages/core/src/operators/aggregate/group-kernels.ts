/** The state kernels over the groups of one batch: segments when there are no keys, group ids when there are. */
import {
  type AggregateKernels,
  type KernelType,
  OVERFLOW_RECORD_BYTES,
  type StateArrays,
} from '../../kernels/aggregate-contract.ts';
import type { Ptr } from '../../memory/contract.ts';
import type { GrowingBuffer, Workspace } from './arena-views.ts';
import type { GroupedRows } from './row-groups.ts';

/** Row number that stands for "no row". */
export const NO_ROW = 0xffff_ffff;
const FIRST_RECORDS = 16;

export class GroupKernels {
  /** Overflow records of the last `run`. */
  overflows = 0;
  readonly #groups: GroupedRows;
  readonly #kernels: AggregateKernels;
  readonly #workspace: Workspace;
  readonly #isKeyed: boolean;
  readonly #records: GrowingBuffer;
  readonly #scratch: GrowingBuffer;
  #rows = 0;

  constructor(
    groups: GroupedRows,
    isKeyed: boolean,
    kernels: AggregateKernels,
    workspace: Workspace,
    scratch: GrowingBuffer,
  ) {
    this.#groups = groups;
    this.#isKeyed = isKeyed;
    this.#kernels = kernels;
    this.#workspace = workspace;
    this.#records = workspace.buffer();
    this.#scratch = scratch;
  }

  get groups(): number {
    return this.#groups.groups;
  }

  get overflow(): Ptr {
    return this.#records.ptr;
  }

  /** The batch has this many rows. */
  begin(rows: number): void {
    this.#rows = rows;
  }

  /** Computes the wanted states; asks again with more room while overflow records do not fit. */
  run(type: KernelType, values: Ptr, validity: Ptr, states: StateArrays): void {
    const scratch = this.#scratch.reserve(this.#kernels.scratchBytes);
    for (let capacity = FIRST_RECORDS; ; capacity *= 8) {
      const area = { records: this.#records.reserve(capacity * OVERFLOW_RECORD_BYTES), capacity };
      const found = this.#isKeyed
        ? this.#kernels.groupStates(
            type,
            values,
            validity,
            this.#groups.groupIds,
            this.#rows,
            this.groups,
            states,
            area,
            scratch,
          )
        : this.#kernels.segmentStates(type, values, validity, this.#groups.binEnds, this.groups, states, area, scratch);
      if (found >= 0) {
        this.overflows = found;
        return;
      }
    }
  }

  /** Writes the number of rows of each group (u64). */
  countRows(counts: Ptr): void {
    if (this.#isKeyed) {
      const states = { count: counts, sum: 0, sumSquares: 0, min: 0, max: 0, first: 0, last: 0 };
      this.run('i8', this.#groups.groupIds, 0, states);
      return;
    }
    const { u32 } = this.#workspace.views;
    const ends = this.#groups.binEnds >>> 2;
    const target = counts >>> 2;
    let start = 0;
    for (let bin = 0; bin < this.groups; bin++) {
      const end = u32[ends + bin] as number;
      u32[target + 2 * bin] = end - start;
      u32[target + 2 * bin + 1] = 0;
      start = end;
    }
    this.overflows = 0;
  }

  /** Calls back for every row with its group. */
  forEachRow(rows: number, visit: (row: number, group: number) => void): void {
    const { u32 } = this.#workspace.views;
    if (this.#isKeyed) {
      const ids = this.#groups.groupIds >>> 2;
      for (let row = 0; row < rows; row++) visit(row, u32[ids + row] as number);
      return;
    }
    const ends = this.#groups.binEnds >>> 2;
    for (let group = 0, row = 0; group < this.groups; group++) {
      for (const end = u32[ends + group] as number; row < end; row++) visit(row, group);
    }
  }
}
