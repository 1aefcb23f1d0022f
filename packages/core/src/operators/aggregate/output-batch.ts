/** Makes output batches of closed bins: one piece of at most 8,192 rows at a time, column by column. */
import { allocBatch, type BatchDraft, type DraftColumn } from '../../batch/alloc-batch.ts';
import type { Batch } from '../../batch/contract.ts';
import type { KeyTable } from '../../kernels/key-table.ts';
import type { Kernels } from '../../kernels/vector-contract.ts';
import type { Ptr } from '../../memory/contract.ts';
import type { AggregateColumn } from '../../plan/logical.ts';
import type { Fields } from '../../schema/types.ts';
import type { GrowingBuffer, Workspace } from './arena-views.ts';
import { writeBinStarts } from './bin-starts.ts';
import type { KeyIndex } from './key-index.ts';
import { type Piece, ResultWriter, takePiece } from './result-columns.ts';
import type { StatedLevel } from './row-bytes.ts';
import type { StatePlan, TextStateName } from './state-plan.ts';
import type { NeedStates } from './state-table.ts';
import { type TextRowsOutput, totalTextBytes, writeDictionary, writeTexts } from './text-output.ts';
import { NO_TEXT, type TextSlots } from './text-slots.ts';
import { setBits, setValidity } from './write-bits.ts';

/** Writes the batches of one level. */
export class OutputWriter {
  readonly #plan: StatePlan;
  readonly #level: StatedLevel;
  readonly #fields: Fields;
  readonly #columns: readonly AggregateColumn[];
  readonly #inputNames: readonly string[];
  readonly #index: KeyIndex | undefined;
  readonly #kernels: Kernels;
  readonly #workspace: Workspace;
  readonly #codes: GrowingBuffer[];
  readonly #scratch: GrowingBuffer;
  readonly #results: ResultWriter;

  constructor(
    plan: StatePlan,
    level: StatedLevel,
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
    this.#results = new ResultWriter(level, plan.orderedOn.name, kernels, workspace);
  }

  /** The slots before `closed` are about to be written, in pieces. */
  begin(closed: number): void {
    this.#results.begin(closed);
  }

  /** Rows of the given slots (u32) as a batch; `first`: the first of them, where each is followed by the next. */
  write(slots: Ptr, rows: number, inputs: number, first?: number): Batch {
    const piece: Piece = { slots, rows, first };
    this.#lookUpCodes(piece);
    const texts = this.#fields.map((_, position) => this.#textsOf(position, piece));
    const variableBytes = texts.map((text, position) => this.#textBytes(position, text, rows));
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
          this.#kernels,
          this.#workspace.views,
        );
      } else if (text !== undefined) {
        if (text.hasNulls)
          setValidity(column, piece.rows, (row) => text.length(row) !== NO_TEXT, this.#workspace.views.u8);
        if (column.type === 'dictionary<utf8>') {
          dictionaries.push(writeDictionary(text, piece.rows, column, this.#workspace));
        } else if (position <= keys) this.#takeKeyTexts(position - 1, column, piece.rows);
        else writeTexts(text, piece.rows, column, this.#workspace);
      } else if (position <= keys) this.#writeKey(position - 1, column, piece);
      else {
        const aggregate = this.#columns[position - 1 - keys] as AggregateColumn;
        const own = this.#level.results?.get(aggregate);
        if (own !== undefined) own.write(column, piece.slots, piece.rows);
        else this.#results.write(aggregate, this.#statesOf(aggregate), column, piece);
      }
    }
  }

  #textBytes(position: number, text: TextRowsOutput | undefined, rows: number): number {
    if (text === undefined || this.#fields[position]?.type === 'dictionary<utf8>') return 0;
    if (position > this.#plan.keys.length) return totalTextBytes(text, rows);
    const { keys } = this.#tableOf(position - 1);
    return this.#kernels.takeVariableBytes(keys, this.#codesOf(position - 1), rows);
  }

  #takeKeyTexts(column: number, draft: DraftColumn, rows: number): void {
    const { keys, bytes } = this.#tableOf(column);
    this.#kernels.takeVariable(keys, bytes, this.#codesOf(column), rows, draft.offsets, draft.values);
  }

  #tableOf(column: number): KeyTable {
    return ((this.#index as KeyIndex).columns[column] as KeyIndex['columns'][number]).table;
  }

  /** Where `lookUpCodes` has put the codes of a key column. */
  #codesOf(column: number): Ptr {
    return (this.#codes[column] as GrowingBuffer).ptr;
  }

  /** Codes of every key column for the rows of the piece. */
  #lookUpCodes(piece: Piece): void {
    const { rows } = piece;
    const { u32 } = this.#workspace.views;
    for (const [column, buffer] of this.#codes.entries()) {
      const ids = buffer.reserve(4 * rows);
      takePiece(this.#kernels, this.#workspace.views, 4, this.#level.table.keys, piece, ids);
      const index = this.#index as KeyIndex;
      // Of a single column the number is the code.
      if (index.pairs.length === 0) return;
      for (let at = ids >>> 2, end = at + rows; at < end; at++) u32[at] = index.codeOf(u32[at] as number, column);
    }
  }

  #textsOf(position: number, piece: Piece): TextRowsOutput | undefined {
    const keys = this.#plan.keys.length;
    if (position === 0) return undefined;
    if (position <= keys)
      return this.#plan.keys[position - 1]?.value.class === 'text' ? this.#keyTexts(position - 1) : undefined;
    const column = this.#columns[position - 1 - keys] as AggregateColumn;
    const own = this.#level.results?.get(column);
    if (own !== undefined) return own.texts(piece.slots);
    const state = this.#statesOf(column).texts[column.fn as TextStateName];
    return state === undefined ? undefined : this.#stateTexts(state, piece);
  }

  #keyTexts(column: number): TextRowsOutput {
    const { u32 } = this.#workspace.views;
    const table = this.#tableOf(column);
    const codes = this.#codesOf(column) >>> 2;
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
    const table = this.#tableOf(column);
    const { value } = this.#plan.keys[column] as StatePlan['keys'][number];
    const codes = this.#codesOf(column);
    const { nullId } = table;
    if (nullId !== undefined) setValidity(draft, rows, (row) => u32[(codes >>> 2) + row] !== nullId, u8);
    if (value.byteWidth === 8) {
      this.#kernels.take(8, table.keys, codes, rows, draft.values);
      return;
    }
    const wide = this.#scratch.reserve(8 * rows);
    this.#kernels.take(8, table.keys, codes, rows, wide);
    if (value.type === 'bool') setBits(u8, draft.values, rows, (row) => u32[(wide >>> 2) + 2 * row] !== 0);
    else this.#kernels.cast('i64', value.kernel, wide, draft.nullCount > 0 ? draft.validity : 0, rows, draft.values);
  }
}
