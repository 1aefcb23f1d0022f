/**
 * Reading apache-arrow's `Data` of one column, whatever its offsets, index widths and 64-bit offsets, into the form in
 * which we write columns. Foreign data is not trusted: indices and offsets are checked against what they point into.
 */
import type * as Arrow from 'apache-arrow';
import { PipelineError } from '../errors.ts';
import { ArrowTypeId } from '../schema/arrow-schema.ts';
import { parseType } from '../schema/parse-type.ts';
import type { TypeText } from '../schema/types.ts';
import { copyBits, countSetBits, fillBits, isBitSet } from './bitmap.ts';
import type { PlainColumn } from './plain-batch.ts';
import { encodeStrings } from './utf8.ts';

interface Range {
  from: number;
  rows: number;
}

function malformed(column: string, what: string): PipelineError {
  return new PipelineError('ERR_VALUE', `column "${column}": ${what}`, {
    column,
    hint: "the Arrow data is malformed; build it with apache-arrow's own builders",
  });
}

function bytesOf(view: ArrayBufferView): Uint8Array {
  return new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
}

/** Validity of a range with its nulls counted; nothing when no row is null. */
function readValidity(data: Arrow.Data, { from, rows }: Range): { nullCount: number; validity?: Uint8Array } {
  const bitmap = data.nullBitmap as Uint8Array | undefined;
  if (data.nullCount === 0 || bitmap === undefined || bitmap.length === 0) return { nullCount: 0 };
  const bit = data.offset + from;
  const nullCount = rows - countSetBits(bitmap, bit, rows);
  if (nullCount === 0) return { nullCount: 0 };
  const validity = new Uint8Array(Math.ceil(rows / 8));
  copyBits(bitmap, bit, validity, 0, rows);
  return { nullCount, validity };
}

function readOffsets(
  column: string,
  data: Arrow.Data,
  { from, rows }: Range,
  most: number,
): { offsets: Int32Array; first: number; last: number } {
  const source = data.valueOffsets as Int32Array | BigInt64Array | undefined;
  const offsets = new Int32Array(rows + 1);
  if (rows === 0 || source === undefined) return { offsets, first: 0, last: 0 };
  if (source.length < from + rows + 1) throw malformed(column, `${source.length} offsets for ${from + rows} rows`);
  const first = Number(source[from]);
  let before = first;
  for (let row = 0; row <= rows; row++) {
    const at = Number(source[from + row]);
    if (!(at >= before && at <= most))
      throw malformed(column, `offset ${at} of row ${from + row} is out of order or past the ${most} there are`);
    before = at;
    offsets[row] = at - first;
  }
  if (before - first > 2 ** 31 - 1) throw malformed(column, 'more than 2 GiB of values in one batch');
  return { offsets, first, last: before };
}

function readFixed(column: string, data: Arrow.Data, { from, rows }: Range, byteWidth: number): Uint8Array {
  const bytes = bytesOf(data.values as ArrayBufferView);
  if (bytes.length < (from + rows) * byteWidth)
    throw malformed(column, `${bytes.length} bytes for ${from + rows} rows of ${byteWidth}`);
  return bytes.subarray(from * byteWidth, (from + rows) * byteWidth);
}

function readBits(data: Arrow.Data, { from, rows }: Range): Uint8Array {
  const bits = new Uint8Array(Math.ceil(rows / 8));
  copyBits(data.values as Uint8Array, data.offset + from, bits, 0, rows);
  return bits;
}

/** Value by value, for what has no buffers of our layout: string views, dictionaries in several chunks. */
function readTexts(
  arrowVector: (data: Arrow.Data) => Arrow.Vector,
  data: Arrow.Data,
  { from, rows }: Range,
): (string | Uint8Array | null)[] {
  const vector = arrowVector(data);
  return Array.from({ length: rows }, (_, row) => vector.get(from + row) as string | Uint8Array | null);
}

function validityOf(values: readonly unknown[]): { nullCount: number; validity?: Uint8Array } {
  const nullCount = values.reduce<number>((count, value) => count + (value === null || value === undefined ? 1 : 0), 0);
  if (nullCount === 0) return { nullCount };
  const validity = new Uint8Array(Math.ceil(values.length / 8));
  values.forEach((value, row) => fillBits(validity, row, 1, value !== null && value !== undefined));
  return { nullCount, validity };
}

function fromTexts(type: TypeText, values: readonly (string | Uint8Array | null)[]): PlainColumn {
  const base = { type, length: values.length, ...validityOf(values) };
  if (type === 'utf8') {
    const { bytes, offsets } = encodeStrings(values.map((value) => (value ?? '') as string));
    return { ...base, offsets, values: bytes };
  }
  if (type === 'dictionary<utf8>') {
    const codeOf = new Map<string, number>();
    const codes = Int32Array.from(values, (value) => {
      if (value === null) return 0;
      const known = codeOf.get(value as string) ?? codeOf.size;
      codeOf.set(value as string, known);
      return known;
    });
    return { ...base, values: bytesOf(codes), child: fromTexts('utf8', [...codeOf.keys()]) };
  }
  const parts = values.map((value) => (value ?? new Uint8Array(0)) as Uint8Array);
  const offsets = new Int32Array(parts.length + 1);
  parts.forEach((part, row) => {
    offsets[row + 1] = (offsets[row] as number) + part.length;
  });
  return { ...base, offsets, values: Buffer.concat(parts) };
}

function readCodes(column: string, data: Arrow.Data, { from, rows }: Range, dictionaryLength: number): Int32Array {
  const source = data.values as ArrayLike<number | bigint>;
  const bitmap = data.nullCount > 0 ? (data.nullBitmap as Uint8Array) : undefined;
  return Int32Array.from({ length: rows }, (_, row) => {
    if (bitmap !== undefined && !isBitSet(bitmap, data.offset + from + row)) return 0;
    const code = Number(source[from + row]);
    if (!(code >= 0 && code < dictionaryLength))
      throw malformed(column, `code ${code} of row ${from + row} is outside the dictionary of ${dictionaryLength}`);
    return code;
  });
}

/** How columns are read; the module is needed for vectors only. */
export class ArrowColumnReader {
  readonly #toVector: (data: Arrow.Data) => Arrow.Vector;
  /** Dictionaries read before: pieces of a batch, and batches of a stream, share them. */
  readonly #dictionaries = new WeakMap<object, PlainColumn>();

  constructor(toVector: (data: Arrow.Data) => Arrow.Vector) {
    this.#toVector = toVector;
  }

  /** Rows of one column as `type`, which has to be what the data is, or text where it is text of another form. */
  read(column: string, data: Arrow.Data, type: TypeText, range: Range): PlainColumn {
    const { physical, byteWidth } = parseType(type);
    const { typeId } = data.type as { typeId: number };
    const isPlainText =
      typeId === ArrowTypeId.utf8 ||
      typeId === ArrowTypeId.largeUtf8 ||
      typeId === ArrowTypeId.binary ||
      typeId === ArrowTypeId.largeBinary;
    if (physical === 'variable' && !isPlainText) return fromTexts(type, readTexts(this.#toVector, data, range));
    if (physical === 'dictionary') return this.#readDictionary(column, data, type, range);
    const base = { type, length: range.rows, ...readValidity(data, range) };
    if (physical === 'bits') return { ...base, values: readBits(data, range) };
    if (physical === 'fixed') return { ...base, values: readFixed(column, data, range, byteWidth) };
    if (physical === 'list') return this.#readList(column, data, base, range);
    const bytes = bytesOf((data.values ?? new Uint8Array(0)) as ArrayBufferView);
    const { offsets, first, last } = readOffsets(column, data, range, bytes.length);
    return { ...base, offsets, values: bytes.subarray(first, last) };
  }

  #readList(column: string, data: Arrow.Data, base: Omit<PlainColumn, 'values'>, range: Range): PlainColumn {
    const child = data.children[0] as Arrow.Data;
    const { offsets, first, last } = readOffsets(column, data, range, child.length);
    const of = parseType(base.type).of as TypeText;
    return {
      ...base,
      offsets,
      values: new Uint8Array(0),
      child: this.read(column, child, of, { from: first, rows: last - first }),
    };
  }

  #readDictionary(column: string, data: Arrow.Data, type: TypeText, range: Range): PlainColumn {
    const chunks = data.dictionary?.data as readonly Arrow.Data[] | undefined;
    const values = chunks?.[0];
    if (chunks?.length !== 1 || values === undefined || values.nullCount > 0)
      return fromTexts(type, readTexts(this.#toVector, data, range));
    let child = this.#dictionaries.get(values);
    if (child === undefined)
      this.#dictionaries.set(values, (child = this.read(column, values, 'utf8', { from: 0, rows: values.length })));
    const codes = readCodes(column, data, range, child.length);
    return { type, length: range.rows, ...readValidity(data, range), values: bytesOf(codes), child };
  }
}
