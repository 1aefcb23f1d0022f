/** Values as text and back, one at a time: the forms that the rules in `node.ts` allow. */
import { PipelineError } from '../errors.ts';
import { parseType } from '../schema/parse-type.ts';
import type { TypeText } from '../schema/types.ts';
import { civilFromDays, daysFromCivil, isCivilDate, SECONDS_PER_DAY, TICKS_PER_SECOND } from './calendar.ts';
import { LocalReader } from './dates.ts';
import { classOf, isUnsigned, unitOf, zoneNameOf } from './step.ts';
import { fixedOffset, utcFromLocal, zoneOf } from './time-zone.ts';

/** Reads a text as a value; undefined when it is none of the type. */
export type TextParser = (text: string) => number | bigint | boolean | undefined;

function parseInteger(type: TypeText): TextParser {
  const bits = parseType(type).byteWidth * 8;
  return (text) => {
    if (!/^[+-]?\d+$/.test(text)) return undefined;
    const value = BigInt(text.startsWith('+') ? text.slice(1) : text);
    return (isUnsigned(type) ? BigInt.asUintN(bits, value) : BigInt.asIntN(bits, value)) === value ? value : undefined;
  };
}

function parseFloatText(text: string): number | undefined {
  if (/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text)) return Number(text);
  const special = /^([+-]?)(nan|inf|infinity)$/i.exec(text);
  if (special === null) return undefined;
  if (special[2]?.toLowerCase() === 'nan') return Number.NaN;
  return special[1] === '-' ? -Infinity : Infinity;
}

function parseBool(text: string): boolean | undefined {
  const lower = text.toLowerCase();
  return lower === 'true' ? true : lower === 'false' ? false : undefined;
}

const YEAR = '([+-]\\d{6}|\\d{4})';
const DATE = new RegExp(`^${YEAR}-(\\d\\d)-(\\d\\d)$`);
const TIMESTAMP = new RegExp(
  `^${YEAR}-(\\d\\d)-(\\d\\d)(?:[T ](\\d\\d):(\\d\\d)(?::(\\d\\d)(?:\\.(\\d+))?)?(Z|[+-]\\d\\d:?\\d\\d)?)?$`,
);

function dayOf(match: RegExpExecArray): number | undefined {
  const [year, month, day] = [Number(match[1]), Number(match[2]), Number(match[3])];
  return isCivilDate(year, month, day) ? daysFromCivil(year, month, day) : undefined;
}

function parseDate(type: TypeText): TextParser {
  return (text) => {
    const match = DATE.exec(text);
    const day = match === null ? undefined : dayOf(match);
    if (day === undefined || type === 'date32') return day === undefined ? undefined : BigInt(day);
    return BigInt(day) * BigInt(SECONDS_PER_DAY * 1_000);
  };
}

/** Digits of a second's fraction that a unit shows. */
const FRACTION_DIGITS = { s: 0, ms: 3, us: 6, ns: 9, day: 0 } as const;

function parseTimestamp(type: TypeText): TextParser {
  const unit = unitOf(type);
  const zone = zoneOf(zoneNameOf(type));
  const digits = FRACTION_DIGITS[unit];
  const ticks = BigInt(unit === 'day' ? 1 : TICKS_PER_SECOND[unit]);
  return (text) => {
    const match = TIMESTAMP.exec(text);
    const day = match === null ? undefined : dayOf(match);
    if (match === null || day === undefined) return undefined;
    const [hour, minute, second] = [Number(match[4] ?? 0), Number(match[5] ?? 0), Number(match[6] ?? 0)];
    const offset = match[8] === undefined || match[8] === 'Z' ? 0 : fixedOffset(match[8]);
    if (hour > 23 || minute > 59 || second > 59 || offset === undefined) return undefined;
    const local = day * SECONDS_PER_DAY + hour * 3_600 + minute * 60 + second;
    const utc = match[8] === undefined ? utcFromLocal(zone, local) : local - offset;
    const fraction = (match[7] ?? '').slice(0, digits).padEnd(digits, '0');
    const value = BigInt(utc) * ticks + BigInt(fraction === '' ? 0 : fraction);
    return BigInt.asIntN(64, value) === value ? value : undefined;
  };
}

/** How texts are read as values of a type that text casts to. */
export function textParser(type: TypeText): TextParser {
  switch (classOf(type)) {
    case 'bool':
      return parseBool;
    case 'float':
      return parseFloatText;
    case 'date':
      return parseDate(type);
    case 'timestamp':
      return parseTimestamp(type);
    default:
      return parseInteger(type);
  }
}

/** A text literal that stands beside a temporal value. @throws ERR_EXPRESSION when it cannot be read */
export function parseTemporalLiteral(text: string, type: TypeText): bigint {
  const value = parseTimestamp(type === 'date32' ? 'timestamp[s]' : type)(text);
  if (typeof value === 'bigint' && type !== 'date32') return value;
  const day = parseDate('date32')(text);
  if (typeof day === 'bigint') return day;
  throw new PipelineError('ERR_EXPRESSION', `the text ${JSON.stringify(text)} cannot be read as ${type}`, {
    value: text,
    expected: type,
    hint: "write it as '2024-01-31' or '2024-01-31T09:30:00'",
  });
}

function pad(value: number, digits: number): string {
  return String(value).padStart(digits, '0');
}

function formatDay(day: number): string {
  const { year, month, day: dayOfMonth } = civilFromDays(day);
  const isPlain = year >= 0 && year <= 9_999;
  const yearText = isPlain ? pad(year, 4) : `${year < 0 ? '-' : '+'}${pad(Math.abs(year), 6)}`;
  return `${yearText}-${pad(month, 2)}-${pad(dayOfMonth, 2)}`;
}

function formatOffset(seconds: number): string {
  const minutes = Math.floor(Math.abs(seconds) / 60);
  return `${seconds < 0 ? '-' : '+'}${pad(Math.floor(minutes / 60), 2)}:${pad(minutes % 60, 2)}`;
}

/** How values of a type are written; integers come as number or bigint. */
export function textFormatter(type: TypeText): (value: number | bigint) => string {
  const kind = classOf(type);
  if (type === 'date32') return (value) => formatDay(Number(value));
  if (kind === 'date') return (value) => formatDay(Math.floor(Number(value) / (SECONDS_PER_DAY * 1_000)));
  if (kind !== 'timestamp') return String;
  const reader = new LocalReader(type);
  const zoneName = zoneNameOf(type);
  const zone = zoneOf(zoneName);
  const digits = FRACTION_DIGITS[unitOf(type)];
  return (value) => {
    const ticks = BigInt(value);
    reader.read(Number(ticks >> 32n), Number(ticks & 0xffff_ffffn));
    const { second } = reader;
    const time = `${pad(Math.floor(second / 3_600), 2)}:${pad(Math.floor(second / 60) % 60, 2)}:${pad(second % 60, 2)}`;
    const fraction = digits === 0 ? '' : `.${pad(reader.fraction, digits)}`;
    const suffix = zoneName === undefined ? '' : zone.isUtc ? 'Z' : formatOffset(reader.offset);
    return `${formatDay(reader.day)}T${time}${fraction}${suffix}`;
  };
}
