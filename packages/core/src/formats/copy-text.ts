/** Variable-length values (utf8, binary) in any layout Arrow has for them, into 32-bit offsets and bytes. */
import type { ForeignField, Piece } from './c-data.ts';

/** Where `copyTexts` writes. `offsets` has room for one more than the rows. */
export interface TextTarget {
  bytes: Uint8Array;
  offsets: Int32Array;
  /** Address of the first value byte. */
  values: number;
}

export function isTextFormat(field: ForeignField): boolean {
  return ['u', 'U', 'vu', 'z', 'Z', 'vz'].includes(field.format) || /^w:\d+$/.test(field.format);
}

/** Takes address and length of a value; nulls have length 0. */
type Visit = (address: number, bytes: number) => void;

/** Calls `visit` for every value of the pieces, in order. */
export function walkTexts(memory: ArrayBuffer, pieces: readonly Piece[], field: ForeignField, visit: Visit): void {
  for (const piece of pieces) {
    if (field.dictionary === undefined) walkPlain(memory, piece, field.format, visit);
    else walkDictionary(memory, piece, field, visit);
  }
}

function validityOf(memory: ArrayBuffer, piece: Piece): (row: number) => boolean {
  const address = piece.array.buffers[0] ?? 0;
  if (address === 0 || piece.array.nullCount === 0) return () => true;
  const bits = new Uint8Array(memory, address);
  return (row) => (((bits[row >>> 3] ?? 0) >> (row & 7)) & 1) === 1;
}

function walkPlain(memory: ArrayBuffer, piece: Piece, format: string, visit: Visit): void {
  const view = new DataView(memory);
  const first = piece.array.offset + piece.from;
  const isThere = validityOf(memory, piece);
  const at = locate(view, piece, format);
  for (let row = first; row < first + piece.rows; row += 1) {
    if (isThere(row)) at(row, visit);
    else visit(0, 0);
  }
}

/** How to find the bytes of row `row` in one layout. */
function locate(view: DataView, piece: Piece, format: string): (row: number, visit: Visit) => void {
  const [, first = 0, second = 0] = piece.array.buffers;
  if (format.startsWith('w:')) {
    const width = Number(format.slice(2));
    return (row, visit) => visit(first + row * width, width);
  }
  if (format.startsWith('v')) {
    return (row, visit) => {
      const view16 = first + row * 16;
      const length = view.getInt32(view16, true);
      if (length <= 12) return visit(view16 + 4, length);
      // Behind the validity and the views come the data buffers, then their sizes.
      const data = piece.array.buffers[2 + view.getInt32(view16 + 8, true)] ?? 0;
      visit(data + view.getInt32(view16 + 12, true), length);
    };
  }
  if (format === 'U' || format === 'Z') {
    return (row, visit) => {
      const start = Number(view.getBigInt64(first + row * 8, true));
      visit(second + start, Number(view.getBigInt64(first + row * 8 + 8, true)) - start);
    };
  }
  return (row, visit) => {
    const start = view.getInt32(first + row * 4, true);
    visit(second + start, view.getInt32(first + row * 4 + 4, true) - start);
  };
}

function walkDictionary(memory: ArrayBuffer, piece: Piece, field: ForeignField, visit: Visit): void {
  const view = new DataView(memory);
  const values = piece.array.dictionary;
  const format = field.dictionary?.format ?? 'u';
  const first = piece.array.offset + piece.from;
  const isThere = validityOf(memory, piece);
  const readCode = codeReader(view, piece.array.buffers[1] ?? 0, field.format);
  if (values === undefined) return;
  const dictionary: Piece = { array: values, from: 0, rows: values.length };
  const isValueThere = validityOf(memory, dictionary);
  const at = locate(view, dictionary, format);
  for (let row = first; row < first + piece.rows; row += 1) {
    const code = isThere(row) ? values.offset + readCode(row) : -1;
    if (code >= 0 && isValueThere(code)) at(code, visit);
    else visit(0, 0);
  }
}

function codeReader(view: DataView, address: number, format: string): (row: number) => number {
  switch (format) {
    case 'c':
      return (row) => view.getInt8(address + row);
    case 'C':
      return (row) => view.getUint8(address + row);
    case 's':
      return (row) => view.getInt16(address + row * 2, true);
    case 'S':
      return (row) => view.getUint16(address + row * 2, true);
    case 'l':
    case 'L':
      return (row) => Number(view.getBigInt64(address + row * 8, true));
    default:
      return (row) => view.getInt32(address + row * 4, true);
  }
}

/** Offsets and bytes: the bytes of a piece are one run, whatever is null. */
function isOneRun(piece: Piece, field: ForeignField): boolean {
  return (
    ['u', 'z', 'U', 'Z'].includes(field.format) && field.dictionary === undefined && (piece.array.buffers[1] ?? 0) !== 0
  );
}

/** The offsets of a piece as words, of which 64-bit ones have two: a 32-bit memory needs only the lower. */
function runOf(
  memory: ArrayBuffer,
  piece: Piece,
  field: ForeignField,
): { words: Int32Array; stride: number; start: number; bytes: number } {
  const stride = field.format === 'U' || field.format === 'Z' ? 2 : 1;
  const first = (piece.array.offset + piece.from) * 4 * stride;
  const words = new Int32Array(memory, (piece.array.buffers[1] ?? 0) + first, (piece.rows + 1) * stride);
  const start = (words[0] as number) >>> 0;
  return { words, stride, start, bytes: ((words[piece.rows * stride] as number) >>> 0) - start };
}

/** @returns bytes written in all */
function copyRun(
  memory: ArrayBuffer,
  piece: Piece,
  field: ForeignField,
  target: TextTarget,
  firstRow: number,
  before: number,
): number {
  const { words, stride, start, bytes } = runOf(memory, piece, field);
  const { offsets } = target;
  target.bytes.set(new Uint8Array(memory, (piece.array.buffers[2] ?? 0) + start, bytes), target.values + before);
  const shift = before - start;
  for (let k = 1; k <= piece.rows; k += 1) offsets[firstRow + k] = (words[k * stride] as number) + shift;
  return before + bytes;
}

/** String views without a dictionary: what the library makes of most files, so they have a loop of their own. */
function isViews(field: ForeignField): boolean {
  return (field.format === 'vu' || field.format === 'vz') && field.dictionary === undefined;
}

function viewBytes(memory: ArrayBuffer, piece: Piece): number {
  const first = piece.array.offset + piece.from;
  const words = new Int32Array(memory, (piece.array.buffers[1] ?? 0) + first * 16, piece.rows * 4);
  const isThere = validityOf(memory, piece);
  const hasNulls = (piece.array.buffers[0] ?? 0) !== 0 && piece.array.nullCount !== 0;
  let total = 0;
  for (let row = 0; row < piece.rows; row += 1)
    if (!hasNulls || isThere(first + row)) total += words[row * 4] as number;
  return total;
}

/** @returns bytes written in all */
function copyViews(memory: ArrayBuffer, piece: Piece, target: TextTarget, firstRow: number, before: number): number {
  const source = new Uint8Array(memory);
  const first = piece.array.offset + piece.from;
  const views = (piece.array.buffers[1] ?? 0) + first * 16;
  const words = new Int32Array(memory, views, piece.rows * 4);
  const isThere = validityOf(memory, piece);
  const hasNulls = (piece.array.buffers[0] ?? 0) !== 0 && piece.array.nullCount !== 0;
  const { bytes: out, offsets, values } = target;
  let written = before;
  for (let row = 0; row < piece.rows; row += 1) {
    if (!hasNulls || isThere(first + row)) {
      const at = row * 4;
      const length = words[at] as number;
      const from =
        length <= 12
          ? views + row * 16 + 4
          : (piece.array.buffers[2 + (words[at + 2] as number)] ?? 0) + (words[at + 3] as number);
      const to = values + written;
      if (length <= 24) for (let k = 0; k < length; k += 1) out[to + k] = source[from + k] as number;
      else out.set(source.subarray(from, from + length), to);
      written += length;
    }
    offsets[firstRow + row + 1] = written;
  }
  return written;
}

/** Bytes that all values of the pieces take together. */
export function textBytes(memory: ArrayBuffer, pieces: readonly Piece[], field: ForeignField): number {
  let total = 0;
  for (const piece of pieces) {
    if (isOneRun(piece, field)) total += runOf(memory, piece, field).bytes;
    else if (isViews(field)) total += viewBytes(memory, piece);
    else walkTexts(memory, [piece], field, (_, bytes) => (total += bytes));
  }
  return total;
}

/** Writes offsets (from 0) and bytes of all values of the pieces. */
export function copyTexts(
  memory: ArrayBuffer,
  pieces: readonly Piece[],
  field: ForeignField,
  target: TextTarget,
): void {
  const source = new Uint8Array(memory);
  let row = 0;
  let written = 0;
  target.offsets[0] = 0;
  for (const piece of pieces) {
    if (isOneRun(piece, field)) {
      written = copyRun(memory, piece, field, target, row, written);
      row += piece.rows;
      continue;
    }
    if (isViews(field)) {
      written = copyViews(memory, piece, target, row, written);
      row += piece.rows;
      continue;
    }
    walkTexts(memory, [piece], field, (address, bytes) => {
      const to = target.values + written;
      // Most texts are short, and a loop beats a call for those.
      if (bytes <= 24) for (let k = 0; k < bytes; k += 1) target.bytes[to + k] = source[address + k] ?? 0;
      else target.bytes.set(source.subarray(address, address + bytes), to);
      written += bytes;
      row += 1;
      target.offsets[row] = written;
    });
  }
}
