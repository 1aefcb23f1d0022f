/** Makes output batches of closed bins: one piece of at most 65,536 rows at a time, column by column. */
import { allocBatch, type BatchDraft, type DraftColumn } from '../../batch/alloc-batch.ts';
import type { Batch } from '../../batch/contract.ts';
import { PipelineError } from '../../errors.ts';
import type { KernelType } from '../../kernels/aggregate-contract.ts';
import type { Kernels } from '../../kernels/vector-contract.ts';
import type { Ptr } from '../../memory/contract.ts';
import type { AggregateColumn } from '../../plan/logical.ts';
import type { Fields } from '../../schema/types.ts';
import type { GrowingBuffer, Workspace } from './arena-views.ts';
import { writeBinStarts } from './bin-starts.ts';
import { NumberResults } from './finish-number.ts';
import type { KeyIndex } from './key-index.ts';
import type { Level } from './level.ts';
import type { StatePlan, TextStateName } from './state-plan.ts';
import type { NeedStates } from './state-table.ts';
import { type TextRowsOutput, totalTextBytes, writeDictionary, writeTexts } from './text-output.ts';
import { NO_TEXT, type TextSlots } from './text-slots.ts';
import { isFloat, isUnsigned, valueTypeOf } from './value-type.ts';

/** Rows of one output batch at most. */
export const PIECE_ROWS = 65_536;

/** Slots (u32) of the rows of one piece. */
interface Piece {
  slots: Ptr;
  rows: number;
}

/** Writes the batches of one level. */
export class OutputWriter {
  readonly #plan: StatePlan;
  readonly #level: Level;
  readonly #fields: Fields;
  readonly #columns: readonly AggregateColumn[];
  readonly #inputNames: readonly string[];
  readonly #index: KeyIndex | undefined;
  readonly #kernels: Kernels;
  readonly #workspace: Workspace;
  readonly #codes: GrowingBuffer[];
  readonly #scratch: GrowingBuffer;

  constructor(
    plan: StatePlan,
    level: Level,
    fields: Fields,
    inputFields: Fields,
    index: KeyIndex | undefined,
    kernels: Kernels,
    workspace: Workspace,
  ) {
    this.#plan = plan;
    this.#level = level;
    this.#fields = fields;
    this.#columns = level.plan.aggregation.columns;
    this.#inputNames = inputFields.map((field) => field.name);
    this.#index = index;
    this.#kernels = kernels;
    this.#workspace = workspace;
    this.#codes = plan.keys.map(() => workspace.buffer());
    this.#scratch = workspace.buffer();
  }

  /** Logical bytes of a row without its texts, for triggers. */
  get fixedRowBytes(): number {
    let bits = 0;
    for (const { type } of this.#fields) {
      const value = valueTypeOf(type);
      bits += type === 'bool' ? 1 : 8 * (value.byteWidth || 4);
    }
    return bits / 8;
  }

  /** Rows of the given slots (u32) as a batch. */
  write(slots: Ptr, rows: number, inputs: number): Batch {
    const piece = { slots, rows };
    this.#lookUpCodes(piece);
    const texts = this.#fields.map((_, position) => this.#textsOf(position, piece));
    const variableBytes = texts.map((text, position) =>
      text === undefined || this.#fields[position]?.type === 'dictionary<utf8>' ? 0 : totalTextBytes(text, rows),
    );
    const draft = allocBatch(this.#workspace.arena, this.#workspace.owner, this.#fields, rows, { variableBytes });
    const dictionaries: Ptr[] = [];
    try {
      this.#fill(draft, texts, piece, dictionaries);
      return draft.finish(rows, inputs);
    } catch (error) {
      draft.discard();
      throw error;
    } finally {
      for (const slab of dictionaries) this.#workspace.arena.release(slab);
    }
  }

  #fill(draft: BatchDraft, texts: (TextRowsOutput | undefined)[], piece: Piece, dictionaries: Ptr[]): void {
    const keys = this.#plan.keys.length;
    for (const [position, column] of draft.columns.entries()) {
      const text = texts[position];
      if (position === 0) {
        writeBinStarts(
          column,
          this.#level.plan,
          this.#level.table.bins,
          piece.slots,
          piece.rows,
          this.#workspace.views,
        );
      } else if (text !== undefined) {
        if (text.hasNulls) setValidity(column, piece.rows, (row) => text.length(row) !== NO_TEXT, this.#workspace);
        if (column.type === 'dictionary<utf8>') {
          dictionaries.push(writeDictionary(text, piece.rows, column, this.#workspace));
        } else writeTexts(text, piece.rows, column, this.#workspace);
      } else if (position <= keys) this.#writeKey(position - 1, column, piece);
      else this.#writeResult(this.#columns[position - 1 - keys] as AggregateColumn, column, piece);
    }
  }

  /** Codes of every key column for the rows of the piece. */
  #lookUpCodes({ slots, rows }: Piece): void {
    const { u32 } = this.#workspace.views;
    const keys = this.#level.table.keys >>> 2;
    for (const [column, buffer] of this.#codes.entries()) {
      const codes = buffer.reserve(4 * rows) >>> 2;
      const index = this.#index as KeyIndex;
      for (let row = 0; row < rows; row++) {
        u32[codes + row] = index.codeOf(u32[keys + (u32[(slots >>> 2) + row] as number)] as number, column);
      }
    }
  }

  #textsOf(position: number, piece: Piece): TextRowsOutput | undefined {
    const keys = this.#plan.keys.length;
    if (position === 0) return undefined;
    if (position <= keys)
      return this.#plan.keys[position - 1]?.value.class === 'text' ? this.#keyTexts(position - 1) : undefined;
    const column = this.#columns[position - 1 - keys] as AggregateColumn;
    const state = this.#statesOf(column).texts[column.fn as TextStateName];
    return state === undefined ? undefined : this.#stateTexts(state, piece);
  }

  #keyTexts(column: number): TextRowsOutput {
    const { u32 } = this.#workspace.views;
    const { table } = (this.#index as KeyIndex).columns[column] as KeyIndex['columns'][number];
    const codes = (this.#codes[column] as GrowingBuffer).ptr >>> 2;
    const offsets = table.keys >>> 2;
    const { nullId } = table;
    const codeOf = (row: number): number => u32[codes + row] as number;
    return {
      length: (row) => {
        const code = codeOf(row);
        return code === nullId ? NO_TEXT : (u32[offsets + code + 1] as number) - (u32[offsets + code] as number);
      },
      start: (row) => table.bytes + (u32[offsets + codeOf(row)] as number),
      identity: codeOf,
      hasNulls: nullId !== undefined,
    };
  }

  #stateTexts(state: TextSlots, { slots }: Piece): TextRowsOutput {
    const { u32, u8 } = this.#workspace.views;
    const slotOf = (row: number): number => u32[(slots >>> 2) + row] as number;
    return {
      hasNulls: true,
      length: (row) => state.length(slotOf(row)),
      start: (row) => state.start(slotOf(row)),
      identity: (row) => {
        const start = state.start(slotOf(row));
        return Buffer.from(u8.buffer, start, state.length(slotOf(row))).toString('latin1');
      },
    };
  }

  #statesOf(column: AggregateColumn): NeedStates {
    const input = column.column === undefined ? -1 : this.#inputNames.indexOf(column.column);
    return this.#level.table.needs.find((states) => states.need.input === input) as NeedStates;
  }

  #writeKey(column: number, draft: DraftColumn, { rows }: Piece): void {
    const { u32, u8 } = this.#workspace.views;
    const { table, plan } = (this.#index as KeyIndex).columns[column] as KeyIndex['columns'][number];
    const codes = (this.#codes[column] as GrowingBuffer).ptr;
    const { nullId } = table;
    if (nullId !== undefined) setValidity(draft, rows, (row) => u32[(codes >>> 2) + row] !== nullId, this.#workspace);
    if (plan.value.byteWidth === 8) {
      this.#kernels.take(8, table.keys, codes, rows, draft.values);
      return;
    }
    const wide = this.#scratch.reserve(8 * rows);
    this.#kernels.take(8, table.keys, codes, rows, wide);
    if (plan.value.type === 'bool') setBits(u8, draft.values, rows, (row) => u32[(wide >>> 2) + 2 * row] !== 0);
    else
      this.#kernels.cast('i64', plan.value.kernel, wide, draft.nullCount > 0 ? draft.validity : 0, rows, draft.values);
  }

  #writeResult(column: AggregateColumn, draft: DraftColumn, piece: Piece): void {
    const states = this.#statesOf(column);
    const results = new NumberResults(states, this.#workspace.views);
    if (column.fn === 'count') {
      this.#kernels.take(8, states.area(0).states.count, piece.slots, piece.rows, draft.values);
      return;
    }
    const least = column.fn === 'var' || column.fn === 'std' ? 2 : 1;
    this.#writeValidity(states, least, draft, piece);
    if (column.fn === 'min' || column.fn === 'max') this.#writeExtreme(column.fn, states, draft, piece);
    else if (column.fn === 'first' || column.fn === 'last') this.#writeEnd(column.fn, states, draft, piece);
    else if (column.fn === 'sum' && !isFloat(states.need.value.kernel))
      this.#writeIntegerSum(column, results, states, draft, piece);
    else this.#writeDoubles(column, results, least, draft, piece);
  }

  /** Null where fewer than `least` values were seen; most columns have no null at all and need no bitmap. */
  #writeValidity(states: NeedStates, least: number, draft: DraftColumn, { slots, rows }: Piece): void {
    const { u32, u8 } = this.#workspace.views;
    const counts = states.area(0).states.count >>> 2;
    const first = slots >>> 2;
    let row = 0;
    const isThere = (at: number): boolean => (u32[at] as number) >= least || u32[at + 1] !== 0;
    while (row < rows && isThere(counts + 2 * (u32[first + row] as number))) row++;
    if (row === rows) return;
    const set = setBits(u8, draft.validity, rows, (index) => isThere(counts + 2 * (u32[first + index] as number)));
    draft.nullCount = rows - set;
  }

  #writeDoubles(
    column: AggregateColumn,
    results: NumberResults,
    least: number,
    draft: DraftColumn,
    piece: Piece,
  ): void {
    const { u32, f64 } = this.#workspace.views;
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
    const { u32, i32 } = this.#workspace.views;
    const isU64 = isUnsigned(states.need.value.kernel) && states.need.value.type !== 'bool';
    for (let row = 0; row < piece.rows; row++) {
      const slot = u32[(piece.slots >>> 2) + row] as number;
      if (!results.fitsInt64(slot, isU64)) throw this.#overflow(column, results.integerSum(slot), slot, isU64);
      const from = results.integerSumAt(slot) >>> 2;
      const to = (draft.values >>> 2) + 2 * row;
      i32[to] = i32[from] as number;
      i32[to + 1] = i32[from + 1] as number;
    }
  }

  #overflow(column: AggregateColumn, sum: bigint, slot: number, isU64: boolean): PipelineError {
    const { every, origin, aggregation } = this.#level.plan;
    const bin = (this.#workspace.views.i64[this.#level.table.bins / 8 + slot] as bigint) * every + origin;
    const type = isU64 ? 'uint64' : 'int64';
    return new PipelineError(
      'ERR_INTEGER_OVERFLOW',
      `the sum of "${column.column}" in the bin of "${aggregation.name}" that starts at "${this.#plan.orderedOn.name}" ${bin} is ${sum}, beyond ${type}`,
      {
        column: column.name,
        value: String(sum),
        expected: type,
        hint: `cast "${column.column}" to float64 before aggStream, or sum over shorter bins`,
      },
    );
  }

  #writeEnd(fn: 'first' | 'last', states: NeedStates, draft: DraftColumn, { slots, rows }: Piece): void {
    const { byteWidth, type } = states.need.value;
    const area = states.area(0);
    const values = fn === 'first' ? area.firstValue : area.lastValue;
    if (type !== 'bool') {
      this.#kernels.take(byteWidth, values, slots, rows, draft.values);
      return;
    }
    const { u8 } = this.#workspace.views;
    const spread = this.#scratch.reserve(rows);
    this.#kernels.take(1, values, slots, rows, spread);
    setBits(u8, draft.values, rows, (row) => u8[spread + row] !== 0);
  }

  #writeExtreme(fn: 'min' | 'max', states: NeedStates, draft: DraftColumn, { slots, rows }: Piece): void {
    const { byteWidth, type, kernel } = states.need.value;
    const values = states.area(0).states[fn];
    if (byteWidth === 8) {
      this.#kernels.take(8, values, slots, rows, draft.values);
      return;
    }
    const { u8, u32 } = this.#workspace.views;
    const wide = this.#scratch.reserve(8 * rows);
    this.#kernels.take(8, values, slots, rows, wide);
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

function setBits(u8: Uint8Array, target: Ptr, rows: number, isSet: (row: number) => boolean): number {
  let count = 0;
  for (let row = 0; row < rows; row += 8) {
    const end = Math.min(rows - row, 8);
    let byte = 0;
    for (let bit = 0; bit < end; bit++) {
      if (!isSet(row + bit)) continue;
      byte |= 1 << bit;
      count++;
    }
    u8[target + (row >>> 3)] = byte;
  }
  return count;
}

function setValidity(draft: DraftColumn, rows: number, isValid: (row: number) => boolean, workspace: Workspace): void {
  if (draft.validity === 0) return;
  draft.nullCount = rows - setBits(workspace.views.u8, draft.validity, rows, isValid);
}
