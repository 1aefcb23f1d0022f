/** Dictionary columns: as plain texts, made from plain texts, and functions of a text computed once for each distinct one. */
import type { Column } from '../batch/contract.ts';
import { TAKE_NOTHING } from '../kernels/vector-contract.ts';
import type { Ptr } from '../memory/contract.ts';
import { parseType } from '../schema/parse-type.ts';
import type { TypeText } from '../schema/types.ts';
import { bitmapBytes } from './bitmap.ts';
import { bytesOfArena, type Frame } from './frame.ts';

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

/** A utf8 column with a dictionary, in order of first appearance. Consumes the column. */
export function encodeDictionary(frame: Frame, texts: Column): Column {
  const rows = texts.length;
  const bytes = bytesOfArena(frame.arena);
  const offsets = new Int32Array(frame.arena.buffer, texts.offsets, rows + 1);
  const out = frame.allocate('dictionary<utf8>' satisfies TypeText, rows, rows * 4, texts.validity !== 0);
  frame.copyValidity(out, texts);
  const codes = new Int32Array(frame.arena.buffer, out.values, rows);
  const codeOf = new Map<string, number>();
  const entries: [start: number, end: number][] = [];
  for (let row = 0; row < rows; row++) {
    const start = texts.values + (offsets[row] as number);
    const end = texts.values + (offsets[row + 1] as number);
    const text = bytes.toString('latin1', start, end); // bytes as a key: cheaper than decoding, and as exact
    let code = codeOf.get(text);
    if (code === undefined) {
      code = entries.length;
      codeOf.set(text, code);
      entries.push([start, end]);
    }
    codes[row] = code;
  }
  frame.adopt(out, entriesColumn(frame, entries));
  frame.drop(texts);
  return out;
}

function entriesColumn(frame: Frame, entries: readonly [start: number, end: number][]): Column {
  const total = entries.reduce((sum, [start, end]) => sum + end - start, 0);
  const column = frame.allocate('utf8', entries.length, total, false, true);
  const offsets = new Int32Array(frame.arena.buffer, column.offsets, entries.length + 1);
  offsets[0] = 0;
  entries.forEach(([start, end], index) => {
    const at = offsets[index] as number;
    frame.arena.u8.copyWithin(column.values + at, start, end);
    offsets[index + 1] = at + end - start;
  });
  return column;
}
