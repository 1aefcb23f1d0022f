/** Variable-length values (utf8, binary) in any layout Arrow has for them, into 32-bit offsets and bytes. */
import type { ForeignField } from './c-data.ts';
import type { Piece } from './copy-column.ts';

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

/** Plain 32-bit layout without nulls in the way: its bytes are one run. */
function isOneRun(piece: Piece, field: ForeignField): boolean {
  return (
    (field.format === 'u' || field.format === 'z') &&
    field.dictionary === undefined &&
    (piece.array.buffers[1] ?? 0) !== 0
  );
}

function runOf(memory: ArrayBuffer, piece: Piece): { offsets: Int32Array; start: number; bytes: number } {
  const offsets = new Int32Array(
    memory,
    (piece.array.buffers[1] ?? 0) + (piece.array.offset + piece.from) * 4,
    piece.rows + 1,
  );
  const start = offsets[0] ?? 0;
  return { offsets, start, bytes: (offsets[piece.rows] ?? 0) - start };
}

/** Bytes that all values of the pieces take together. */
export function textBytes(memory: ArrayBuffer, pieces: readonly Piece[], field: ForeignField): number {
  let total = 0;
  for (const piece of pieces) {
    if (isOneRun(piece, field)) total += runOf(memory, piece).bytes;
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
      const { offsets, start, bytes } = runOf(memory, piece);
      target.bytes.set(
        source.subarray((piece.array.buffers[2] ?? 0) + start, (piece.array.buffers[2] ?? 0) + start + bytes),
        target.values + written,
      );
      const shift = written - start;
      for (let k = 1; k <= piece.rows; k += 1) target.offsets[row + k] = (offsets[k] ?? 0) + shift;
      written += bytes;
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
