/**
 * How the states of one batch lie in the block of words that travels between the halves of an aggregate.
 *
 * Header (64 bytes), the sizes (one u32 each), then sections, each 16-byte aligned, in an order that both halves derive from
 * the plan and the sizes, so that nothing is parsed: new values of each key column, new pairs of each key step, for each
 * root level the bin and key of every group and its states column by column, and last the parts of sums that did not fit.
 *
 * | byte | header field |
 * |---|---|
 * | 0 | u32 lane |
 * | 4 | u32 1 when the batch had rows (the next two are meaningful), 2 when the row position is known, 4 when the lane's key numbers begin with 0 in it, 8 when no later packet names its keys, 16 when it has rows as they are (`row-packet.ts`) |
 * | 8 | first value of the ordered column: i64, u64 or f64 |
 * | 16 | last value of the ordered column |
 * | 24 | f64 row position of the batch in its source |
 * | 32 | u32 bytes of the file name |
 * | 36 | u32 part of the aggregate that it belongs to (`windows/create-windows.ts`) |
 * | 40 | u32 words of 8 bytes that it has in all |
 */
import type { StateArrays } from '../../kernels/aggregate-contract.ts';
import { OVERFLOW_RECORD_BYTES, SUM_STATE_BYTES } from '../../kernels/aggregate-contract.ts';
import type { Ptr } from '../../memory/contract.ts';
import { type LevelPlan, type Need, type StatePlan, TEXT_STATES, type TextStateName } from './state-plan.ts';
import { isFloat } from './value-type.ts';

export const HEADER_BYTES = 64;
export const WORDS_AT = 40;
export const HAS_ROWS = 1;
export const HAS_POSITION = 2;
export const STARTS_KEYS = 4;
export const ENDS_KEYS = 8;
export const AS_ROWS = 16;

/** Texts of groups: where each starts in `bytes`, and how long it is. */
export interface TextArea {
  starts: Ptr;
  lengths: Ptr;
  bytes: Ptr;
}

/** Addresses of one column's states, 0 or undefined where not kept. */
export interface NeedArea {
  /** `first` and `last` of it stay 0: they are row numbers and do not travel. */
  states: StateArrays;
  /** The value itself, `valueBytes` a group. */
  firstValue: Ptr;
  lastValue: Ptr;
  texts: Partial<Record<TextStateName, TextArea>>;
}

export interface RootArea {
  groups: number;
  /** i64 a group. */
  bins: Ptr;
  /** u32 a group: the lane's key id. 0 without keys. */
  keys: Ptr;
  needs: NeedArea[];
  overflows: number;
  /** Overflow records; `which` holds 2 × need + (0 sum, 1 sumSquares). */
  overflow: Ptr;
}

export interface KeyColumnArea {
  codes: number;
  /** Integers: int64. Texts: u32 offsets into `bytes`, one more than codes. */
  values: Ptr;
  bytes: Ptr;
  /** Bitmap; 0 when null is not among the new values. */
  validity: Ptr;
}

export interface PacketLayout {
  bytes: number;
  keyColumns: KeyColumnArea[];
  /** 8 bytes a pair. */
  pairs: { count: number; values: Ptr }[];
  roots: RootArea[];
  fileName: Ptr;
}

/** What varies from packet to packet. Texts are counted in the order of `forEachText`. */
export interface PacketSizes {
  keyColumns: { codes: number; textBytes: number; nulls: number }[];
  pairs: number[];
  roots: { groups: number; overflows: number; textBytes: number[] }[];
  fileNameBytes: number;
}

/** Keys that a packet names. */
export function newKeys({ keyColumns, pairs }: Pick<PacketSizes, 'keyColumns' | 'pairs'>): number {
  return pairs.at(-1) ?? keyColumns[0]?.codes ?? 0;
}

/** Bytes of a sum: i128 or SumState. */
export function sumBytes(need: Need): number {
  return isFloat(need.value.kernel) ? SUM_STATE_BYTES : 16;
}

/** Bytes of a sum of squares: i128 for integers up to 32 bits, else SumState. */
export function squaresBytes(need: Need): number {
  const { kernel } = need.value;
  return isFloat(kernel) || kernel === 'i64' || kernel === 'u64' ? SUM_STATE_BYTES : 16;
}

/** Bytes of a first or last value: those of the column, one for bools. */
export function valueBytes(need: Need): number {
  return Math.max(1, need.value.byteWidth);
}

/** Hands out sections, each 16-byte aligned. */
export class Cursor {
  at: number;
  constructor(at: number) {
    this.at = at;
  }

  take(bytes: number): Ptr {
    const start = this.at;
    this.at = Math.ceil((start + bytes) / 16) * 16;
    return start;
  }

  takeIf(wanted: boolean, bytes: number): Ptr {
    return wanted ? this.take(bytes) : 0;
  }
}

function layOutNeed(need: Need, groups: number, cursor: Cursor): NeedArea {
  const isNumber = need.value.class === 'number';
  const width = valueBytes(need);
  return {
    states: {
      count: cursor.take(8 * groups),
      sum: cursor.takeIf(need.sum, sumBytes(need) * groups),
      sumSquares: cursor.takeIf(need.sumSquares, squaresBytes(need) * groups),
      min: cursor.takeIf(need.min && isNumber, 8 * groups),
      max: cursor.takeIf(need.max && isNumber, 8 * groups),
      first: 0,
      last: 0,
    },
    firstValue: cursor.takeIf(need.first && isNumber, width * groups),
    lastValue: cursor.takeIf(need.last && isNumber, width * groups),
    texts: {},
  };
}

/** The same states from group `from` on. */
export function skipGroups(need: Need, area: NeedArea, from: number): NeedArea {
  const at = (ptr: Ptr, bytes: number): Ptr => (ptr === 0 ? 0 : ptr + bytes * from);
  const { count, sum, sumSquares, min, max } = area.states;
  const width = valueBytes(need);
  const texts: NeedArea['texts'] = {};
  for (const state of TEXT_STATES) {
    const text = area.texts[state];
    if (text !== undefined)
      texts[state] = { starts: text.starts + 4 * from, lengths: text.lengths + 4 * from, bytes: text.bytes };
  }
  return {
    states: {
      count: at(count, 8),
      sum: at(sum, sumBytes(need)),
      sumSquares: at(sumSquares, squaresBytes(need)),
      min: at(min, 8),
      max: at(max, 8),
      first: 0,
      last: 0,
    },
    firstValue: at(area.firstValue, width),
    lastValue: at(area.lastValue, width),
    texts,
  };
}

function layOutRoot(plan: StatePlan, level: LevelPlan, sizes: PacketSizes['roots'][number], cursor: Cursor): RootArea {
  const { groups } = sizes;
  const bins = cursor.take(8 * groups);
  const keys = cursor.takeIf(plan.keys.length > 0, 4 * groups);
  const needs = level.needs.map((need) => layOutNeed(need, groups, cursor));
  for (const [index, { need, state }] of level.texts.entries()) {
    (needs[need] as NeedArea).texts[state] = {
      starts: cursor.take(4 * groups),
      lengths: cursor.take(4 * groups),
      bytes: cursor.take(sizes.textBytes[index] as number),
    };
  }
  return { groups, bins, keys, needs, overflows: sizes.overflows, overflow: 0 };
}

function sizeCount(plan: StatePlan): number {
  const perRoot = plan.roots.map((level) => 2 + level.texts.length);
  return plan.keys.length * 3 + Math.max(0, plan.keys.length - 1) + perRoot.reduce((a, b) => a + b, 0);
}

/** Addresses of the values of key columns. */
export function layOutKeys(plan: StatePlan, sizes: PacketSizes['keyColumns'], cursor: Cursor): KeyColumnArea[] {
  return plan.keys.map(({ value }, index): KeyColumnArea => {
    const { codes, textBytes, nulls } = sizes[index] as PacketSizes['keyColumns'][number];
    const valueBytes = value.class === 'text' ? 4 * (codes + 1) : 8 * codes;
    return {
      codes,
      values: cursor.take(valueBytes),
      bytes: cursor.take(textBytes),
      validity: cursor.takeIf(nulls > 0, (codes + 7) >>> 3),
    };
  });
}

/** Addresses of all sections of a packet that starts at `base`. */
export function layOutPacket(plan: StatePlan, sizes: PacketSizes, base: Ptr): PacketLayout {
  const cursor = new Cursor(base + HEADER_BYTES);
  cursor.take(4 * sizeCount(plan));
  const fileName = cursor.take(sizes.fileNameBytes);
  const keyColumns = layOutKeys(plan, sizes.keyColumns, cursor);
  const pairs = sizes.pairs.map((count) => ({ count, values: cursor.take(8 * count) }));
  const roots = plan.roots.map((level, index) =>
    layOutRoot(plan, level, sizes.roots[index] as PacketSizes['roots'][number], cursor),
  );
  for (const root of roots) root.overflow = cursor.take(root.overflows * OVERFLOW_RECORD_BYTES);
  return { bytes: cursor.at - base, keyColumns, pairs, roots, fileName };
}

/** Of a key or another text, where nothing is known about it. */
export const TEXT_BYTES = 24;

/** Bytes of the packets of so many rows when each is a group of its own, with keys of its own. */
export function mostPacketBytes(plan: StatePlan, rows: number): number {
  const sizes: PacketSizes = {
    fileNameBytes: 0,
    keyColumns: plan.keys.map(({ value }) => ({
      codes: rows,
      textBytes: value.class === 'text' ? rows * TEXT_BYTES : 0,
      nulls: 1,
    })),
    pairs: plan.keys.slice(1).map(() => rows),
    roots: plan.roots.map(({ texts }) => ({
      groups: rows,
      overflows: 0,
      textBytes: texts.map(() => rows * TEXT_BYTES),
    })),
  };
  return layOutPacket(plan, sizes, 0).bytes;
}

/** Writes the sizes behind the header. */
export function writeSizes(u32: Uint32Array, base: Ptr, sizes: PacketSizes): void {
  u32[(base + 32) >>> 2] = sizes.fileNameBytes;
  let at = (base + HEADER_BYTES) >>> 2;
  const put = (value: number): void => {
    u32[at++] = value;
  };
  for (const column of sizes.keyColumns) {
    put(column.codes);
    put(column.textBytes);
    put(column.nulls);
  }
  for (const count of sizes.pairs) put(count);
  for (const root of sizes.roots) {
    put(root.groups);
    put(root.overflows);
    for (const bytes of root.textBytes) put(bytes);
  }
}

/** Reads back what `writeSizes` wrote. */
export function readSizes(u32: Uint32Array, base: Ptr, plan: StatePlan): PacketSizes {
  let at = (base + HEADER_BYTES) >>> 2;
  const next = (): number => u32[at++] as number;
  return {
    fileNameBytes: u32[(base + 32) >>> 2] as number,
    keyColumns: plan.keys.map(() => ({ codes: next(), textBytes: next(), nulls: next() })),
    pairs: plan.keys.slice(1).map(next),
    roots: plan.roots.map((level) => ({ groups: next(), overflows: next(), textBytes: level.texts.map(next) })),
  };
}
