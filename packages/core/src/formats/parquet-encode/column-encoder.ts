/**
 * One column of a file being written: rows are gathered until they are a page, and pages are encoded as their chunk's first one
 * suggests. A dictionary that becomes too large is left as it is; the pages behind do without it.
 */
import type { Ptr } from '../../memory/contract.ts';
import type { IpcColumn } from '../ipc-columns.ts';
import { type BoundBytes, ChunkBounds } from './chunk-bounds.ts';
import type { NativeCodec } from './encodable.ts';
import type { EncoderMemory, EncoderRegion } from './encoder-memory.ts';
import type { HeldColumn, HeldPages } from './held-pages.ts';
import { ENCODINGS, PageWriter } from './page-writer.ts';
import type { PhysicalColumn } from './physical-column.ts';
import { StagedValues, type Texts } from './staged-values.ts';
import { ValueDictionary } from './value-dictionary.ts';
import { type DirectEncoding, deltaBits, deltaRoom, deltasPay, dictionaryPays } from './value-encoding.ts';

/** Bytes of texts from which on a page is closed. */
const PAGE_TEXT_BYTES: number = 1024 * 1024;
/** Values that tell whether others are looked up: twice as many as a dictionary holds, drawn at random, would give so many different ones. */
const FIRST_VALUES = 8192;
const MOST_DIFFERENT = 0.98;
/** Streams of bytes are slower to read, so they have to save this part. */
const STREAMS_PART = 0.9;

/** A column chunk whose pages are all there. The dictionary goes first. */
export interface EncodedChunk {
  dictionary: HeldColumn | undefined;
  pages: HeldColumn;
  /** Number of the codec. */
  codec: number;
  encodings: number[];
  values: number;
  nulls: number;
  uncompressedBytes: number;
  bounds: BoundBytes | undefined;
}

export interface ColumnEncoderParts {
  memory: EncoderMemory;
  held: HeldPages;
  column: PhysicalColumn;
  codec: NativeCodec;
  /** Values ascend. */
  isOrdered: boolean;
  /** Rows that a chunk may have. */
  chunkRows: number;
}

export class ColumnEncoder {
  readonly #parts: ColumnEncoderParts;
  readonly #staged: StagedValues;
  readonly #writer: PageWriter;
  readonly #bounds: ChunkBounds;
  #dictionary: ValueDictionary | undefined;
  /** Undefined until the first page. */
  #encoding: { usesDictionary: boolean; direct: DirectEncoding } | undefined;
  #nulls = 0;
  /** What is staged are numbers into the dictionary of the chunk. */
  #hasCodes = false;

  constructor(parts: ColumnEncoderParts) {
    const { memory, column, codec, held } = parts;
    this.#parts = parts;
    this.#staged = new StagedValues(memory, column);
    this.#writer = new PageWriter(memory, codec, held);
    this.#bounds = new ChunkBounds(column);
  }

  /** A further chunk. */
  begin(): void {
    this.#writer.begin();
    this.#bounds.reset();
    this.#dictionary?.release();
    this.#dictionary = undefined;
    this.#encoding = undefined;
    this.#nulls = 0;
  }

  release(): void {
    this.#staged.release();
    this.#dictionary?.release();
  }

  /** Gives back where rows are gathered. None are at hand. */
  shrink(): void {
    this.#staged.release();
  }

  /** Gathers rows, which may be forgotten then. */
  push(column: IpcColumn): void {
    if (column.nullCount > 0 && !this.#parts.column.field.nullable)
      throw new Error(`column "${this.#parts.column.field.name}" has nulls, and is not nullable`);
    const staged = this.#staged;
    if (staged.rows > 0 && staged.valueBytes + column.values.length > PAGE_TEXT_BYTES && this.#isText) this.flush();
    this.#nulls += column.nullCount;
    if (this.#parts.column.kind === 'codes') this.#pushCodes(column);
    else staged.add(column);
    staged.count();
  }

  get #isText(): boolean {
    return this.#parts.column.width === 0 && this.#parts.column.kind !== 'bits';
  }

  /** Numbers into the dictionary of a batch become numbers into that of the chunk. */
  #pushCodes(column: IpcColumn): void {
    const { memory } = this.#parts;
    const { scratch } = memory;
    const { kernels } = memory;
    const { child } = column;
    const count = column.rows - column.nullCount;
    const indices = this.#staged.addValidity(column);
    if (count === 0 || child === undefined) return;
    let codes = this.#copy(scratch.codes, column.values);
    if (indices !== 0) {
      const present = scratch.present.ensure(4 * count);
      kernels['take']?.(4, codes, indices, count, present);
      codes = present;
    }
    const texts = this.#staged.copyTexts(child.offsets ?? new Uint8Array(8), child.values, child.rows);
    const encoding = (this.#encoding ??= { usesDictionary: true, direct: 'plain' });
    if (encoding.usesDictionary && this.#mapCodes(codes, count, texts)) {
      this.#hasCodes = true;
      this.#staged.present += count;
      return;
    }
    this.#endCodes(column.rows, count);
    encoding.usesDictionary = false;
    this.#staged.addTexts(this.#staged.pick(texts, codes, count));
    this.#staged.present += count;
  }

  #copy(region: EncoderRegion, bytes: Uint8Array): Ptr {
    const at = region.ensure(bytes.length + 8);
    this.#parts.memory.u8.set(bytes, at);
    return at;
  }

  /** False when the dictionary is full. */
  #mapCodes(codes: Ptr, count: number, texts: Texts): boolean {
    const { memory } = this.#parts;
    const { scratch } = memory;
    const { kernels } = memory;
    const markBytes = Math.ceil(texts.count / 8) + 8;
    const marks = scratch.marks.ensure(markBytes);
    memory.u8.fill(0, marks, marks + markBytes);
    kernels['markBits']?.(codes, count, marks);
    const used = scratch.wide.ensure(4 * texts.count + 64);
    const usedCount = kernels['selectIndices']?.(marks, 0, texts.count, used) ?? 0;
    const map = scratch.map.ensure(4 * (texts.count + usedCount));
    const ids = map + 4 * texts.count;
    const picked = this.#staged.pick(texts, used, usedCount);
    this.#dictionary ??= ValueDictionary.begin(memory, true);
    if (this.#dictionary?.addTexts(picked.offsets, picked.values, usedCount, ids) !== true) return false;
    kernels['scatter']?.(ids, used, usedCount, map);
    kernels['take']?.(4, map, codes, count, this.#staged.roomForCodes(count));
    return true;
  }

  /** A page has either numbers or texts. The bits of the rows at hand are staged already, and belong to the next one. */
  #endCodes(rows: number, present: number): void {
    if (!this.#hasCodes) return;
    const { memory } = this.#parts;
    const { scratch } = memory;
    const staged = this.#staged;
    const before = staged.rows - rows;
    const own = scratch.validity.ensure(rows / 8 + 16);
    memory.kernels['copyBits']?.(staged.validity, before, rows, own, 0);
    staged.rows = before;
    this.flush();
    const bits = { rows, nullCount: rows - present, validity: memory.view(own, Math.ceil(rows / 8)) };
    staged.addValidity(bits as IpcColumn);
  }

  /** What is gathered becomes a page. */
  flush(): void {
    const staged = this.#staged;
    if (staged.rows === 0) return;
    const isOptional = this.#parts.column.field.nullable;
    const levels = isOptional ? 16 + Math.ceil(staged.rows / 8) : 0;
    const codes = this.#codes();
    if (codes === undefined) this.#addBounds();
    const body = this.#parts.memory.scratch.body.ensure(levels + this.#valueRoom(codes !== undefined));
    const valuesAt = isOptional ? this.#putLevels(body) : body;
    const { end, encoding } = codes === undefined ? this.#putDirect(valuesAt) : this.#putCodes(codes, valuesAt);
    const isStreams = encoding === ENCODINGS.streams;
    const planes = isStreams ? { width: this.#parts.column.width, count: staged.present } : undefined;
    this.#writer.data(body, end - body, staged.rows, encoding, planes);
    this.#writer.column.isOpenInFront = this.#mayHaveDictionary;
    staged.clear();
    this.#hasCodes = false;
  }

  get #mayHaveDictionary(): boolean {
    return this.#encoding?.usesDictionary !== false || this.#writer.encodings.has(ENCODINGS.dictionary);
  }

  #valueRoom(hasCodes: boolean): number {
    const { present, valueBytes } = this.#staged;
    const { width } = this.#parts.column;
    return hasCodes ? 5 * present + 64 : deltaRoom(present, Math.max(width, 4)) + valueBytes;
  }

  /** Runs where all rows are there, or none; else their bits as they are. */
  #putLevels(at: Ptr): Ptr {
    const { memory } = this.#parts;
    const { rows, present, validity } = this.#staged;
    const bytes: number[] = [];
    const isRun = present === rows || present === 0;
    const groups = Math.ceil(rows / 8);
    for (let rest = isRun ? 2 * rows : 2 * groups + 1, more = true; more; rest = Math.floor(rest / 128)) {
      more = rest > 127;
      bytes.push(more ? (rest % 128) + 128 : rest);
    }
    if (isRun) bytes.push(present === 0 ? 0 : 1);
    const length = bytes.length + (isRun ? 0 : groups);
    new DataView(memory.u8.buffer).setUint32(at, length, true);
    memory.u8.set(bytes, at + 4);
    if (!isRun) memory.u8.copyWithin(at + 4 + bytes.length, validity, validity + groups);
    return at + 4 + length;
  }

  /** Numbers of the staged values in the dictionary; undefined where it is not used. */
  #codes(): Ptr | undefined {
    const staged = this.#staged;
    if (this.#hasCodes) return staged.values;
    if (this.#encoding === undefined) return this.#choose();
    if (!this.#encoding.usesDictionary || this.#parts.column.kind === 'codes') return undefined;
    const codes = this.#addToDictionary();
    this.#encoding.usesDictionary = codes !== undefined;
    return codes;
  }

  /** Whether the first values are not all different, nearly: with all others they would be more than a dictionary holds. */
  #comesAgain(): boolean {
    if (this.#staged.present < 2 * FIRST_VALUES) return true;
    return (
      this.#addToDictionary(FIRST_VALUES) !== undefined &&
      (this.#dictionary?.count ?? 0) < MOST_DIFFERENT * FIRST_VALUES
    );
  }

  #addToDictionary(present: number = this.#staged.present): Ptr | undefined {
    const { memory, column } = this.#parts;
    const { scratch } = memory;
    const { values, offsets } = this.#staged;
    const codes = scratch.codes.ensure(4 * present + 64);
    const isText = column.kind === 'text';
    this.#dictionary ??= ValueDictionary.begin(memory, isText);
    if (this.#dictionary === undefined) return undefined;
    if (isText) return this.#dictionary.addTexts(offsets, values, present, codes) ? codes : undefined;
    let numbers = values;
    if (column.width === 4) {
      numbers = scratch.wide.ensure(8 * present);
      memory.kernels['cast']?.(UINT32, UINT64, values, 0, present, numbers);
    }
    return this.#dictionary.addNumbers(numbers, present, codes) ? codes : undefined;
  }

  /** By the first page with values. Returns its numbers where a dictionary pays. */
  #choose(): Ptr | undefined {
    const { memory, column, codec, isOrdered, chunkRows } = this.#parts;
    const { scratch } = memory;
    const { values, present, valueBytes } = this.#staged;
    if (present === 0) return undefined;
    const { isInteger, width, kind, kernelType } = column;
    const bits = isInteger ? deltaBits(memory, values, present, width, scratch.body) : undefined;
    const direct = bits !== undefined && deltasPay(bits, width) ? 'delta' : 'plain';
    this.#encoding = { usesDictionary: false, direct };
    const canHave = kind === 'text' || (kernelType !== undefined && !(isOrdered && isInteger));
    const codes = canHave && this.#comesAgain() ? this.#addToDictionary() : undefined;
    const plainBytes = kind === 'text' ? valueBytes / present + 4 : width;
    const deltas = direct === 'delta' ? bits : undefined;
    const rows = Math.max(chunkRows, present);
    if (codes !== undefined && this.#dictionary !== undefined) {
      if (dictionaryPays(this.#dictionary, present, rows, plainBytes, deltas)) {
        this.#encoding.usesDictionary = true;
        return codes;
      }
    }
    this.#dictionary?.release();
    this.#dictionary = undefined;
    if (!this.#streamsPay()) return undefined;
    this.#encoding.direct = 'streams';
    if (codec === 'light') this.#writer.useFrames();
    return undefined;
  }

  /** Where floats are compressed, both ways are tried. */
  #streamsPay(): boolean {
    const { memory, column, codec } = this.#parts;
    const { scratch } = memory;
    const { values, present } = this.#staged;
    if (codec === 'none' || column.kernelType === undefined || column.kernelType < FLOAT32) return false;
    // A chunk has one codec, and pages of nulls may be there already.
    if (codec === 'light' && this.#writer.values > 0) return false;
    const { width } = column;
    const bytes = present * width;
    const out = scratch.body.ensure(bytes);
    memory.kernels['streamsEncode']?.(values, present, width, out);
    if (codec === 'light') return this.#writer.frameBytes(out, { width, count: present }) < STREAMS_PART * bytes;
    return this.#writer.compressedBytes(out, bytes) < STREAMS_PART * this.#writer.compressedBytes(values, bytes);
  }

  #addBounds(): void {
    const { memory, column } = this.#parts;
    const { scratch } = memory;
    const { values, offsets, present } = this.#staged;
    const at = scratch.bounds.ensure(32);
    if (column.kind === 'bits') this.#bounds.addTruths(present, memory.kernels['popcount']?.(values, 0, present) ?? 0);
    else if (column.kind === 'fixed') this.#bounds.addNumbers(memory, values, present, at);
    else this.#bounds.addTexts(memory, offsets, values, present, at);
  }

  #putCodes(codes: Ptr, at: Ptr): { end: Ptr; encoding: number } {
    const { memory } = this.#parts;
    const width = Math.ceil(Math.log2(this.#dictionary?.count ?? 1));
    memory.u8[at] = width;
    const end = memory.kernels['hybridEncode']?.(codes, this.#staged.present, width, at + 1) ?? at;
    return { end, encoding: ENCODINGS.dictionary };
  }

  #putDirect(at: Ptr): { end: Ptr; encoding: number } {
    const { memory, column } = this.#parts;
    const { kernels } = memory;
    const { values, offsets, present } = this.#staged;
    const { plain, delta, streams } = ENCODINGS;
    if (this.#isText) return { end: kernels['textsEncode']?.(offsets, values, present, at) ?? at, encoding: plain };
    const direct = present === 0 ? 'plain' : (this.#encoding?.direct ?? 'plain');
    if (direct === 'delta')
      return { end: kernels['deltaEncode']?.(values, present, column.width, at) ?? at, encoding: delta };
    const bytes = column.kind === 'bits' ? Math.ceil(present / 8) : present * column.width;
    if (direct === 'streams') kernels['streamsEncode']?.(values, present, column.width, at);
    else kernels['copyBytes']?.(values, bytes, at);
    return { end: at + bytes, encoding: direct === 'streams' ? streams : plain };
  }

  /** No row follows in this chunk. */
  end(): EncodedChunk {
    this.flush();
    const dictionary = this.#putDictionary();
    const { column: pages, codec, encodings, values, uncompressedBytes } = this.#writer;
    return {
      dictionary,
      pages,
      codec,
      encodings: [...encodings, ENCODINGS.rle].sort((a, b) => a - b),
      values,
      nulls: this.#nulls,
      uncompressedBytes,
      bounds: this.#bounds.bytes(),
    };
  }

  /** Of the chunk at hand. */
  get pages(): HeldColumn {
    return this.#writer.column;
  }

  /** Of the chunk that has ended. */
  get bounds(): ChunkBounds {
    return this.#bounds;
  }

  #putDictionary(): HeldColumn | undefined {
    const dictionary = this.#dictionary;
    if (dictionary === undefined || !this.#writer.encodings.has(ENCODINGS.dictionary)) return undefined;
    const { memory, column } = this.#parts;
    const { scratch } = memory;
    const { count, keys, texts, textBytes } = dictionary;
    const at = scratch.bounds.ensure(32);
    this.#writer.encodings.add(ENCODINGS.plain);
    if (column.kind !== 'fixed') {
      const body = scratch.body.ensure(textBytes + 4 * count + 64);
      const end = memory.kernels['textsEncode']?.(keys, texts, count, body) ?? body;
      this.#bounds.addTexts(memory, keys, texts, count, at);
      return this.#writer.dictionary(body, end - body, count);
    }
    let values = keys;
    if (column.width === 4) {
      values = scratch.body.ensure(4 * count + 64);
      memory.kernels['cast']?.(UINT64, UINT32, keys, 0, count, values);
    }
    this.#bounds.addNumbers(memory, values, count, at);
    return this.#writer.dictionary(values, count * column.width, count);
  }
}

/** Codes of the kernels. */
const UINT32 = 6;
const UINT64 = 7;
const FLOAT32 = 8;
