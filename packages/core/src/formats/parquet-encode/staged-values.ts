/**
 * Rows of one column until they are a page: bits that say which are there, and the values of those, without gaps, as pages have them.
 */
import type { Ptr } from '../../memory/contract.ts';
import type { IpcColumn } from '../ipc-columns.ts';
import { type EncoderMemory, EncoderRegion } from './encoder-memory.ts';
import type { PhysicalColumn } from './physical-column.ts';

/** Codes of kernels. */
const INT32 = 2;

/** Texts, or numbers into a dictionary of them. */
export interface Texts {
  offsets: Ptr;
  values: Ptr;
  count: number;
}

export class StagedValues {
  rows = 0;
  /** Rows that are not null. */
  present = 0;
  /** Of texts. */
  valueBytes = 0;
  readonly #memory: EncoderMemory;
  readonly #column: PhysicalColumn;
  readonly #values: EncoderRegion;
  readonly #offsets: EncoderRegion;
  readonly #validity: EncoderRegion;
  #countedBytes = 0;

  constructor(memory: EncoderMemory, column: PhysicalColumn) {
    this.#memory = memory;
    this.#column = column;
    this.#values = new EncoderRegion(memory);
    this.#offsets = new EncoderRegion(memory);
    this.#validity = new EncoderRegion(memory);
  }

  get values(): Ptr {
    return this.#values.at;
  }

  get offsets(): Ptr {
    return this.#offsets.at;
  }

  get validity(): Ptr {
    return this.#validity.at;
  }

  clear(): void {
    this.rows = 0;
    this.present = 0;
    this.valueBytes = 0;
  }

  release(): void {
    for (const region of [this.#values, this.#offsets, this.#validity]) region.release();
    this.count();
  }

  /** Tells the other writers of the thread what is gathered here. */
  count(): void {
    const bytes = this.#values.bytes + this.#offsets.bytes + this.#validity.bytes;
    this.#memory.stagedBytes += bytes - this.#countedBytes;
    this.#countedBytes = bytes;
  }

  /** Rows of any kind but numbers into a dictionary. */
  add(column: IpcColumn): void {
    const indices = this.addValidity(column);
    const { kind } = this.#column;
    if (kind === 'bits') this.#addBits(column, indices);
    else if (kind === 'fixed') this.#addFixed(column, indices);
    else this.#addText(column, indices);
    this.present += column.rows - column.nullCount;
  }

  /** Which rows are there. Returns their numbers where not all are, else 0. */
  addValidity(column: IpcColumn): Ptr {
    const { kernels } = this.#memory;
    const bits = this.#validity.ensure((this.rows + column.rows) / 8 + 9, Math.ceil(this.rows / 8));
    const { validity } = column;
    let indices = 0;
    if (column.nullCount === 0 || validity === undefined) kernels['fillBits']?.(bits, this.rows, column.rows, 1);
    else {
      const own = this.#copy(this.#memory.scratch.validity, validity);
      kernels['copyBits']?.(own, 0, column.rows, bits, this.rows);
      indices = this.#memory.scratch.indices.ensure(4 * column.rows + 64);
      kernels['selectIndices']?.(own, 0, column.rows, indices);
    }
    this.rows += column.rows;
    return indices;
  }

  #copy(region: EncoderRegion, bytes: Uint8Array): Ptr {
    const at = region.ensure(bytes.length + 8);
    this.#memory.u8.set(bytes, at);
    return at;
  }

  #addBits(column: IpcColumn, indices: Ptr): void {
    const { kernels } = this.#memory;
    const count = column.rows - column.nullCount;
    let bits = this.#copy(this.#memory.scratch.raw, column.values);
    if (indices !== 0) {
      const dense = this.#memory.scratch.dense.ensure(count / 8 + 9);
      kernels['takeBits']?.(bits, indices, count, dense);
      bits = dense;
    }
    const values = this.#values.ensure((this.present + count) / 8 + 9, Math.ceil(this.present / 8));
    kernels['copyBits']?.(bits, 0, count, values, this.present);
  }

  #addFixed(column: IpcColumn, indices: Ptr): void {
    const { memoryWidth, width, widenFrom, isDecimal } = this.#column;
    const { kernels } = this.#memory;
    const count = column.rows - column.nullCount;
    const values = this.#values.ensure((this.present + count) * width, this.present * width) + this.present * width;
    const isSame = widenFrom === undefined && !isDecimal;
    if (isSame && indices === 0) return this.#memory.u8.set(column.values.subarray(0, count * width), values);
    let at = this.#copy(this.#memory.scratch.raw, column.values);
    if (indices !== 0) {
      const dense = isSame ? values : this.#memory.scratch.dense.ensure(count * memoryWidth);
      kernels['take']?.(memoryWidth, at, indices, count, dense);
      at = dense;
    }
    if (widenFrom !== undefined) kernels['cast']?.(widenFrom, INT32, at, 0, count, values);
    else if (isDecimal)
      kernels['decimalsEncode']?.(at, count, width, this.#column.kernelType === undefined ? 1 : 0, values);
  }

  #addText(column: IpcColumn, indices: Ptr): void {
    const { offsets = new Uint8Array(8), values } = column;
    if (indices === 0) return this.#addAllTexts(offsets, values, column.rows);
    const texts = this.copyTexts(offsets, values, column.rows);
    this.addTexts(this.pick(texts, indices, column.rows - column.nullCount));
  }

  #addAllTexts(offsets: Uint8Array, values: Uint8Array, count: number): void {
    const raw = this.#copy(this.#memory.scratch.rawOffsets, offsets);
    const bytes = this.#memory.uint32(raw + 4 * count) - this.#memory.uint32(raw);
    const out = this.#textRoom(count, bytes);
    this.#memory.u8.set(values.subarray(0, bytes), out);
    this.#moveOffsets(raw, count, bytes);
  }

  /** Behind the texts that are there. */
  #textRoom(count: number, bytes: number): Ptr {
    this.#offsets.ensure(4 * (this.present + count + 1), 4 * (this.present + 1));
    return this.#values.ensure(this.valueBytes + bytes + 8, this.valueBytes) + this.valueBytes;
  }

  #moveOffsets(offsets: Ptr, count: number, bytes: number): void {
    const out = this.#offsets.at + 4 * this.present;
    this.#memory.kernels['moveOffsets']?.(offsets, 0, count, this.valueBytes, out);
    this.valueBytes += bytes;
  }

  /** Texts of a column, in scratch. Its values begin with the first text, wherever the offsets do. */
  copyTexts(offsets: Uint8Array, values: Uint8Array, count: number): Texts {
    const at = this.#copy(this.#memory.scratch.rawOffsets, offsets);
    return { offsets: at, values: this.#copy(this.#memory.scratch.raw, values) - this.#memory.uint32(at), count };
  }

  /** Texts by their numbers, in scratch. */
  pick({ offsets, values }: Texts, indices: Ptr, count: number): Texts {
    const { kernels } = this.#memory;
    const bytes = kernels['takeVariableBytes']?.(offsets, indices, count) ?? 0;
    const outOffsets = this.#memory.scratch.denseOffsets.ensure(4 * (count + 1));
    const outValues = this.#memory.scratch.dense.ensure(bytes + 8);
    kernels['takeVariable']?.(offsets, values, indices, count, outOffsets, outValues);
    return { offsets: outOffsets, values: outValues, count };
  }

  /** Texts from anywhere in this memory; `present` is the caller's to raise. */
  addTexts({ offsets, values, count }: Texts): void {
    const first = this.#memory.uint32(offsets);
    const bytes = this.#memory.uint32(offsets + 4 * count) - first;
    this.#memory.kernels['copyBytes']?.(values + first, bytes, this.#textRoom(count, bytes));
    this.#moveOffsets(offsets, count, bytes);
  }

  /** Room for so many further numbers of 4 bytes, behind those that are there. */
  roomForCodes(count: number): Ptr {
    return this.#values.ensure(4 * (this.present + count), 4 * this.present) + 4 * this.present;
  }
}
