/**
 * Fixed-width values: mostly a copy of bytes, else one of the conversions between what a file stores and what a column
 * is (see `store/log/stored-types.ts` for why they differ). A value that does not fit is refused, never wrapped.
 */
import { PipelineError } from '../errors.ts';
import type { ParsedType } from '../schema/types.ts';

/** One run of values. `from` and `to` are whole memories. */
export interface FixedRun {
  from: ArrayBuffer;
  /** Where row 0 of the source lies. */
  fromByte: number;
  first: number;
  to: ArrayBufferLike;
  toByte: number;
  rows: number;
  isNull(row: number): boolean;
}

export type FixedCopy = (run: FixedRun) => void;

type IntArray = Int8Array | Uint8Array | Int16Array | Uint16Array | Int32Array | Uint32Array;
type IntArrayType = new (buffer: ArrayBufferLike, byteOffset: number, length: number) => IntArray;

const NARROW: Record<string, { array: IntArrayType; bytes: number; min: number; max: number }> = {
  int8: { array: Int8Array, bytes: 1, min: -128, max: 127 },
  uint8: { array: Uint8Array, bytes: 1, min: 0, max: 255 },
  int16: { array: Int16Array, bytes: 2, min: -32_768, max: 32_767 },
  uint16: { array: Uint16Array, bytes: 2, min: 0, max: 65_535 },
  int32: { array: Int32Array, bytes: 4, min: -(2 ** 31), max: 2 ** 31 - 1 },
  uint32: { array: Uint32Array, bytes: 4, min: 0, max: 2 ** 32 - 1 },
};

const INTEGER_FORMATS: Record<string, string> = {
  c: 'int8',
  C: 'uint8',
  s: 'int16',
  S: 'uint16',
  i: 'int32',
  I: 'uint32',
  l: 'int64',
  L: 'uint64',
};

/** Name of what a format string holds, in the words of canonical types; temporal types without their zone. */
function kindOf(format: string): string | undefined {
  const integer = INTEGER_FORMATS[format];
  if (integer !== undefined) return integer;
  const simple: Record<string, string> = {
    f: 'float32',
    g: 'float64',
    tdD: 'date32',
    tdm: 'date64',
    tts: 'time32[s]',
    ttm: 'time32[ms]',
    ttu: 'time64[us]',
    ttn: 'time64[ns]',
    tDs: 'duration[s]',
    tDm: 'duration[ms]',
    tDu: 'duration[us]',
    tDn: 'duration[ns]',
  };
  const timestamp = /^ts([smun]):/.exec(format)?.[1];
  if (timestamp !== undefined) return `timestamp[${{ s: 's', m: 'ms', u: 'us', n: 'ns' }[timestamp]}]`;
  const decimal = /^d:(\d+),(-?\d+)(?:,(\d+))?$/.exec(format);
  if (decimal !== null) return `decimal${decimal[3] ?? '128'}(${decimal[1]}, ${decimal[2]})`;
  const width = /^w:(\d+)$/.exec(format)?.[1];
  return width === undefined ? simple[format] : `fixed[${width}]`;
}

function outOfRange(value: number | bigint, type: string): PipelineError {
  return new PipelineError('ERR_VALUE', `the stored value ${value} does not fit ${type}`, {
    value: String(value),
    expected: type,
    hint: 'something else wrote rows into this dataset: restore them, or read the column as it is stored',
  });
}

/** Bytes as they are. The source of a 64-bit value need not lie at a multiple of 8. */
function copyBytes(width: number): FixedCopy {
  return ({ from, fromByte, first, to, toByte, rows }) => {
    new Uint8Array(to, toByte, rows * width).set(new Uint8Array(from, fromByte + first * width, rows * width));
  };
}

/** A wider stored integer back to the narrower one it was. */
function narrowInt(source: string, target: string): FixedCopy | undefined {
  const into = NARROW[target];
  const of = NARROW[source];
  if (into === undefined || (of === undefined && source !== 'int64')) return undefined;
  return ({ from, fromByte, first, to, toByte, rows, isNull }) => {
    const values =
      of === undefined
        ? new BigInt64Array(from, fromByte + first * 8, rows)
        : new of.array(from, fromByte + first * of.bytes, rows);
    const out = new into.array(to, toByte, rows);
    for (let i = 0; i < rows; i += 1) {
      const value = Number(values[i]);
      if ((value < into.min || value > into.max) && !isNull(i)) throw outOfRange(value, target);
      out[i] = value;
    }
  };
}

/** An integer to a wider one of 64 bits, or to a float that holds it. */
function widenInt(source: string, target: string): FixedCopy | undefined {
  const of = NARROW[source];
  if (of === undefined && source !== 'int64') return undefined;
  const isFloat = target === 'float32' || target === 'float64';
  if (!isFloat && target !== 'int64' && target !== 'uint64') return undefined;
  return ({ from, fromByte, first, to, toByte, rows, isNull }) => {
    const values =
      of === undefined
        ? new BigInt64Array(from, fromByte + first * 8, rows)
        : new of.array(from, fromByte + first * of.bytes, rows);
    if (isFloat) {
      const out = target === 'float64' ? new Float64Array(to, toByte, rows) : new Float32Array(to, toByte, rows);
      for (let i = 0; i < rows; i += 1) out[i] = Number(values[i]);
      return;
    }
    const out = new BigInt64Array(to, toByte, rows);
    for (let i = 0; i < rows; i += 1) {
      const value = BigInt(values[i] ?? 0);
      if (value < 0n && target === 'uint64' && !isNull(i)) throw outOfRange(value, target);
      out[i] = value;
    }
  };
}

const widenFloat: FixedCopy = ({ from, fromByte, first, to, toByte, rows }) => {
  new Float64Array(to, toByte, rows).set(new Float32Array(from, fromByte + first * 4, rows));
};

/** 64-bit integers by a factor: `times` up, or `by` down (exact, else refused). */
function scale64(times: bigint, by: bigint, target: string): FixedCopy {
  return ({ from, fromByte, first, to, toByte, rows, isNull }) => {
    const values = new BigInt64Array(from, fromByte + first * 8, rows);
    const out = new BigInt64Array(to, toByte, rows);
    for (let i = 0; i < rows; i += 1) {
      const value = (values[i] ?? 0n) * times;
      const isExact = value % by === 0n && BigInt.asIntN(64, value) === value;
      if (!isExact && !isNull(i)) throw outOfRange(value / times, target);
      out[i] = value / by;
    }
  };
}

/** Days to the milliseconds at their start. */
const daysToMilliseconds: FixedCopy = ({ from, fromByte, first, to, toByte, rows }) => {
  const days = new Int32Array(from, fromByte + first * 4, rows);
  const out = new BigInt64Array(to, toByte, rows);
  for (let i = 0; i < rows; i += 1) out[i] = BigInt(days[i] ?? 0) * 86_400_000n;
};

/** 128-bit decimal without a fraction back to uint64. */
const decimalToUint64: FixedCopy = ({ from, fromByte, first, to, toByte, rows, isNull }) => {
  const halves = new BigUint64Array(from, fromByte + first * 16, rows * 2);
  const out = new BigUint64Array(to, toByte, rows);
  for (let i = 0; i < rows; i += 1) {
    if (halves[2 * i + 1] !== 0n && !isNull(i)) throw outOfRange(halves[2 * i + 1] ?? 0n, 'uint64');
    out[i] = halves[2 * i] ?? 0n;
  }
};

/** Decimals of 32 or 64 bits, sign extended to the 128 that columns have. */
function widenDecimal(bits: number): FixedCopy {
  return ({ from, fromByte, first, to, toByte, rows }) => {
    const out = new BigInt64Array(to, toByte, rows * 2);
    const values =
      bits === 32
        ? new Int32Array(from, fromByte + first * 4, rows)
        : new BigInt64Array(from, fromByte + first * 8, rows);
    for (let i = 0; i < rows; i += 1) {
      const value = BigInt(values[i] ?? 0);
      out[2 * i] = value;
      out[2 * i + 1] = value >> 63n;
    }
  };
}

const PER_SECOND: Record<string, bigint> = { s: 1n, ms: 1_000n, us: 1_000_000n, ns: 1_000_000_000n };

function betweenUnits(source: string, target: string): FixedCopy | undefined {
  const unit = /^timestamp\[(\w+)/;
  const from = PER_SECOND[unit.exec(source)?.[1] ?? ''];
  const to = PER_SECOND[unit.exec(target)?.[1] ?? ''];
  if (from === undefined || to === undefined) return undefined;
  return to >= from ? scale64(to / from, 1n, target) : scale64(1n, from / to, target);
}

/** How values of a format string become values of a fixed-width type, or undefined when they do not. */
export function chooseFixedCopy(format: string, type: ParsedType): FixedCopy | undefined {
  const source = kindOf(format);
  const target = type.timeZone === undefined ? type.text : `timestamp[${type.unit}]`;
  if (source === undefined) return undefined;
  if (source === target || source === target.replace('decimal', 'decimal128')) return copyBytes(type.byteWidth);
  const decimal = /^decimal(32|64)(\(.*\))$/.exec(source);
  if (decimal !== null && target === `decimal${decimal[2]}`) return widenDecimal(Number(decimal[1]));
  if (source === 'decimal128(20, 0)' && target === 'uint64') return decimalToUint64;
  if (source === 'date32' && target === 'date64') return daysToMilliseconds;
  if (source === 'int32' && target.startsWith('time32')) return copyBytes(4);
  // Times of day, durations and nanoseconds that a file can only hold as plain integers.
  if (source === 'int64' && type.byteWidth === 8 && type.domain === 'temporal') return copyBytes(8);
  if (source === 'float32' && target === 'float64') return widenFloat;
  return betweenUnits(source, target) ?? narrowInt(source, target) ?? widenInt(source, target);
}
