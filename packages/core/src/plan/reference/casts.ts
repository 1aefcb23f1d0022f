/** Casts of the reference executor, by the rules in `expressions/node.ts`. */
import { PipelineError } from '../../errors.ts';
import { isFloat, isInteger, isText, isTimestamp, parseType } from '../../schema/parse-type.ts';
import type { TypeText } from '../../schema/types.ts';
import { floorDivide, instantOf, localNs, zoneOffset } from './dates.ts';
import { integerRange, type Value } from './values.ts';

export const NANOS: Readonly<Record<string, bigint>> = {
  s: 1_000_000_000n,
  ms: 1_000_000n,
  us: 1_000n,
  ns: 1n,
  day: 86_400_000_000_000n,
};
const DAY_NS = 86_400_000_000_000n;

/** Nanoseconds of one step of a temporal type. */
export function unitOf(type: TypeText): bigint {
  return NANOS[parseType(type).unit ?? 'ns'] as bigint;
}

function refuse(value: Value, to: TypeText): PipelineError {
  return new PipelineError(
    'ERR_VALUE',
    `${typeof value === 'string' ? JSON.stringify(value) : String(value)} cannot be cast to ${to}`,
    { value: String(value), expected: to },
  );
}

function fitted(value: bigint, to: TypeText, given: Value): bigint {
  const { domain, byteWidth } = parseType(to);
  const [least, most] = domain === 'temporal' ? integerRange(byteWidth === 4 ? 'int32' : 'int64') : integerRange(to);
  if (value < least || value > most) throw refuse(given, to);
  return value;
}

/** A value that is not null, as another type. @throws ERR_VALUE */
export function castValue(value: Value, from: TypeText, to: TypeText): Value {
  if (from === to) return value;
  if (isText(to)) return isText(from) ? value : textOf(value, from);
  if (isText(from)) return fromText(value as string, to);
  if (to === 'bool') return typeof value === 'bigint' ? value !== 0n : value !== 0;
  if (isFloat(to)) return to === 'float32' ? floatToSingle(value) : Number(value);
  if (isInteger(to)) return toInteger(value, to);
  return toTemporal(value as bigint, from, to);
}

/** One rounding, also from integers beyond 2^53. */
function floatToSingle(value: Value): number {
  if (typeof value !== 'bigint') return Math.fround(Number(value));
  const near = Math.fround(Number(value));
  if (!Number.isFinite(near) || BigInt(near) === value) return near;
  const view = new DataView(new ArrayBuffer(4));
  view.setFloat32(0, near);
  const bits = view.getUint32(0);
  const candidates = [bits - 1, bits, bits + 1]
    .map((candidate) => {
      view.setUint32(0, candidate >>> 0);
      return { bits: candidate, number: view.getFloat32(0) };
    })
    .filter(({ number }) => Number.isFinite(number));
  const distance = (number: number): bigint =>
    BigInt(number) > value ? BigInt(number) - value : value - BigInt(number);
  return candidates.reduce((best, candidate) => {
    const [a, b] = [distance(candidate.number), distance(best.number)];
    return a < b || (a === b && candidate.bits % 2 === 0) ? candidate : best;
  }).number;
}

function toInteger(value: Value, to: TypeText): bigint {
  if (typeof value === 'boolean') return value ? 1n : 0n;
  if (typeof value === 'bigint') return fitted(value, to, value);
  if (!Number.isFinite(value)) throw refuse(value, to);
  return fitted(BigInt(Math.trunc(value as number)), to, value);
}

function toTemporal(value: bigint, from: TypeText, to: TypeText): bigint {
  const isInstant = (type: TypeText): boolean => isTimestamp(type) || type.startsWith('date');
  if (!isInstant(from) || !isInstant(to)) {
    return from.startsWith('duration')
      ? fitted(floorDivide(value * unitOf(from), unitOf(to)), to, value)
      : fitted(value, to, value);
  }
  if (isTimestamp(from) && isTimestamp(to)) return fitted(floorDivide(value * unitOf(from), unitOf(to)), to, value);
  const day = floorDivide(localNs(value, from), DAY_NS);
  if (!isTimestamp(to)) return dayAs(day, to, value);
  return fitted(floorDivide(instantOf(day * DAY_NS, parseType(to).timeZone), unitOf(to)), to, value);
}

function dayAs(day: bigint, to: TypeText, given: Value): bigint {
  return fitted(to === 'date64' ? day * 86_400_000n : day, to, given);
}

const ISO = /^(\d{4})-(\d{2})-(\d{2})(?:[T ](\d{2}):(\d{2})(?::(\d{2})(?:\.(\d+))?)?(Z|[+-]\d{2}:?\d{2})?)?$/;

/** ISO text as a timestamp or date. @throws ERR_VALUE */
export function parseTime(text: string, to: TypeText): bigint {
  const match = ISO.exec(text);
  if (match === null || (!isTimestamp(to) && text.length > 10)) throw refuse(text, to);
  const [year, month, day, hour, minute, second] = [1, 2, 3, 4, 5, 6].map((group) => Number(match[group] ?? 0)) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  if (date.getUTCMonth() !== month - 1 || date.getUTCDate() !== day || hour > 23 || minute > 59 || second > 59)
    throw refuse(text, to);
  date.setUTCHours(hour, minute, second);
  const fraction = BigInt((match[7] ?? '').padEnd(9, '0').slice(0, 9));
  const local = BigInt(date.getTime()) * 1_000_000n + fraction;
  if (!isTimestamp(to)) return dayAs(floorDivide(local, DAY_NS), to, text);
  const offset = match[8];
  const instant =
    offset === undefined
      ? instantOf(local, parseType(to).timeZone)
      : local - zoneOffset(0n, offset === 'Z' ? 'UTC' : offset);
  return fitted(floorDivide(instant, unitOf(to)), to, text);
}

function fromText(text: string, to: TypeText): Value {
  if (to === 'bool') {
    if (/^(true|false)$/i.test(text)) return text.toLowerCase() === 'true';
    throw refuse(text, to);
  }
  if (isInteger(to)) {
    if (/^[+-]?\d+$/.test(text)) return fitted(BigInt(text.replace(/^\+/, '')), to, text);
    throw refuse(text, to);
  }
  return isFloat(to) ? floatOf(text, to) : parseTime(text, to);
}

function floatOf(text: string, to: TypeText): number {
  const special = /^([+-]?)(nan|inf|infinity)$/i.exec(text);
  if (special !== null) {
    if (special[2]?.toLowerCase() === 'nan') return NaN;
    return special[1] === '-' ? -Infinity : Infinity;
  }
  if (!/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text)) throw refuse(text, to);
  return to === 'float32' ? Math.fround(Number(text)) : Number(text);
}

function textOf(value: Value, from: TypeText): string {
  if (isTimestamp(from) || from.startsWith('date')) return timeText(value as bigint, from);
  return String(value);
}

function timeText(value: bigint, from: TypeText): string {
  const local = localNs(value, from);
  const date = new Date(Number(floorDivide(local, 1_000_000n)));
  const year = date.getUTCFullYear();
  const pad = (number: number, width = 2): string => String(number).padStart(width, '0');
  const days = `${year < 0 ? `-${pad(-year, 6)}` : year > 9999 ? `+${pad(year, 6)}` : pad(year, 4)}-${pad(date.getUTCMonth() + 1)}-${pad(date.getUTCDate())}`;
  if (!isTimestamp(from)) return days;
  const { unit = 's', timeZone } = parseType(from);
  const digits = { s: 0, ms: 3, us: 6, ns: 9, day: 0 }[unit];
  const fraction = String(((local % 1_000_000_000n) + 1_000_000_000n) % 1_000_000_000n)
    .padStart(9, '0')
    .slice(0, digits);
  const clock = `T${pad(date.getUTCHours())}:${pad(date.getUTCMinutes())}:${pad(date.getUTCSeconds())}${digits === 0 ? '' : `.${fraction}`}`;
  return days + clock + zoneText(local - value * unitOf(from), timeZone);
}

function zoneText(offsetNs: bigint, zone: string | undefined): string {
  if (zone === undefined) return '';
  if (zone === 'UTC') return 'Z';
  const minutes = Number(offsetNs / 60_000_000_000n);
  const pad = (number: number): string => String(Math.abs(number)).padStart(2, '0');
  return `${minutes < 0 ? '-' : '+'}${pad(Math.trunc(minutes / 60))}:${pad(minutes % 60)}`;
}
