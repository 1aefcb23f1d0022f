/** Dictionary columns: as plain texts, made from plain texts, and functions of a text computed once for each distinct one. */
import type { Column } from '../batch/contract.ts';
import { KeyTable } from '../kernels/key-table.ts';
import { TAKE_NOTHING } from '../kernels/vector-contract.ts';
import type { Ptr } from '../memory/contract.ts';
import { parseType } from '../schema/parse-type.ts';
import { bitmapBytes } from './bitmap.ts';
import type { Frame } from './frame.ts';

/** Calls `use` with codes that are safe to follow: those under nulls are arbitrary, and take nothing here. */
function withSafeCodes<T>(frame: Frame, column: Column, use: (codes: Ptr) => T): T {
  if (column.validity === 0) return use(column.values);
  const safe = frame.allocate('uint32', column.length + 1, (column.length + 1) * 4, false);
  const nothing = safe.values + column.length * 4;
  frame.arena.i32[nothing >>> 2] = TAKE_NOTHING;
  frame.kernels.choose(
    4,
    column.validity,
    { ptr: column.values, isScalar: false },
    { ptr: nothing, isScalar: true },
    column.length,
    safe.values,
  );
  const result = use(safe.values);
  frame.drop(safe);
  return result;
}

/** A dictionary column as utf8; other columns as they are. Consumes the column. */
export function decodeDictionary(frame: Frame, column: Column): Column {
  const { child } = column;
  if (child === undefined || column.type !== 'dictionary<utf8>') return column;
  const rows = column.length;
  const out = withSafeCodes(frame, column, (codes) => {
    const bytes = frame.kernels.takeVariableBytes(child.offsets, codes, rows);
    const texts = frame.allocate('utf8', rows, bytes, column.validity !== 0 || child.validity !== 0, true);
    frame.kernels.takeVariable(child.offsets, child.values, codes, rows, texts.offsets, texts.values);
    codedValidity(frame, column, child, codes, texts);
    return texts;
  });
  frame.drop(column);
  return out;
}

/** Null where the code is null or names a null entry. */
function codedValidity(
  frame: Frame,
  column: Column,
  entries: Column,
  codes: Ptr,
  out: ReturnType<Frame['allocate']>,
): void {
  if (entries.validity === 0) return frame.copyValidity(out, column);
  frame.kernels.takeBits(entries.validity, codes, column.length, out.validity);
  if (column.validity !== 0) frame.kernels.bitmap('and', out.validity, column.validity, column.length, out.validity);
  frame.countNulls(out);
}

/**
 * Applies a function of texts to a text column and consumes it. `apply` gets a utf8 column that it must not drop, and gives a
 * bool or fixed-width column of the same length; for a dictionary with fewer entries than rows it gets the entries alone.
 */
export function takeByCode(frame: Frame, column: Column, apply: (texts: Column) => Column): Column {
  const entries = column.type === 'dictionary<utf8>' ? column.child : undefined;
  if (entries === undefined || entries.length > column.length) {
    const texts = decodeDictionary(frame, column);
    const result = apply(texts);
    frame.drop(texts);
    return result;
  }
  const values = apply(entries);
  const { physical, byteWidth } = parseType(values.type);
  const rows = column.length;
  const hasValidity = column.validity !== 0 || values.validity !== 0;
  const out = frame.allocate(
    values.type,
    rows,
    physical === 'bits' ? bitmapBytes(rows) : rows * byteWidth,
    hasValidity,
  );
  withSafeCodes(frame, column, (codes) => {
    if (physical === 'bits') frame.kernels.takeBits(values.values, codes, rows, out.values);
    else frame.kernels.take(byteWidth, values.values, codes, rows, out.values);
    codedValidity(frame, column, values, codes, out);
  });
  frame.drop(values, column);
  return out;
}

/** A utf8 column with a dictionary, in order of first appearance (null, if there is one, has an empty entry). Consumes the column. */
export function encodeDictionary(frame: Frame, texts: Column): Column {
  const out = frame.allocate('dictionary<utf8>', texts.length, texts.length * 4, texts.validity !== 0);
  frame.copyValidity(out, texts);
  const table = new KeyTable(frame.arena, frame.kernels, frame.owner, true);
  try {
    table.encodeText(texts.offsets, texts.values, texts.validity, texts.length, out.values);
    frame.adopt(out, entriesOf(frame, table));
  } finally {
    table.release();
  }
  frame.drop(texts);
  return out;
}

/** The texts of a key table as a column. */
function entriesOf(frame: Frame, table: KeyTable): Column {
  const { arena } = frame;
  const offsets = new Int32Array(arena.buffer, table.keys, table.size + 1);
  const bytes = table.size === 0 ? 0 : (offsets[table.size] as number);
  const column = frame.allocate('utf8', table.size, bytes, false, true);
  const copied = new Int32Array(arena.buffer, column.offsets, table.size + 1);
  if (table.size === 0) copied[0] = 0;
  else copied.set(offsets);
  arena.u8.copyWithin(column.values, table.bytes, table.bytes + bytes);
  return column;
}
