/**
 * Logical Arrow bytes of rows that are closed but not written yet, as `columnLogicalBytes` would count them in the batch:
 * triggers count these, so they may not depend on how states lie in memory.
 */
import type { DraftColumn } from '../../batch/alloc-batch.ts';
import type { Ptr } from '../../memory/contract.ts';
import type { AggregateColumn } from '../../plan/logical.ts';
import type { Fields, TypeText } from '../../schema/types.ts';
import type { ArenaViews } from './arena-views.ts';
import type { KeyIndex } from './key-index.ts';
import type { LevelPlan, TextStateName } from './state-plan.ts';
import type { NeedStates, StateTable } from './state-table.ts';
import type { TextRowsOutput } from './text-output.ts';
import { NO_TEXT } from './text-slots.ts';
import { valueTypeOf } from './value-type.ts';

/** A null costs its bit. */
export const NULL_BYTES: number = 1 / 8;

/** Slots [from, to) of a level, or places [from, to) of a list of slots (u32). */
interface Slots {
  from: number;
  to: number;
  list: Ptr | undefined;
}

/** A level whose slots are rows of an output. */
export interface StatedLevel {
  readonly plan: LevelPlan;
  readonly table: StateTable;
  /** Result columns that are not computed from the states of kernels. */
  readonly results?: ReadonlyMap<AggregateColumn, ResultColumn>;
}

/** A result column that is computed elsewhere. */
export interface ResultColumn {
  /** Its texts, of the slots of the rows; undefined where it is no text. */
  texts(slots: Ptr): TextRowsOutput | undefined;
  /** Fills a column that is no text. */
  write(draft: DraftColumn, slots: Ptr, rows: number): void;
  /** Bytes of a slot's text, or of its null; 0 otherwise. */
  extraBytes(slot: number): number;
}

export class RowBytes {
  readonly #level: StatedLevel;
  readonly #fields: Fields;
  readonly #index: KeyIndex | undefined;
  readonly #views: ArenaViews;
  readonly #inputNames: readonly string[];

  constructor(level: StatedLevel, fields: Fields, inputFields: Fields, index: KeyIndex | undefined, views: ArenaViews) {
    this.#level = level;
    this.#fields = fields;
    this.#index = index;
    this.#views = views;
    this.#inputNames = inputFields.map((field) => field.name);
  }

  /** Bytes of the rows of slots [from, to), or of those at places [from, to) of a list. */
  of(from: number, to: number, list?: Ptr): number {
    if (from === to) return 0;
    const slots = { from, to, list };
    const keys = this.#index?.columns.length ?? 0;
    let bytes = 0;
    for (const [position, { type }] of this.#fields.entries()) {
      bytes += (to - from) * fixedBytes(type);
      if (position > keys) bytes += this.#resultExtra(position - 1 - keys, type, slots);
      else if (position > 0) bytes += this.#keyExtra(position - 1, type, slots);
    }
    return bytes;
  }

  /** Texts and nulls of a key column. */
  #keyExtra(column: number, type: TypeText, slots: Slots): number {
    const index = this.#index as KeyIndex;
    const { table } = index.columns[column] as KeyIndex['columns'][number];
    const { u32 } = this.#views;
    const { nullId } = table;
    if (!isPlainText(type) && nullId === undefined) return 0;
    let bytes = 0;
    for (let place = slots.from; place < slots.to; place++) {
      const slot = this.#slotAt(slots, place);
      const code = index.codeOf(u32[(this.#level.table.keys >>> 2) + slot] as number, column);
      const offset = (table.keys >>> 2) + code;
      if (code === nullId) bytes += NULL_BYTES;
      else if (isPlainText(type)) bytes += (u32[offset + 1] as number) - (u32[offset] as number);
    }
    return bytes;
  }

  /** Texts and nulls of a result column. */
  #resultExtra(column: number, type: TypeText, slots: Slots): number {
    const aggregate = this.#level.plan.aggregation.columns[column] as AggregateColumn;
    const { fn, column: input } = aggregate;
    if (fn === 'count') return 0;
    const result = this.#level.results?.get(aggregate);
    if (result !== undefined) return this.#sum(slots, (slot) => result.extraBytes(slot));
    const states = this.#statesOf(input as string);
    const texts = states.texts[fn as TextStateName];
    if (texts !== undefined) return this.#sum(slots, (slot) => textBytes(texts.length(slot), isPlainText(type)));
    return this.#nulls(states.area(0).states.count, fn === 'var' || fn === 'std' ? 2 : 1, slots) * NULL_BYTES;
  }

  #statesOf(input: string): NeedStates {
    const position = this.#inputNames.indexOf(input);
    return this.#level.table.needs.find((states) => states.need.input === position) as NeedStates;
  }

  #nulls(counts: Ptr, least: number, slots: Slots): number {
    const { u32 } = this.#views;
    let nulls = 0;
    for (let place = slots.from; place < slots.to; place++) {
      const at = (counts >>> 2) + 2 * this.#slotAt(slots, place);
      if (u32[at + 1] === 0 && (u32[at] as number) < least) nulls++;
    }
    return nulls;
  }

  #sum(slots: Slots, of: (slot: number) => number): number {
    let bytes = 0;
    for (let place = slots.from; place < slots.to; place++) bytes += of(this.#slotAt(slots, place));
    return bytes;
  }

  #slotAt({ list }: Slots, place: number): number {
    return list === undefined ? place : (this.#views.u32[(list >>> 2) + place] as number);
  }
}

function isPlainText(type: TypeText): boolean {
  return type === 'utf8' || type === 'binary';
}

/** Bytes of a value without its text: an offset for text, a bit for bool. */
function fixedBytes(type: TypeText): number {
  return type === 'bool' ? 1 / 8 : valueTypeOf(type).byteWidth || 4;
}

/** Bytes of a text of this length beyond its offset. */
export function textBytes(length: number, isPlain: boolean): number {
  if (length === NO_TEXT) return NULL_BYTES;
  return isPlain ? length : 0;
}
