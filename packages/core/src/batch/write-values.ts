/**
 * What a JavaScript value becomes in a column of a fixed width. One converter a type, chosen once a column; each returns
 * undefined for a value that does not fit, and the caller names the place.
 */

import { parseDuration, unitNanoseconds } from '../schema/durations.ts';
import { parseClockTime, parseIsoTime } from '../schema/iso-time.ts';
import type { ParsedType } from '../schema/types.ts';

/** Writes the value of one row; false when it does not fit the type. */
export type ValueWriter = (row: number, value: unknown) => boolean;

const INTEGER_RANGE: Record<string, [number, number]> = {
  int8: [-128, 127],
  int16: [-32768, 32767],
  int32: [-(2 ** 31), 2 ** 31 - 1],
  uint8: [0, 255],
  uint16: [0, 65535],
  uint32: [0, 2 ** 32 - 1],
};
const LEAST_I64 = -(2n ** 63n);
const MOST_I64 = 2n ** 63n - 1n;
const MOST_U64 = 2n ** 64n - 1n;

function toInteger(value: unknown): bigint | undefined {
  if (typeof value === 'bigint') return value;
  return typeof value === 'number' && Number.isSafeInteger(value) ? BigInt(value) : undefined;
}

function toTicks(nanoseconds: bigint | undefined, unit: bigint): bigint | undefined {
  return nanoseconds !== undefined && nanoseconds % unit === 0n ? nanoseconds / unit : undefined;
}

function durationNanoseconds(text: string): bigint | undefined {
  try {
    return parseDuration(text);
  } catch {
    return undefined;
  }
}

/** Dates, times and durations as the integer that stores them. Numbers and bigints are in the unit of the type. */
export function toTemporal(parsed: ParsedType, value: unknown): bigint | undefined {
  const { text, unit = 'ms' } = parsed;
  const isDate = text === 'date32' || text === 'date64';
  const tick = unitNanoseconds(text === 'date64' ? 'day' : unit);
  const ticksOf = (nanoseconds: bigint | undefined): bigint | undefined => {
    const ticks = toTicks(nanoseconds, tick);
    return text === 'date64' && ticks !== undefined ? ticks * 86_400_000n : ticks;
  };
  if (value instanceof Date) {
    const time = value.getTime();
    if (Number.isNaN(time) || !(isDate || text.startsWith('timestamp'))) return undefined;
    if (isDate) return BigInt(Math.floor(time / 86_400_000)) * (text === 'date64' ? 86_400_000n : 1n);
    return ticksOf(BigInt(time) * 1_000_000n);
  }
  if (typeof value !== 'string') return toInteger(value);
  if (text.startsWith('time3') || text.startsWith('time6')) return ticksOf(parseClockTime(value));
  return ticksOf(text.startsWith('duration') ? durationNanoseconds(value) : parseIsoTime(value));
}

/** A decimal's unscaled integer. Numbers are taken as their shortest decimal text. */
export function toDecimal(parsed: ParsedType, value: unknown): bigint | undefined {
  const { precision = 38, scale = 0 } = parsed;
  if (typeof value !== 'string' && typeof value !== 'bigint' && typeof value !== 'number') return undefined;
  const match = /^([+-]?)(\d*)(?:\.(\d*))?(?:e([+-]?\d{1,4}))?$/i.exec(String(value).trim());
  const digits = match === null ? '' : (match[2] ?? '') + (match[3] ?? '');
  if (match === null || digits === '') return undefined;
  const shift = Number(match[4] ?? 0) - (match[3] ?? '').length + scale;
  if (Math.abs(shift) > 400) return BigInt(digits) === 0n ? 0n : undefined;
  const power = 10n ** BigInt(Math.abs(shift));
  const magnitude = BigInt(digits);
  if (shift < 0 && magnitude % power !== 0n) return undefined;
  const unscaled = shift < 0 ? magnitude / power : magnitude * power;
  if (unscaled >= 10n ** BigInt(precision)) return undefined;
  return match[1] === '-' ? -unscaled : unscaled;
}

function integerWriter(parsed: ParsedType, view: DataView): ValueWriter {
  const [least, most] = INTEGER_RANGE[parsed.text] as [number, number];
  const set = {
    int8: 'setInt8',
    int16: 'setInt16',
    int32: 'setInt32',
    uint8: 'setUint8',
    uint16: 'setUint16',
    uint32: 'setUint32',
  } as const;
  const method = set[parsed.text as keyof typeof set];
  return (row, value) => {
    const number = typeof value === 'bigint' ? Number(value) : value;
    if (typeof number !== 'number' || !Number.isInteger(number) || number < least || number > most) return false;
    view[method](row * parsed.byteWidth, number, true);
    return true;
  };
}

function wideWriter(parsed: ParsedType, view: DataView): ValueWriter {
  const isTemporal = parsed.domain === 'temporal';
  return (row, value) => {
    const integer = isTemporal ? toTemporal(parsed, value) : toInteger(value);
    if (integer === undefined) return false;
    if (parsed.domain === 'uint') {
      if (integer < 0n || integer > MOST_U64) return false;
      view.setBigUint64(row * 8, integer, true);
      return true;
    }
    if (parsed.byteWidth === 4) {
      if (integer < -(2n ** 31n) || integer >= 2n ** 31n) return false;
      view.setInt32(row * 4, Number(integer), true);
      return true;
    }
    if (integer < LEAST_I64 || integer > MOST_I64) return false;
    view.setBigInt64(row * 8, integer, true);
    return true;
  };
}

function decimalWriter(parsed: ParsedType, view: DataView): ValueWriter {
  return (row, value) => {
    const unscaled = toDecimal(parsed, value);
    if (unscaled === undefined) return false;
    view.setBigUint64(row * 16, BigInt.asUintN(64, unscaled), true);
    view.setBigInt64(row * 16 + 8, unscaled >> 64n, true);
    return true;
  };
}

function bytesWriter(parsed: ParsedType, target: Uint8Array): ValueWriter {
  return (row, value) => {
    if (!(value instanceof Uint8Array) || value.length !== parsed.byteWidth) return false;
    target.set(value, row * parsed.byteWidth);
    return true;
  };
}

/** Writes values of a fixed-width type into `target`, whose bytes are the column's. */
export function fixedWriter(parsed: ParsedType, target: Uint8Array): ValueWriter {
  const view = new DataView(target.buffer, target.byteOffset, target.byteLength);
  if (parsed.precision !== undefined) return decimalWriter(parsed, view);
  if (parsed.domain === 'opaque') return bytesWriter(parsed, target);
  if (parsed.domain === 'float') {
    return (row, value) => {
      if (typeof value !== 'number') return false;
      if (parsed.byteWidth === 4) view.setFloat32(row * 4, value, true);
      else view.setFloat64(row * 8, value, true);
      return true;
    };
  }
  return parsed.text in INTEGER_RANGE ? integerWriter(parsed, view) : wideWriter(parsed, view);
}

/** What a column takes, for refusals. */
export function expectedValue(parsed: ParsedType): string {
  if (parsed.precision !== undefined)
    return `a number, bigint or decimal text of at most ${parsed.precision} digits, ${parsed.scale} after the point`;
  if (parsed.text in INTEGER_RANGE) return `a whole number from ${INTEGER_RANGE[parsed.text]?.join(' to ')}`;
  switch (parsed.domain) {
    case 'bool':
      return 'true or false';
    case 'int':
      return 'a bigint or safe whole number of 64 bits';
    case 'uint':
      return 'a bigint or safe whole number from 0 to 2^64 - 1';
    case 'float':
      return 'a number';
    case 'utf8':
      return 'a string';
    case 'temporal':
      return temporalExpectation(parsed);
    case 'opaque':
      return parsed.of === undefined
        ? `a Uint8Array${parsed.byteWidth > 0 ? ` of ${parsed.byteWidth} bytes` : ''}`
        : `an array of ${parsed.of}`;
  }
}

function temporalExpectation(parsed: ParsedType): string {
  const unit = parsed.unit === 'day' ? 'days' : parsed.unit;
  if (parsed.text.startsWith('timestamp'))
    return `a Date, ISO 8601 text, or whole ${unit} since 1970, no finer than ${unit}`;
  if (parsed.text.startsWith('date')) return `a Date, an ISO date, or whole ${unit} since 1970`;
  return parsed.text.startsWith('duration')
    ? `text such as '5s', or whole ${unit}`
    : `text such as '12:30:00', or whole ${unit} since midnight`;
}
