/** Fills the columns of an aggregation's functions from the states of closed slots. */
import type { DraftColumn } from '../../batch/alloc-batch.ts';
import { PipelineError } from '../../errors.ts';
import { type KernelType, SUM_STATE_BYTES } from '../../kernels/aggregate-contract.ts';
import type { Kernels } from '../../kernels/vector-contract.ts';
import type { Ptr } from '../../memory/contract.ts';
import type { AggregateColumn } from '../../plan/logical.ts';
import type { ArenaViews, GrowingBuffer, Workspace } from './arena-views.ts';
import { labelOf } from './bin-starts.ts';
import { NumberResults } from './finish-number.ts';
import type { StatedLevel } from './row-bytes.ts';
import type { NeedStates } from './state-table.ts';
import { isFloat, isUnsigned } from './value-type.ts';
import { setBits } from './write-bits.ts';

/** Sums gathered and rounded in one go. */
const ROUNDED_AT_ONCE = 1024;

/** The rows of one piece. */
export interface Piece {
  /** u32 a row. */
  slots: Ptr;
  rows: number;
  /** The first of them, where each is followed by the next. */
  first: number | undefined;
}

/** Copies the values of a piece's slots. */
export function takePiece(
  kernels: Kernels,
  { u8 }: ArenaViews,
  width: number,
  values: Ptr,
  piece: Piece,
  out: Ptr,
): void {
  const { slots, rows, first } = piece;
  if (first === undefined) kernels.take(width, values, slots, rows, out);
  else u8.copyWithin(out, values + width * first, values + width * (first + rows));
}

export class ResultWriter {
  readonly #level: StatedLevel;
  readonly #orderedOn: string;
  readonly #kernels: Kernels;
  readonly #views: ArenaViews;
  readonly #scratch: GrowingBuffer;
  /** Fewest values that any closed slot has seen, by column. */
  readonly #leastCounts = new Map<NeedStates, number>();

  constructor(level: StatedLevel, orderedOn: string, kernels: Kernels, workspace: Workspace) {
    this.#level = level;
    this.#orderedOn = orderedOn;
    this.#kernels = kernels;
    this.#views = workspace.views;
    this.#scratch = workspace.buffer();
  }

  /** Slots before `closed` are about to be written. */
  begin(closed: number): void {
    const { u32 } = this.#views;
    for (const states of this.#level.table.needs) {
      const counts = states.area(0).states.count >>> 2;
      let least = Infinity;
      for (let at = counts, end = counts + 2 * closed; at < end && least > 0; at += 2) {
        if (u32[at + 1] === 0 && (u32[at] as number) < least) least = u32[at] as number;
      }
      this.#leastCounts.set(states, least);
    }
  }

  /** Fills one column from its states. */
  write(column: AggregateColumn, states: NeedStates, draft: DraftColumn, piece: Piece): void {
    const results = new NumberResults(states, this.#views);
    if (column.fn === 'count') {
      this.#take(8, states.area(0).states.count, piece, draft.values);
      return;
    }
    const least = column.fn === 'var' || column.fn === 'std' ? 2 : 1;
    this.#writeValidity(states, least, draft, piece);
    if (column.fn === 'min' || column.fn === 'max') this.#writeExtreme(column.fn, states, draft, piece);
    else if (column.fn === 'first' || column.fn === 'last') this.#writeEnd(column.fn, states, draft, piece);
    else if (column.fn === 'sum' && !isFloat(states.need.value.kernel) && column.overflow !== 'float64')
      this.#writeIntegerSum(column, results, states, draft, piece);
    else if ((column.fn === 'sum' || column.fn === 'mean') && isFloat(states.need.value.kernel))
      this.#writeFloatSums(column.fn, results, states, draft, piece);
    else this.#writeDoubles(column, results, least, draft, piece);
  }

  /** Sums of floats, and their means: the rounded sum divided by the count. Rounded by the kernel, in pieces of the scratch. */
  #writeFloatSums(
    fn: 'sum' | 'mean',
    results: NumberResults,
    states: NeedStates,
    draft: DraftColumn,
    piece: Piece,
  ): void {
    const { u32, f64 } = this.#views;
    const { slots, rows } = piece;
    this.#roundSums(states.area(0).states.sum, piece, draft.values);
    const isComplete = states.wideSums.size === 0 && (this.#leastCounts.get(states) as number) >= 1;
    if (isComplete && fn === 'sum') return;
    for (let row = 0, at = draft.values / 8; row < rows; row++, at++) {
      const slot = u32[(slots >>> 2) + row] as number;
      if (results.count(slot) === 0) f64[at] = 0;
      else if (fn === 'mean')
        f64[at] = results.isWide(slot) ? results.mean(slot) : (f64[at] as number) / results.count(slot);
      else if (results.isWide(slot)) f64[at] = results.sum(slot);
    }
  }

  #roundSums(sums: Ptr, { slots, rows, first }: Piece, out: Ptr): void {
    if (first !== undefined) {
      this.#kernels.roundSums(sums + SUM_STATE_BYTES * first, rows, out);
      return;
    }
    const gathered = this.#scratch.reserve(SUM_STATE_BYTES * Math.min(rows, ROUNDED_AT_ONCE));
    for (let from = 0; from < rows; from += ROUNDED_AT_ONCE) {
      const count = Math.min(rows - from, ROUNDED_AT_ONCE);
      this.#kernels.take(SUM_STATE_BYTES, sums, slots + 4 * from, count, gathered);
      this.#kernels.roundSums(gathered, count, out + 8 * from);
    }
  }

  #take(width: number, values: Ptr, piece: Piece, out: Ptr): void {
    takePiece(this.#kernels, this.#views, width, values, piece, out);
  }

  /** Null where fewer than `least` values were seen; most columns have no null at all and need no bitmap. */
  #writeValidity(states: NeedStates, least: number, draft: DraftColumn, { slots, rows }: Piece): void {
    if ((this.#leastCounts.get(states) as number) >= least) return;
    const { u32, u8 } = this.#views;
    const counts = states.area(0).states.count >>> 2;
    const set = setBits(u8, draft.validity, rows, (row) => {
      const at = counts + 2 * (u32[(slots >>> 2) + row] as number);
      return (u32[at] as number) >= least || u32[at + 1] !== 0;
    });
    draft.nullCount = rows - set;
  }

  #writeDoubles(
    column: AggregateColumn,
    results: NumberResults,
    least: number,
    draft: DraftColumn,
    piece: Piece,
  ): void {
    const { u32, f64 } = this.#views;
    const { fn } = column;
    for (let row = 0; row < piece.rows; row++) {
      const slot = u32[(piece.slots >>> 2) + row] as number;
      let value = 0;
      if (results.count(slot) >= least) {
        if (fn === 'sum') value = results.sum(slot);
        else if (fn === 'mean') value = results.mean(slot);
        else value = fn === 'var' ? results.variance(slot) : Math.sqrt(results.variance(slot));
      }
      f64[draft.values / 8 + row] = value;
    }
  }

  #writeIntegerSum(
    column: AggregateColumn,
    results: NumberResults,
    states: NeedStates,
    draft: DraftColumn,
    piece: Piece,
  ): void {
    const { u32, i32 } = this.#views;
    const isU64 = isUnsigned(states.need.value.kernel) && states.need.value.type !== 'bool';
    for (let row = 0; row < piece.rows; row++) {
      const slot = u32[(piece.slots >>> 2) + row] as number;
      if (column.overflow === undefined && !results.fitsInt64(slot, isU64))
        throw this.#overflow(column, results.integerSum(slot), slot, isU64);
      const from = results.integerSumAt(slot) >>> 2;
      const to = (draft.values >>> 2) + 2 * row;
      i32[to] = i32[from] as number;
      i32[to + 1] = i32[from + 1] as number;
    }
  }

  #overflow(column: AggregateColumn, sum: bigint, slot: number, isU64: boolean): PipelineError {
    const { plan, table } = this.#level;
    const { aggregation } = plan;
    const bin = labelOf(plan, this.#views.i64[table.bins / 8 + slot] as bigint);
    const type = isU64 ? 'uint64' : 'int64';
    return new PipelineError(
      'ERR_INTEGER_OVERFLOW',
      `the sum of "${column.column}" in the bin of "${aggregation.name}" at "${this.#orderedOn}" ${bin} is ${sum}, beyond ${type}`,
      {
        column: column.name,
        value: String(sum),
        expected: type,
        hint: `ask for another answer: agg.sum('${column.column}', { overflow: 'float64' }) or 'wrap', or sum over shorter bins`,
      },
    );
  }

  #writeEnd(fn: 'first' | 'last', states: NeedStates, draft: DraftColumn, piece: Piece): void {
    const { rows } = piece;
    const { byteWidth, type } = states.need.value;
    const area = states.area(0);
    const values = fn === 'first' ? area.firstValue : area.lastValue;
    if (type !== 'bool') {
      this.#take(byteWidth, values, piece, draft.values);
      return;
    }
    const { u8 } = this.#views;
    const spread = this.#scratch.reserve(rows);
    this.#take(1, values, piece, spread);
    setBits(u8, draft.values, rows, (row) => u8[spread + row] !== 0);
  }

  #writeExtreme(fn: 'min' | 'max', states: NeedStates, draft: DraftColumn, piece: Piece): void {
    const { rows } = piece;
    const { byteWidth, type, kernel } = states.need.value;
    const values = states.area(0).states[fn];
    if (byteWidth === 8) {
      this.#take(8, values, piece, draft.values);
      return;
    }
    const { u8, u32 } = this.#views;
    const wide = this.#scratch.reserve(8 * rows);
    this.#take(8, values, piece, wide);
    if (type === 'bool') setBits(u8, draft.values, rows, (row) => u32[(wide >>> 2) + 2 * row] !== 0);
    else
      this.#kernels.cast(
        stateKernel(kernel),
        kernel,
        wide,
        draft.nullCount > 0 ? draft.validity : 0,
        rows,
        draft.values,
      );
  }
}

/** What min and max of a type are kept as. */
function stateKernel(kernel: KernelType): KernelType {
  if (isFloat(kernel)) return 'f64';
  return isUnsigned(kernel) ? 'u64' : 'i64';
}
