/**
 * JavaScript values into a batch, without apache-arrow. Columns whose size depends on their values (text, lists,
 * dictionaries) are prepared first, so that the batch can then be laid out in one slab.
 */
import type { Arena, Ptr } from '../memory/contract.ts';
import { parseType } from '../schema/parse-type.ts';
import type { Fields, ParsedType, TypeText } from '../schema/types.ts';
import { allocBatch, allocColumn, type DraftColumn, finishColumn } from './alloc-batch.ts';
import { fillBits, setBit } from './bitmap.ts';
import type { Batch, Column } from './contract.ts';
import { encodeStrings } from './utf8.ts';
import { countNulls, isNull, type Origin, originsOf, type RowValues, refuseValue } from './value-origin.ts';
import { wholeColumns, wholeToBatch } from './whole-columns.ts';
import { fixedWriter } from './write-values.ts';

/** What is known of a column before the batch is laid out. */
interface Prepared {
  nulls: number;
  bytes?: Uint8Array;
  offsets?: Int32Array;
  codes?: Int32Array;
  child?: Column;
}

function prepareText(origin: Origin, parsed: ParsedType): string[] {
  return Array.from({ length: origin.rows }, (_, row) => {
    const value = origin.get(row);
    if (isNull(value)) return '';
    if (typeof value !== 'string') throw refuseValue(origin, parsed, row, value);
    return value;
  });
}

function prepareBinary(origin: Origin, parsed: ParsedType): { bytes: Uint8Array; offsets: Int32Array } {
  const offsets = new Int32Array(origin.rows + 1);
  for (let row = 0; row < origin.rows; row++) {
    const value = origin.get(row);
    if (!isNull(value) && !(value instanceof Uint8Array)) throw refuseValue(origin, parsed, row, value);
    offsets[row + 1] = (offsets[row] as number) + (isNull(value) ? 0 : value.length);
  }
  const bytes = new Uint8Array(offsets[origin.rows] as number);
  for (let row = 0; row < origin.rows; row++) {
    const value = origin.get(row);
    if (!isNull(value)) bytes.set(value as Uint8Array, offsets[row]);
  }
  return { bytes, offsets };
}

function prepareDictionary(
  arena: Arena,
  owner: number,
  origin: Origin,
  parsed: ParsedType,
  made: Ptr[],
): { codes: Int32Array; child: Column } {
  const codeOf = new Map<string, number>();
  const codes = Int32Array.from({ length: origin.rows }, (_, row) => {
    const value = origin.get(row);
    if (isNull(value)) return 0;
    if (typeof value !== 'string') throw refuseValue(origin, parsed, row, value);
    let code = codeOf.get(value);
    if (code === undefined) codeOf.set(value, (code = codeOf.size));
    return code;
  });
  const texts = [...codeOf.keys()];
  const child = makeColumn(
    arena,
    owner,
    {
      name: origin.name,
      nullable: false,
      type: 'utf8',
      rows: texts.length,
      get: (row) => texts[row],
      place: origin.place,
    },
    made,
  );
  return { codes, child };
}

function prepareList(
  arena: Arena,
  owner: number,
  origin: Origin,
  parsed: ParsedType,
  made: Ptr[],
): { offsets: Int32Array; child: Column } {
  const offsets = new Int32Array(origin.rows + 1);
  const elements: unknown[] = [];
  const places: number[] = [];
  for (let row = 0; row < origin.rows; row++) {
    const value = origin.get(row);
    if (!isNull(value) && !Array.isArray(value) && !ArrayBuffer.isView(value))
      throw refuseValue(origin, parsed, row, value);
    for (const element of (value ?? []) as Iterable<unknown>) {
      elements.push(element);
      places.push(origin.place(row));
    }
    offsets[row + 1] = elements.length;
  }
  const type = parsed.of as TypeText;
  const child = makeColumn(
    arena,
    owner,
    {
      name: origin.name,
      nullable: true,
      type,
      rows: elements.length,
      get: (row) => elements[row],
      place: (row) => places[row] as number,
    },
    made,
  );
  return { offsets, child };
}

function prepare(arena: Arena, owner: number, origin: Origin, made: Ptr[]): Prepared {
  const parsed = parseType(origin.type);
  const nulls = countNulls(origin);
  switch (parsed.physical) {
    case 'variable':
      return {
        nulls,
        ...(parsed.domain === 'utf8' ? encodeStrings(prepareText(origin, parsed)) : prepareBinary(origin, parsed)),
      };
    case 'dictionary':
      return { nulls, ...prepareDictionary(arena, owner, origin, parsed, made) };
    case 'list':
      return { nulls, ...prepareList(arena, owner, origin, parsed, made) };
    default:
      return { nulls };
  }
}

function writeValidity(arena: Arena, origin: Origin, draft: DraftColumn): void {
  fillBits(arena.u8, draft.validity * 8, origin.rows, true);
  for (let row = 0; row < origin.rows; row++)
    if (isNull(origin.get(row))) setBit(arena.u8, draft.validity * 8 + row, false);
}

function writeBits(arena: Arena, origin: Origin, draft: DraftColumn, parsed: ParsedType): void {
  fillBits(arena.u8, draft.values * 8, origin.rows, false);
  for (let row = 0; row < origin.rows; row++) {
    const value = origin.get(row);
    if (isNull(value)) continue;
    if (typeof value !== 'boolean') throw refuseValue(origin, parsed, row, value);
    if (value) setBit(arena.u8, draft.values * 8 + row, true);
  }
}

function writeFixed(arena: Arena, origin: Origin, draft: DraftColumn, parsed: ParsedType): void {
  const target = arena.bytesAt(draft.values, origin.rows * parsed.byteWidth);
  if (origin.whole !== undefined) return target.set(origin.whole);
  const write = fixedWriter(parsed, target);
  for (let row = 0; row < origin.rows; row++) {
    const value = origin.get(row);
    // Slots of nulls are zeroed, so that equal input gives equal bytes.
    if (isNull(value)) target.fill(0, row * parsed.byteWidth, (row + 1) * parsed.byteWidth);
    else if (!write(row, value)) throw refuseValue(origin, parsed, row, value);
  }
}

function fill(arena: Arena, origin: Origin, prepared: Prepared, draft: DraftColumn): void {
  const parsed = parseType(origin.type);
  draft.nullCount = prepared.nulls;
  draft.child = prepared.child;
  if (prepared.nulls > 0) writeValidity(arena, origin, draft);
  if (prepared.offsets !== undefined) arena.i32.set(prepared.offsets, draft.offsets >>> 2);
  if (prepared.bytes !== undefined) arena.u8.set(prepared.bytes, draft.values);
  if (prepared.codes !== undefined) arena.i32.set(prepared.codes, draft.values >>> 2);
  if (parsed.physical === 'bits') writeBits(arena, origin, draft, parsed);
  if (parsed.physical === 'fixed') writeFixed(arena, origin, draft, parsed);
}

/** A free-standing column; its slab is added to `made`. */
function makeColumn(arena: Arena, owner: number, origin: Origin, made: Ptr[]): Column {
  const prepared = prepare(arena, owner, origin, made);
  const { column, slab } = allocColumn(arena, owner, origin.type, origin.rows, {
    variableBytes: prepared.bytes?.length ?? 0,
    validity: prepared.nulls > 0,
  });
  made.push(slab);
  fill(arena, origin, prepared, column);
  return finishColumn(arena, column, origin.rows, slab);
}

/**
 * A batch from JavaScript values. `null` and `undefined` are null; numbers and bigints for dates, times and durations are
 * in the unit of the type, `Date` and ISO text (UTC unless it has an offset) are converted exactly.
 * @throws ERR_VALUE naming row, column, value and what was expected; ERR_COLUMN_UNKNOWN for a name that is no column.
 * @throws ERR_MEMORY_EXHAUSTED
 */
export function rowsToBatch(arena: Arena, owner: number, fields: Fields, values: RowValues, inputs = 1): Batch {
  const whole = Array.isArray(values) ? undefined : wholeColumns(fields, values as Readonly<Record<string, unknown>>);
  if (whole !== undefined) return wholeToBatch(arena, owner, fields, whole, inputs);
  const origins = originsOf(fields, values);
  const rows = origins[0]?.rows ?? 0;
  const made: Ptr[] = [];
  try {
    const prepared = origins.map((origin) => prepare(arena, owner, origin, made));
    const draft = allocBatch(arena, owner, fields, rows, {
      variableBytes: prepared.map((column) => column.bytes?.length ?? 0),
      validity: prepared.map((column) => column.nulls > 0),
    });
    try {
      origins.forEach((origin, index) =>
        fill(arena, origin, prepared[index] as Prepared, draft.columns[index] as DraftColumn),
      );
    } catch (error) {
      draft.discard();
      throw error;
    }
    return draft.finish(rows, inputs);
  } finally {
    for (const slab of made) arena.release(slab);
  }
}
