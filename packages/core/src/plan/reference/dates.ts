/** Calendar of the reference executor, through JavaScript's own `Date` and `Intl`. */
import type { DatePart } from '../../expressions/node.ts';
import { isTimestamp, parseType } from '../../schema/parse-type.ts';
import type { TypeText } from '../../schema/types.ts';

const DAY_NS = 86_400_000_000_000n;
const MS_NS = 1_000_000n;

export function floorDivide(value: bigint, by: bigint): bigint {
  const quotient = value / by;
  return value % by !== 0n && value < 0n !== by < 0n ? quotient - 1n : quotient;
}

const formats = new Map<string, Intl.DateTimeFormat>();

/** Nanoseconds to add to an instant to have the clock of a zone: whole seconds, as zones are. */
export function zoneOffset(instantNs: bigint, zone: string | undefined): bigint {
  if (zone === undefined || zone === 'UTC') return 0n;
  const fixed = /^([+-])(\d{2}):?(\d{2})$/.exec(zone);
  if (fixed !== null) return BigInt(`${fixed[1]}${Number(fixed[2]) * 60 + Number(fixed[3])}`) * 60_000_000_000n;
  let format = formats.get(zone);
  if (format === undefined) {
    format = new Intl.DateTimeFormat('en-US', {
      timeZone: zone,
      hourCycle: 'h23',
      era: 'short',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    });
    formats.set(zone, format);
  }
  const seconds = floorDivide(instantNs, 1_000_000_000n);
  const parts = Object.fromEntries(
    format.formatToParts(new Date(Number(seconds) * 1000)).map(({ type, value }) => [type, value]),
  );
  const year = parts['era'] === 'BC' ? 1 - Number(parts['year']) : Number(parts['year']);
  const local = new Date(0);
  local.setUTCFullYear(year, Number(parts['month']) - 1, Number(parts['day']));
  local.setUTCHours(Number(parts['hour']), Number(parts['minute']), Number(parts['second']));
  return BigInt(local.getTime()) * MS_NS - seconds * 1_000_000_000n;
}

/** An instant from the clock of a zone: skipped times go forward by the gap, doubled ones are the first. */
export function instantOf(localNs: bigint, zone: string | undefined): bigint {
  const before = zoneOffset(localNs - DAY_NS, zone);
  const after = zoneOffset(localNs + DAY_NS, zone);
  const first = localNs - before;
  if (zoneOffset(first, zone) === before) return first;
  const second = localNs - after;
  return zoneOffset(second, zone) === after ? second : first;
}

/** Nanoseconds of a unit of a timestamp or date type. */
function instantNs(value: bigint, type: TypeText): bigint {
  const units: Record<string, bigint> = { s: 1_000_000_000n, ms: MS_NS, us: 1_000n, ns: 1n, day: DAY_NS };
  return value * (units[parseType(type).unit ?? 'ns'] as bigint);
}

/** Clock of a timestamp in its zone, or midnight of a date, in nanoseconds. */
export function localNs(value: bigint, type: TypeText): bigint {
  const instant = instantNs(value, type);
  return isTimestamp(type) ? instant + zoneOffset(instant, parseType(type).timeZone) : instant;
}

/** A part of a timestamp in its zone, or of a date. */
export function datePart(part: DatePart, value: bigint, type: TypeText): number {
  const local = localNs(value, type);
  const date = new Date(Number(floorDivide(local, MS_NS)));
  switch (part) {
    case 'year':
      return date.getUTCFullYear();
    case 'month':
      return date.getUTCMonth() + 1;
    case 'day':
      return date.getUTCDate();
    case 'hour':
      return date.getUTCHours();
    case 'minute':
      return date.getUTCMinutes();
    case 'second':
      return date.getUTCSeconds();
    case 'millisecond':
      return date.getUTCMilliseconds();
    case 'weekday':
      return date.getUTCDay() === 0 ? 7 : date.getUTCDay();
    case 'dayOfYear': {
      const start = new Date(0);
      start.setUTCFullYear(date.getUTCFullYear(), 0, 1);
      return Number(floorDivide(local, DAY_NS) - floorDivide(BigInt(start.getTime()) * MS_NS, DAY_NS)) + 1;
    }
  }
}
