/** Least and greatest value of a column chunk, as its footer has them. */
import type { Ptr } from '../../memory/contract.ts';
import type { ColumnBounds } from '../column-bounds.ts';
import type { OrderedValue } from '../ordered-value.ts';
import type { EncoderMemory } from './encoder-memory.ts';
import type { PhysicalColumn } from './physical-column.ts';

/** Longer texts are cut: what prunes row groups is at their start. */
const MOST_TEXT_BYTES = 64;

/** Values of a column in pages: numbers by their type, truths as 0 and 1, bytes as they are. */
type Bound = number | bigint | Buffer;

/** As PLAIN has them, and whether they are values of the column. */
export interface BoundBytes {
  min: Uint8Array;
  max: Uint8Array;
  isMinExact: boolean;
  isMaxExact: boolean;
}

export class ChunkBounds {
  hasNaN = false;
  #min: Bound | undefined;
  #max: Bound | undefined;
  readonly #column: PhysicalColumn;

  constructor(column: PhysicalColumn) {
    this.#column = column;
  }

  reset(): void {
    this.hasNaN = false;
    this.#min = undefined;
    this.#max = undefined;
  }

  /** Values of the column's width, one after the other. `scratch` is room for 32 bytes. */
  addNumbers(memory: EncoderMemory, values: Ptr, count: number, scratch: Ptr): void {
    const { kernelType } = this.#column;
    if (kernelType === undefined || count === 0) return;
    if (memory.kernels['valueBounds']?.(kernelType, values, count, scratch) === 1) this.hasNaN = true;
    const view = new DataView(memory.u8.buffer);
    const [min, max] = [readNumber(view, scratch, kernelType), readNumber(view, scratch + 8, kernelType)];
    // Only NaN: no bounds.
    if (min <= max) this.#widen(min, max);
  }

  /** `scratch` is room for 8 bytes. */
  addTexts(memory: EncoderMemory, offsets: Ptr, values: Ptr, count: number, scratch: Ptr): void {
    if (count === 0) return;
    memory.kernels['textBounds']?.(offsets, values, count, scratch);
    const textAt = (index: number): Buffer => {
      const [start, end] = [memory.uint32(offsets + 4 * index), memory.uint32(offsets + 4 * index + 4)];
      return Buffer.from(memory.view(values + start, end - start));
    };
    this.#widen(textAt(memory.uint32(scratch)), textAt(memory.uint32(scratch + 4)));
  }

  addTruths(count: number, trueCount: number): void {
    if (count > 0) this.#widen(trueCount === count ? 1 : 0, trueCount > 0 ? 1 : 0);
  }

  /** Of another chunk of the column. */
  add(other: ChunkBounds): void {
    if (other.hasNaN) this.hasNaN = true;
    if (other.#min !== undefined && other.#max !== undefined) this.#widen(other.#min, other.#max);
  }

  /** As the column's type has them in memory; undefined for types without an order. */
  values(): Pick<ColumnBounds, 'min' | 'max' | 'hasNaN'> {
    const of = (bound: Bound | undefined): OrderedValue | undefined =>
      Buffer.isBuffer(bound) ? bound.toString('utf8') : bound;
    const { kind, field } = this.#column;
    const isOrdered = kind !== 'bits' && field.type !== 'binary';
    return {
      min: isOrdered ? of(this.#min) : undefined,
      max: isOrdered ? of(this.#max) : undefined,
      hasNaN: this.hasNaN,
    };
  }

  #widen(min: Bound, max: Bound): void {
    if (this.#min === undefined || isBefore(min, this.#min)) this.#min = min;
    if (this.#max === undefined || isBefore(this.#max, max)) this.#max = max;
  }

  /** Undefined where there are none, and where NaN is among the values, which readers place in different ways. */
  bytes(): BoundBytes | undefined {
    const [min, max] = [this.#min, this.#max];
    if (min === undefined || max === undefined || this.hasNaN) return undefined;
    if (Buffer.isBuffer(min) && Buffer.isBuffer(max)) return textBounds(min, max, this.#column.field.type === 'binary');
    const exact = { isMinExact: true, isMaxExact: true };
    const { kernelType } = this.#column;
    if (kernelType === undefined) return { min: Uint8Array.of(Number(min)), max: Uint8Array.of(Number(max)), ...exact };
    // Zeros of both signs are equal and may both be there.
    const [low, high] = [min === 0 && kernelType >= FLOAT32 ? -0 : min, max === 0 ? 0 : max];
    return { min: numberBytes(low, kernelType), max: numberBytes(high, kernelType), ...exact };
  }
}

function isBefore(a: Bound, b: Bound): boolean {
  return Buffer.isBuffer(a) && Buffer.isBuffer(b) ? Buffer.compare(a, b) < 0 : a < b;
}

/** Codes of the kernels. */
const INT32 = 2;
const INT64 = 3;
const UINT32 = 6;
const UINT64 = 7;
const FLOAT32 = 8;

function readNumber(view: DataView, at: Ptr, kernelType: number): number | bigint {
  if (kernelType === INT32) return view.getInt32(at, true);
  if (kernelType === UINT32) return view.getUint32(at, true);
  if (kernelType === INT64) return view.getBigInt64(at, true);
  if (kernelType === UINT64) return view.getBigUint64(at, true);
  return kernelType === FLOAT32 ? view.getFloat32(at, true) : view.getFloat64(at, true);
}

function numberBytes(value: Bound, kernelType: number): Uint8Array {
  const isNarrow = kernelType === INT32 || kernelType === UINT32 || kernelType === FLOAT32;
  const view = new DataView(new ArrayBuffer(isNarrow ? 4 : 8));
  if (typeof value === 'bigint') view.setBigInt64(0, BigInt.asIntN(64, value), true);
  else if (kernelType === INT32 || kernelType === UINT32) view.setInt32(0, Number(value) | 0, true);
  else if (kernelType === FLOAT32) view.setFloat32(0, Number(value), true);
  else view.setFloat64(0, Number(value), true);
  return new Uint8Array(view.buffer);
}

function textBounds(min: Buffer, max: Buffer, isBinary: boolean): BoundBytes | undefined {
  const [isMinExact, isMaxExact] = [min.length <= MOST_TEXT_BYTES, max.length <= MOST_TEXT_BYTES];
  const high = isMaxExact ? max : isBinary ? cutBinaryUp(max) : cutTextUp(max);
  return high && { min: isMinExact ? min : cutDown(min, isBinary), max: high, isMinExact, isMaxExact };
}

/** Not inside of a character. */
function cutDown(bytes: Buffer, isBinary: boolean): Buffer {
  let end = MOST_TEXT_BYTES;
  while (!isBinary && end > 0 && ((bytes[end] as number) & 0xc0) === 0x80) end -= 1;
  return bytes.subarray(0, end);
}

/** The least short one above. */
function cutBinaryUp(bytes: Buffer): Buffer | undefined {
  const start = Buffer.from(bytes.subarray(0, MOST_TEXT_BYTES));
  let last = start.length - 1;
  while (last >= 0 && start[last] === 0xff) last -= 1;
  if (last < 0) return undefined;
  start[last] = (start[last] as number) + 1;
  return start.subarray(0, last + 1);
}

const LAST_CHARACTER = 0x10_ffff;
const SURROGATES = 0xd800;
const BEHIND_SURROGATES = 0xe000;

function cutTextUp(bytes: Buffer): Buffer | undefined {
  const characters = Array.from(cutDown(bytes, false).toString('utf8'));
  for (let last = characters.length - 1; last >= 0; last -= 1) {
    const code = characters[last]?.codePointAt(0) ?? LAST_CHARACTER;
    if (code === LAST_CHARACTER) continue;
    const next = code + 1 === SURROGATES ? BEHIND_SURROGATES : code + 1;
    return Buffer.from(characters.slice(0, last).join('') + String.fromCodePoint(next));
  }
  return undefined;
}
