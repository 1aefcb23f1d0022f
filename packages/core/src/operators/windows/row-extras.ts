/** States of an aggregation's columns that kernels do not keep, by slot, and their results. They are made from rows, where these are grouped. */
import type { DraftColumn } from '../../batch/alloc-batch.ts';
import type { Batch } from '../../batch/contract.ts';
import { fixedWriter } from '../../batch/write-values.ts';
import { PipelineError } from '../../errors.ts';
import type { Ptr } from '../../memory/contract.ts';
import type { AggregateColumn } from '../../plan/logical.ts';
import { parseType } from '../../schema/parse-type.ts';
import type { Fields, TypeText } from '../../schema/types.ts';
import type { GrowingBuffer, Workspace } from '../aggregate/arena-views.ts';
import { NULL_BYTES, type ResultColumn } from '../aggregate/row-bytes.ts';
import type { GroupedRows } from '../aggregate/row-groups.ts';
import type { KeyPlan } from '../aggregate/state-plan.ts';
import type { TextRowsOutput } from '../aggregate/text-output.ts';
import { NO_TEXT } from '../aggregate/text-slots.ts';
import { valueTypeOf } from '../aggregate/value-type.ts';
import { setBits, setValidity } from '../aggregate/write-bits.ts';
import type { AggregateDefinition } from '../aggregate-definition.ts';
import type { OperatorContext } from '../contract.ts';
import type { SnapshotReader, SnapshotWriter } from '../snapshot-contract.ts';
import { isKernelColumn } from './columns.ts';
import { HeldQuantile, HeldUnique, SketchedQuantile, SketchedUnique } from './held-functions.ts';
import type { SlotFunction } from './slot-function.ts';
import { CustomFunction, ExtremeRow, WeightedMean } from './value-functions.ts';
import type { SlotExtras } from './window-table.ts';

/** What to do when functions hold too much. */
export const MEMORY_HINT =
  'use agg.quantileApprox or agg.nUniqueApprox, bins that close sooner, or a larger memoryLimit';

function describe({ fn, name, custom }: AggregateColumn): string {
  return `${custom?.ref.name ?? fn} for "${name}"`;
}

/** The rows behind the packet at work, for a final half in the same lane. */
export interface RowFeed {
  /** The rows that were grouped: those from `from` on of the batch. */
  batch: Batch | undefined;
  from: number;
  rows: number;
  /** By root. */
  groups: (root: number) => GroupedRows;
  /** Counts packets. */
  serial: number;
}

/** Functions of users, by their column. */
export type Definitions = ReadonlyMap<AggregateColumn, AggregateDefinition>;

function makeFunction(
  column: AggregateColumn,
  fields: Fields,
  definitions: Definitions,
  workspace: Workspace,
  { kernels, arena }: OperatorContext,
): SlotFunction {
  const inputOf = (name: string | undefined): number => fields.findIndex((field) => field.name === name);
  const input = inputOf(column.column);
  const { name, type } = fields[input] as Fields[number];
  const plan: KeyPlan = { input, name, value: valueTypeOf(type) };
  switch (column.fn) {
    case 'median':
    case 'quantile':
      return new HeldQuantile(column, plan, workspace);
    case 'quantileApprox':
      return new SketchedQuantile(column, plan, workspace);
    case 'nUnique':
      return new HeldUnique(plan, kernels, workspace);
    case 'nUniqueApprox':
      return new SketchedUnique(column, plan, kernels, workspace);
    case 'argMin':
    case 'argMax':
      return new ExtremeRow(column, [input, inputOf(column.other)], arena);
    case 'wmean':
      return new WeightedMean([input, inputOf(column.other)], arena);
    case 'custom': {
      const { custom } = column;
      const definition = definitions.get(column);
      if (custom !== undefined && definition !== undefined)
        return new CustomFunction(custom, definition, custom.columns.map(inputOf), arena);
    }
  }
  throw new PipelineError('ERR_INTERNAL', `${column.fn} of "${column.name}" has no states beside those of kernels`);
}

/** What the states of one aggregation's columns are made of. */
export interface ExtrasParts {
  root: number;
  columns: readonly AggregateColumn[];
  /** Of the rows. */
  fields: Fields;
  /** Of the results. */
  outputs: Fields;
  feed: RowFeed;
  definitions: Definitions;
  isKeyed: boolean;
  workspace: Workspace;
  context: OperatorContext;
}

export class RowExtras implements SlotExtras {
  readonly results: Map<AggregateColumn, ResultColumn> = new Map();
  readonly #functions: { column: AggregateColumn; made: SlotFunction }[] = [];
  readonly #root: number;
  readonly #feed: RowFeed;
  readonly #u32: Uint32Array;
  readonly #isKeyed: boolean;
  readonly #stage: string;
  #serial = -1;
  /** Rows before this one have been taken, of the feed's. */
  #taken = 0;

  constructor({ root, columns, fields, outputs, feed, definitions, isKeyed, workspace, context }: ExtrasParts) {
    this.#root = root;
    this.#feed = feed;
    this.#u32 = workspace.views.u32;
    this.#isKeyed = isKeyed;
    this.#stage = context.name;
    for (const column of columns) {
      if (isKernelColumn(column)) continue;
      const made = makeFunction(column, fields, definitions, workspace, context);
      const { type } = outputs.find((field) => field.name === column.name) as Fields[number];
      this.#functions.push({ column, made });
      this.results.set(column, new ValueResults(column.name, type, made, workspace));
    }
  }

  grow(slots: number): void {
    for (const { made } of this.#functions) made.grow(slots);
  }

  take(from: number, to: number, targets: readonly Ptr[]): void {
    const { batch, serial, rows, from: offset } = this.#feed;
    if (batch === undefined) return;
    if (serial !== this.#serial) this.#taken = 0;
    this.#serial = serial;
    const groupOf = this.#grouping();
    let first = this.#taken;
    while (first < rows && groupOf(first) < from) first++;
    let last = first;
    for (const { column, made } of this.#functions) {
      const add = this.#naming(column, made.begin(batch));
      for (last = first; last < rows; last++) {
        const group = groupOf(last);
        if (group >= to) break;
        for (const target of targets) add(offset + last, this.#u32[(target >>> 2) + group] as number);
      }
    }
    this.#taken = last;
  }

  copy(from: number, to: number): void {
    for (const { made } of this.#functions) made.copy(from, to);
  }

  move(map: Int32Array, slots: number): void {
    for (const { made } of this.#functions) made.move(map, slots);
  }

  get canSave(): boolean {
    return this.#functions.every(({ made }) => made.canSave);
  }

  async save(writer: SnapshotWriter): Promise<unknown[]> {
    const saved: unknown[] = [];
    for (const { made } of this.#functions) saved.push(await made.save(writer));
    return saved;
  }

  restore(saved: readonly unknown[], reader: SnapshotReader): void {
    for (const [index, { made }] of this.#functions.entries()) made.restore(saved[index] as never, reader);
  }

  held(): { what: string; bytes: number; heap: number }[] {
    return this.#functions.map(({ column, made }) => ({ what: describe(column), ...made.held() }));
  }

  /** Group of a row of the feed's. Groups ascend with the rows, as far as they are taken one after the other. */
  #grouping(): (row: number) => number {
    const groups = this.#feed.groups(this.#root);
    if (this.#isKeyed) {
      const ids = groups.groupIds >>> 2;
      return (row) => this.#u32[ids + row] as number;
    }
    const ends = groups.binEnds >>> 2;
    let group = 0;
    return (row) => {
      if (group > 0 && row < (this.#u32[ends + group - 1] as number)) group = 0;
      while (row >= (this.#u32[ends + group] as number)) group++;
      return group;
    };
  }

  /** Says which function holds so much, where memory is short. */
  #naming(column: AggregateColumn, add: (row: number, slot: number) => void): (row: number, slot: number) => void {
    return (row, slot) => {
      try {
        add(row, slot);
      } catch (error) {
        if (!(error instanceof PipelineError) || error.code !== 'ERR_MEMORY_EXHAUSTED') throw error;
        throw new PipelineError('ERR_MEMORY_EXHAUSTED', `${describe(column)} holds too much: ${error.message}`, {
          stage: this.#stage,
          column: column.name,
          hint: MEMORY_HINT,
          cause: error,
        });
      }
    };
  }
}

/** The results of a function as a column. */
class ValueResults implements ResultColumn {
  readonly #name: string;
  readonly #type: TypeText;
  readonly #function: SlotFunction;
  readonly #workspace: Workspace;
  readonly #bytes: GrowingBuffer;
  readonly #isText: boolean;

  constructor(name: string, type: TypeText, made: SlotFunction, workspace: Workspace) {
    this.#name = name;
    this.#type = type;
    this.#function = made;
    this.#workspace = workspace;
    this.#bytes = workspace.buffer();
    this.#isText = valueTypeOf(type).class === 'text';
  }

  texts(slots: Ptr): TextRowsOutput | undefined {
    if (!this.#isText) return undefined;
    const { u32, u8 } = this.#workspace.views;
    const held = new Map<number, { start: Ptr; length: number }>();
    let used = 0;
    const locate = (row: number): { start: Ptr; length: number } => {
      const slot = u32[(slots >>> 2) + row] as number;
      let text = held.get(slot);
      if (text !== undefined) return text;
      const bytes = this.#bytesOf(this.#function.finish(slot));
      text = { start: used, length: bytes?.length ?? NO_TEXT };
      if (bytes !== undefined) {
        u8.set(bytes, this.#bytes.reserve(used + bytes.length, used) + used);
        used += bytes.length;
      }
      held.set(slot, text);
      return text;
    };
    return {
      hasNulls: true,
      length: (row) => locate(row).length,
      start: (row) => this.#bytes.ptr + locate(row).start,
      identity: (row) => {
        const { start, length } = locate(row);
        return Buffer.from(u8.slice(this.#bytes.ptr + start, this.#bytes.ptr + start + length)).toString('latin1');
      },
    };
  }

  write(draft: DraftColumn, slots: Ptr, rows: number): void {
    const { u8, u32 } = this.#workspace.views;
    const parsed = parseType(this.#type);
    const values = Array.from(
      { length: rows },
      (_, row) => this.#function.finish(u32[(slots >>> 2) + row] as number) ?? null,
    );
    setValidity(draft, rows, (row) => values[row] !== null, u8);
    if (parsed.physical === 'bits') {
      for (const value of values) if (value !== null && typeof value !== 'boolean') throw this.#refusal(value);
      setBits(u8, draft.values, rows, (row) => values[row] === true);
      return;
    }
    const target = this.#workspace.arena.bytesAt(draft.values, rows * parsed.byteWidth);
    const write = fixedWriter(parsed, target);
    for (const [row, value] of values.entries()) {
      if (value === null) target.fill(0, row * parsed.byteWidth, (row + 1) * parsed.byteWidth);
      else if (!write(row, value)) throw this.#refusal(value);
    }
  }

  extraBytes(slot: number): number {
    const value = this.#function.finish(slot) ?? null;
    if (value === null) return NULL_BYTES;
    return this.#isText && this.#type !== 'dictionary<utf8>' ? (this.#bytesOf(value)?.length ?? 0) : 0;
  }

  #bytesOf(value: unknown): Uint8Array | undefined {
    if (value === null || value === undefined) return undefined;
    if (value instanceof Uint8Array && this.#type === 'binary') return value;
    if (typeof value === 'string' && this.#type !== 'binary') return new TextEncoder().encode(value);
    throw this.#refusal(value);
  }

  #refusal(value: unknown): PipelineError {
    return new PipelineError('ERR_VALUE', `column "${this.#name}": ${String(value)} is not a ${this.#type}`, {
      column: this.#name,
      value: String(value),
      expected: this.#type,
      hint: 'let finish give values of the type that its definition says',
    });
  }
}
