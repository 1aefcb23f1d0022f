/**
 * Copies a decoded column out of the Parquet library's memory into an arena slab: one copy, in Arrow's plain layout,
 * starting at row 0, from any number of pieces of decoded batches. The library hands over whatever layout suited it
 * (offsets of 64 bits, string views, dictionaries, bitmaps that start inside a byte); the engine knows one for each type.
 */
import { copyBits, countSetBits, fillBits } from '../batch/bitmap.ts';
import type { Column } from '../batch/contract.ts';
import { PipelineError } from '../errors.ts';
import type { Arena, Ptr } from '../memory/contract.ts';
import { parseType } from '../schema/parse-type.ts';
import type { ParsedType, TypeText } from '../schema/types.ts';
import type { ForeignArray, ForeignField, Piece } from './c-data.ts';
import { chooseFixedCopy, type FixedCopy } from './copy-fixed.ts';
import { copyTexts, isTextFormat, textBytes, walkTexts } from './copy-text.ts';

/** What a copy needs to know besides the pieces. */
export interface CopyTarget {
  arena: Arena;
  owner: number;
  /** The library's memory; valid until its next call. */
  memory: ArrayBuffer;
  /** Every slab allocated so far: the caller releases them, after the batch has been made or has failed. */
  slabs: Ptr[];
}

const align = (bytes: number): number => (bytes + 63) & ~63;

/** Where the buffers of one column lie inside its one slab. */
interface Slab {
  start: Ptr;
  validity: Ptr;
  nullCount: number;
  offsets: Ptr;
  values: Ptr;
}

function countRows(pieces: readonly Piece[]): number {
  return pieces.reduce((sum, piece) => sum + piece.rows, 0);
}

/** Allocates [validity][offsets][values] and fills the validity. */
function allocate(
  target: CopyTarget,
  pieces: readonly Piece[],
  rows: number,
  offsetCount: number,
  valueBytes: number,
): Slab {
  const mayBeNull = pieces.some((piece) => piece.array.nullCount !== 0 && (piece.array.buffers[0] ?? 0) !== 0);
  const validityBytes = mayBeNull ? align((rows + 7) >>> 3) : 0;
  const offsetBytes = align(offsetCount * 4);
  const start = target.arena.alloc(Math.max(1, validityBytes + offsetBytes + align(valueBytes)), target.owner);
  target.slabs.push(start);
  const nullCount = mayBeNull ? fillValidity(target, pieces, start, rows) : 0;
  return {
    start,
    validity: nullCount === 0 ? 0 : start,
    nullCount,
    offsets: offsetCount === 0 ? 0 : start + validityBytes,
    values: start + validityBytes + offsetBytes,
  };
}

function fillValidity(target: CopyTarget, pieces: readonly Piece[], start: Ptr, rows: number): number {
  const source = new Uint8Array(target.memory);
  const bits = target.arena.u8.subarray(start, start + ((rows + 7) >>> 3));
  bits.fill(0);
  let row = 0;
  for (const { array, from, rows: count } of pieces) {
    const address = array.buffers[0] ?? 0;
    if (address === 0) fillBits(bits, row, count, true);
    else copyBits(source.subarray(address), array.offset + from, bits, row, count);
    row += count;
  }
  return rows - countSetBits(bits, 0, rows);
}

function columnOf(type: TypeText, rows: number, slab: Slab, valueBytes: number, child?: Column): Column {
  return {
    type,
    length: rows,
    nullCount: slab.nullCount,
    validity: slab.validity,
    offsets: slab.offsets,
    values: slab.values,
    valueBytes,
    child,
    slabs: [slab.start],
  };
}

function copyBools(target: CopyTarget, pieces: readonly Piece[], rows: number): Column {
  const bytes = (rows + 7) >>> 3;
  const slab = allocate(target, pieces, rows, 0, bytes);
  const source = new Uint8Array(target.memory);
  const bits = target.arena.u8.subarray(slab.values, slab.values + bytes);
  bits.fill(0);
  let row = 0;
  for (const { array, from, rows: count } of pieces) {
    copyBits(source.subarray(array.buffers[1] ?? 0), array.offset + from, bits, row, count);
    row += count;
  }
  return columnOf('bool', rows, slab, bytes);
}

function copyFixed(
  target: CopyTarget,
  pieces: readonly Piece[],
  rows: number,
  type: ParsedType,
  field: ForeignField,
): Column {
  const copy = chooseFixedCopy(field.format, type);
  if (copy === undefined) throw unsupported(type.text, field);
  const slab = allocate(target, pieces, rows, 0, rows * type.byteWidth);
  copyPieces(target, pieces, copy, slab.values, type.byteWidth);
  return columnOf(type.text, rows, slab, rows * type.byteWidth);
}

/** Copies the values of the pieces one behind the other, from the address `at` on. */
function copyPieces(target: CopyTarget, pieces: readonly Piece[], copy: FixedCopy, at: Ptr, width: number): void {
  let toByte = at;
  for (const { array, from, rows } of pieces) {
    const [fromByte, first] = [array.buffers[1] ?? 0, array.offset + from];
    const isNull = nullTest(target, array, from);
    copy({ from: target.memory, fromByte, first, to: target.arena.buffer, toByte, rows, isNull });
    toByte += rows * width;
  }
}

/** Tells which rows of a piece are null, for conversions that must not judge the bytes under a null. */
function nullTest(target: CopyTarget, array: ForeignArray, from: number): (row: number) => boolean {
  const address = array.buffers[0] ?? 0;
  if (address === 0 || array.nullCount === 0) return () => false;
  const bits = new Uint8Array(target.memory, address);
  const first = array.offset + from;
  return (row) => (((bits[(first + row) >>> 3] ?? 0) >> ((first + row) & 7)) & 1) === 0;
}

function copyVariable(
  target: CopyTarget,
  pieces: readonly Piece[],
  rows: number,
  type: TypeText,
  field: ForeignField,
): Column {
  const bytes = textBytes(target.memory, pieces, field);
  if (bytes > 0x7fff_ffff) {
    throw new PipelineError('ERR_MEMORY_EXHAUSTED', `${rows} values of column "${field.name}" take ${bytes} bytes`, {
      column: field.name,
      hint: 'a batch carries at most 2 GiB of one column: use a smaller batchRows',
    });
  }
  const slab = allocate(target, pieces, rows, rows + 1, bytes);
  copyTexts(target.memory, pieces, field, {
    bytes: target.arena.u8,
    offsets: new Int32Array(target.arena.buffer, slab.offsets, rows + 1),
    values: slab.values,
  });
  return columnOf(type, rows, slab, bytes);
}

/** A dictionary column with 32-bit codes. Pieces of one row group share the dictionary; others are put one behind the other. */
function copyDictionary(target: CopyTarget, pieces: readonly Piece[], rows: number, field: ForeignField): Column {
  const values = field.dictionary;
  const copyCodes = chooseFixedCopy(field.format, parseType('int32'));
  if (values === undefined || !isTextFormat(values) || copyCodes === undefined)
    throw unsupported('dictionary<utf8>', field);
  const dictionaries: Piece[] = [];
  const starts: number[] = [];
  const known = new Map<string, number>();
  let size = 0;
  for (const { array } of pieces) {
    const dictionary = array.dictionary ?? {
      length: 0,
      nullCount: 0,
      offset: 0,
      buffers: [],
      children: [],
      dictionary: undefined,
    };
    const identity = `${dictionary.buffers.join()}+${dictionary.offset}+${dictionary.length}`;
    const start = known.get(identity) ?? size;
    if (start === size && !known.has(identity)) {
      known.set(identity, size);
      dictionaries.push({ array: dictionary, from: 0, rows: dictionary.length });
      size += dictionary.length;
    }
    starts.push(start);
  }
  const child = copyVariable(target, dictionaries, size, 'utf8', values);
  const slab = allocate(target, pieces, rows, 0, rows * 4);
  const codes = new Int32Array(target.arena.buffer, slab.values, rows);
  copyPieces(target, pieces, copyCodes, slab.values, 4);
  let row = 0;
  pieces.forEach(({ rows: count }, i) => {
    const start = starts[i] ?? 0;
    if (start > 0) for (let k = 0; k < count; k += 1) codes[row + k] = (codes[row + k] ?? 0) + start;
    row += count;
  });
  return columnOf('dictionary<utf8>', rows, slab, rows * 4, child);
}

/** Plain texts as a dictionary column: each text once, in the order of first use. */
function encodeDictionary(target: CopyTarget, pieces: readonly Piece[], rows: number, field: ForeignField): Column {
  const slab = allocate(target, pieces, rows, 0, rows * 4);
  const codes = new Int32Array(target.arena.buffer, slab.values, rows);
  const known = new Map<string, number>();
  const entries: { address: number; bytes: number }[] = [];
  let row = 0;
  let total = 0;
  walkTexts(target.memory, pieces, field, (address, bytes) => {
    // As bytes, one letter each: equal exactly where the texts are.
    const text = Buffer.from(target.memory, address, bytes).toString('latin1');
    let code = known.get(text);
    if (code === undefined) {
      code = known.size;
      known.set(text, code);
      entries.push({ address, bytes });
      total += bytes;
    }
    codes[row] = code;
    row += 1;
  });
  const values = allocate(target, [], entries.length, entries.length + 1, total);
  const offsets = new Int32Array(target.arena.buffer, values.offsets, entries.length + 1);
  let written = 0;
  entries.forEach(({ address, bytes }, i) => {
    offsets[i] = written;
    target.arena.u8.set(new Uint8Array(target.memory, address, bytes), values.values + written);
    written += bytes;
  });
  offsets[entries.length] = written;
  const child = columnOf('utf8', entries.length, values, total);
  return columnOf('dictionary<utf8>', rows, slab, rows * 4, child);
}

/** Bytes of one length that a file holds as bytes of any length. */
function copyToFixed(
  target: CopyTarget,
  pieces: readonly Piece[],
  rows: number,
  type: ParsedType,
  field: ForeignField,
): Column {
  const width = type.byteWidth;
  const slab = allocate(target, pieces, rows, 0, rows * width);
  const out = target.arena.u8.subarray(slab.values, slab.values + rows * width);
  out.fill(0);
  let row = 0;
  walkTexts(target.memory, pieces, field, (address, bytes) => {
    if (bytes !== width && bytes !== 0) {
      throw new PipelineError('ERR_VALUE', `column "${field.name}" has a value of ${bytes} bytes`, {
        column: field.name,
        expected: type.text,
        hint: 'something else wrote rows into this dataset: restore them, or read the column as binary',
      });
    }
    out.set(new Uint8Array(target.memory, address, bytes), row * width);
    row += 1;
  });
  return columnOf(type.text, rows, slab, rows * width);
}

function copyList(
  target: CopyTarget,
  pieces: readonly Piece[],
  rows: number,
  type: ParsedType,
  field: ForeignField,
): Column {
  const element = field.children[0];
  const isLarge = field.format === '+L';
  if (element === undefined || type.of === undefined || (field.format !== '+l' && !isLarge))
    throw unsupported(type.text, field);
  const elements: Piece[] = [];
  const slab = allocate(target, pieces, rows, rows + 1, 0);
  const offsets = new Int32Array(target.arena.buffer, slab.offsets, rows + 1);
  let row = 0;
  let written = 0;
  offsets[0] = 0;
  for (const { array, from, rows: count } of pieces) {
    const read = offsetReader(target.memory, array.buffers[1] ?? 0, isLarge);
    const first = read(array.offset + from);
    for (let k = 1; k <= count; k += 1) offsets[row + k] = written + read(array.offset + from + k) - first;
    const taken = read(array.offset + from + count) - first;
    const child = array.children[0];
    if (child !== undefined && taken > 0) elements.push({ array: child, from: first, rows: taken });
    written += taken;
    row += count;
  }
  const child = copyColumn(target, elements, type.of as TypeText, element);
  return columnOf(type.text, rows, slab, 0, child);
}

function offsetReader(memory: ArrayBuffer, address: number, isLarge: boolean): (index: number) => number {
  const view = new DataView(memory);
  if (address === 0) return () => 0;
  return isLarge ? (i) => Number(view.getBigInt64(address + i * 8, true)) : (i) => view.getInt32(address + i * 4, true);
}

function unsupported(type: string, field: ForeignField): PipelineError {
  return new PipelineError(
    'ERR_TYPE_UNSUPPORTED',
    `column "${field.name}" was decoded as "${field.format}", which does not become ${type}`,
    {
      column: field.name,
      expected: type,
      hint: 'leave the column out, or write the file with a plain type',
    },
  );
}

/**
 * One column of the pieces, in a slab of its own, which is added to `target.slabs`.
 * @throws ERR_TYPE_UNSUPPORTED, ERR_VALUE, ERR_MEMORY_EXHAUSTED
 */
export function copyColumn(target: CopyTarget, pieces: readonly Piece[], type: TypeText, field: ForeignField): Column {
  const parsed = parseType(type);
  const rows = countRows(pieces);
  switch (parsed.physical) {
    case 'bits':
      if (field.format !== 'b') throw unsupported(type, field);
      return copyBools(target, pieces, rows);
    case 'fixed':
      if (type.startsWith('fixed[') && ['z', 'Z', 'vz'].includes(field.format))
        return copyToFixed(target, pieces, rows, parsed, field);
      return copyFixed(target, pieces, rows, parsed, field);
    case 'variable':
      if (!isTextFormat(field.dictionary ?? field)) throw unsupported(type, field);
      return copyVariable(target, pieces, rows, type, field);
    case 'dictionary':
      if (field.dictionary === undefined && isTextFormat(field)) return encodeDictionary(target, pieces, rows, field);
      return copyDictionary(target, pieces, rows, field);
    default:
      return copyList(target, pieces, rows, parsed, field);
  }
}
