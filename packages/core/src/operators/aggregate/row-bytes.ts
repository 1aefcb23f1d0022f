/**
 * Logical Arrow bytes of rows that are closed but not written yet, as `columnLogicalBytes` would count them in the batch:
 * triggers count these, so they may not depend on how states lie in memory.
 */
import type { Ptr } from '../../memory/contract.ts';
import type { Fields, TypeText } from '../../schema/types.ts';
import type { ArenaViews } from './arena-views.ts';
import type { KeyIndex } from './key-index.ts';
import type { Level } from './level.ts';
import type { TextStateName } from './state-plan.ts';
import type { NeedStates } from './state-table.ts';
import { NO_TEXT, type TextSlots } from './text-slots.ts';
import { valueTypeOf } from './value-type.ts';

/** A null costs its bit. */
const NULL_BYTES = 1 / 8;

/** Slots [from, to) of a level. */
interface Slots {
  from: number;
  to: number;
}

export class RowBytes {
  readonly #level: Level;
  readonly #fields: Fields;
  readonly #index: KeyIndex | undefined;
  readonly #views: ArenaViews;
  readonly #inputNames: readonly string[];

  constructor(level: Level, fields: Fields, inputFields: Fields, index: KeyIndex | undefined, views: ArenaViews) {
    this.#level = level;
    this.#fields = fields;
    this.#index = index;
    this.#views = views;
    this.#inputNames = inputFields.map((field) => field.name);
  }

  /** Bytes of the rows of slots [from, to). */
  of(from: number, to: number): number {
    if (from === to) return 0;
    const slots = { from, to };
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
  #keyExtra(column: number, type: TypeText, { from, to }: Slots): number {
    const index = this.#index as KeyIndex;
    const { table } = index.columns[column] as KeyIndex['columns'][number];
    const { u32 } = this.#views;
    const { nullId } = table;
    if (!isPlainText(type) && nullId === undefined) return 0;
    let bytes = 0;
    for (let slot = from; slot < to; slot++) {
      const code = index.codeOf(u32[(this.#level.table.keys >>> 2) + slot] as number, column);
      const offset = (table.keys >>> 2) + code;
      if (code === nullId) bytes += NULL_BYTES;
      else if (isPlainText(type)) bytes += (u32[offset + 1] as number) - (u32[offset] as number);
    }
    return bytes;
  }

  /** Texts and nulls of a result column. */
  #resultExtra(column: number, type: TypeText, slots: Slots): number {
    const { fn, column: input } = this.#level.plan.aggregation.columns[
      column
    ] as Level['plan']['aggregation']['columns'][number];
    if (fn === 'count') return 0;
    const states = this.#statesOf(input as string);
    const texts = states.texts[fn as TextStateName];
    if (texts !== undefined) return textBytes(texts, isPlainText(type), slots);
    return this.#nulls(states.area(0).states.count, fn === 'var' || fn === 'std' ? 2 : 1, slots) * NULL_BYTES;
  }

  #statesOf(input: string): NeedStates {
    const position = this.#inputNames.indexOf(input);
    return this.#level.table.needs.find((states) => states.need.input === position) as NeedStates;
  }

  #nulls(counts: Ptr, least: number, { from, to }: Slots): number {
    const { u32 } = this.#views;
    let nulls = 0;
    for (let at = (counts >>> 2) + 2 * from, end = (counts >>> 2) + 2 * to; at < end; at += 2) {
      if (u32[at + 1] === 0 && (u32[at] as number) < least) nulls++;
    }
    return nulls;
  }
}

function isPlainText(type: TypeText): boolean {
  return type === 'utf8' || type === 'binary';
}

/** Bytes of a value without its text: an offset for text, a bit for bool. */
function fixedBytes(type: TypeText): number {
  return type === 'bool' ? 1 / 8 : valueTypeOf(type).byteWidth || 4;
}

function textBytes(texts: TextSlots, isPlain: boolean, { from, to }: Slots): number {
  let bytes = 0;
  for (let slot = from; slot < to; slot++) {
    const length = texts.length(slot);
    if (length === NO_TEXT) bytes += NULL_BYTES;
    else if (isPlain) bytes += length;
  }
  return bytes;
}
