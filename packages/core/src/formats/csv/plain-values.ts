/**
 * Texts of CSV fields as values, the slow and obvious way: it guesses types from samples, and it is what the kernels are
 * compared with. Integers, dates, times and decimals are bigints in the unit of their type.
 */
import { daysFromCivil } from '../../expressions/calendar.ts';
import { zoneOf } from '../../expressions/time-zone.ts';
import { parseType } from '../../schema/parse-type.ts';
import type { ParsedType, TimeUnitText, TypeText } from '../../schema/types.ts';
import { exactUtc } from './local-time.ts';
import { epochUnit, type FormatStep, formatSteps } from './time-format.ts';

export type PlainValue = bigint | number | boolean | string | null;

const DIGITS: Record<TimeUnitText | 'day', number> = { s: 0, ms: 3, us: 6, ns: 9, day: 0 };
const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];
const FULL_MONTHS = [
  ...['january', 'february', 'march', 'april', 'may', 'june'],
  ...['july', 'august', 'september', 'october', 'november', 'december'],
];
const ISO = /^(\d{4})-(\d\d)-(\d\d)(?:[T t](.*))?$/s;
const CLOCK = /^(\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?(?: ?([Zz]|[+-]\d\d(?::?\d\d)?))?$/;
const TRUTHS = new Set(['true', 't', '1', 'y', 'yes']);
const LIES = new Set(['false', 'f', '0', 'n', 'no']);

/** Time zone and format of a column. */
export interface PlainTime {
  format?: string;
  zone?: string;
}

/** A moment as it is written: seconds since 1970 of its local time, a fraction, and its offset if it names one. */
interface Written {
  seconds: number;
  fraction: string;
  offset?: number;
}

function dayNumber(year: number, month: number, day: number): number | undefined {
  const days = daysFromCivil(year, month, day);
  const isReal =
    month >= 1 && month <= 12 && day >= 1 && day <= new Date(Date.UTC(2000 + (year % 400), month, 0)).getUTCDate();
  return isReal ? days : undefined;
}

function offsetOf(text: string): number {
  if (/^[Zz]$/.test(text)) return 0;
  const [hours, minutes] = [Number(text.slice(1, 3)), Number(text.slice(3).replace(':', '') || 0)];
  if (hours > 23 || minutes > 59) return Number.NaN;
  return (hours * 3600 + minutes * 60) * (text.startsWith('-') ? -1 : 1);
}

function clock(text: string): Written | undefined {
  const match = CLOCK.exec(text);
  if (match === null) return undefined;
  const [hour, minute, second] = [Number(match[1]), Number(match[2]), Number(match[3] ?? 0)] as [
    number,
    number,
    number,
  ];
  if (hour > 23 || minute > 59 || second > 59) return undefined;
  const written: Written = { seconds: hour * 3600 + minute * 60 + second, fraction: match[4] ?? '' };
  if (match[5] !== undefined) written.offset = offsetOf(match[5]);
  return Number.isNaN(written.offset) ? undefined : written;
}

function isoMoment(text: string): Written | undefined {
  const match = ISO.exec(text);
  if (match === null) return undefined;
  const days = dayNumber(Number(match[1]), Number(match[2]), Number(match[3]));
  const time = match[4] === undefined ? { seconds: 0, fraction: '' } : clock(match[4]);
  return days === undefined || time === undefined ? undefined : { ...time, seconds: days * 86_400 + time.seconds };
}

// biome-ignore format: a table
const PATTERNS: Record<string, string> = {
  Y: '\\d{4}', y: '\\d{1,2}', m: '\\d{1,2}', d: '\\d{1,2}', e: ' ?\\d{1,2}', j: '\\d{1,3}', H: '\\d{1,2}', I: '\\d{1,2}',
  M: '\\d{1,2}', S: '\\d{1,2}', f: '\\d{1,9}', p: '[aApP][mM]', b: '[A-Za-z]{3}', B: '[A-Za-z]+', z: '[Zz]|[+-][\\d:]*',
};

/** A text by the steps of a format. */
function formattedMoment(text: string, steps: readonly FormatStep[]): Written | undefined {
  const pattern = steps
    .map(({ letter, literal }) =>
      letter === undefined ? (literal as string).replace(/[\\^$.*+?()[\]{}|/]/, '\\$&') : `(${PATTERNS[letter]})`,
    )
    .join('');
  const match = new RegExp(`^${pattern}$`).exec(text);
  if (match === null) return undefined;
  const parts = new Map<string, string>();
  for (const [index, step] of steps.filter(({ letter }) => letter !== undefined).entries())
    parts.set(step.letter as string, match[index + 1] as string);
  return assembled(parts);
}

function assembled(parts: ReadonlyMap<string, string>): Written | undefined {
  const number = (letter: string, otherwise: number): number => Number(parts.get(letter) ?? otherwise);
  const short = parts.get('y');
  const year = short === undefined ? number('Y', 1970) : Number(short) + (Number(short) < 69 ? 2000 : 1900);
  const named = parts.get('b')?.toLowerCase() ?? parts.get('B')?.toLowerCase();
  const month = named === undefined ? number('m', 1) : (parts.has('b') ? MONTHS : FULL_MONTHS).indexOf(named) + 1;
  let days = dayNumber(year, month, parts.has('e') ? number('e', 1) : number('d', 1));
  if (days === undefined) return undefined;
  if (parts.has('j') && number('j', 0) > 0) {
    days = daysFromCivil(year, 1, 1) + number('j', 1) - 1;
    if (days >= daysFromCivil(year + 1, 1, 1)) return undefined;
  }
  let hour = number('H', 0);
  if (parts.has('I')) hour = number('I', 0) >= 1 && number('I', 0) <= 12 ? number('I', 0) : 99;
  if (parts.has('p')) hour = hour > 12 ? 99 : (hour % 12) + (/^p/i.test(parts.get('p') as string) ? 12 : 0);
  const [minute, second] = [number('M', 0), number('S', 0)];
  if (hour > 23 || minute > 59 || second > 59) return undefined;
  const zone = parts.get('z');
  if (zone !== undefined && !/^([Zz]|[+-]\d\d(:?\d\d)?)$/.test(zone)) return undefined;
  const offset = zone === undefined ? undefined : offsetOf(zone);
  if (Number.isNaN(offset)) return undefined;
  const seconds = days * 86_400 + hour * 3600 + minute * 60 + second;
  return { seconds, fraction: parts.get('f') ?? '', ...(offset !== undefined && { offset }) };
}

/** Seconds and a fraction as ticks of a unit, where that is exact. */
function ticks(seconds: number, fraction: string, unit: TimeUnitText | 'day'): bigint | undefined {
  const digits = DIGITS[unit];
  if (/[1-9]/.test(fraction.slice(digits))) return undefined;
  const value = BigInt(seconds) * 10n ** BigInt(digits) + BigInt(fraction.slice(0, digits).padEnd(digits, '0') || '0');
  const limit = (2n ** 63n - 1n) / 10n ** BigInt(digits) - 1n;
  return BigInt(seconds) > limit || BigInt(seconds) < -limit ? undefined : value;
}

function epochTicks(text: string, own: TimeUnitText, unit: TimeUnitText): bigint | undefined {
  const match = /^(-?)(\d+)(?:\.(\d{1,9}))?$/.exec(text);
  if (match === null || (match[2] as string).replace(/^0+/, '').length > 20) return undefined;
  const shift = DIGITS[unit] - DIGITS[own];
  const digits = `${match[2]}${match[3] ?? ''}`;
  const exponent = shift - (match[3] ?? '').length;
  const scale = 10n ** BigInt(Math.abs(exponent));
  if (exponent < 0 && BigInt(digits) % scale !== 0n) return undefined;
  const value = exponent < 0 ? BigInt(digits) / scale : BigInt(digits) * scale;
  if (value >= 2n ** 63n) return undefined;
  return match[1] === '-' ? -value : value;
}

function temporal(parsed: ParsedType, text: string, time: PlainTime): bigint | undefined {
  const unit = (parsed.unit ?? 's') as TimeUnitText;
  const own = time.format === undefined ? undefined : epochUnit(time.format);
  if (own !== undefined) return epochTicks(text, own, unit);
  const steps = time.format === undefined ? undefined : formatSteps('', time.format);
  if (parsed.text.startsWith('time3') || parsed.text.startsWith('time6')) {
    const written = steps === undefined ? clock(text) : formattedMoment(text, steps);
    return written === undefined || written.offset !== undefined
      ? undefined
      : ticks(written.seconds, written.fraction, unit);
  }
  const written = steps === undefined ? isoMoment(text) : formattedMoment(text, steps);
  if (written === undefined) return undefined;
  if (parsed.text.startsWith('date')) {
    if (steps === undefined && text.length !== 10) return undefined;
    const days = BigInt(Math.floor(written.seconds / 86_400));
    return parsed.text === 'date64' ? days * 86_400_000n : days;
  }
  const zone = zoneOf(time.zone ?? parsed.timeZone);
  const seconds = written.offset === undefined ? exactUtc(zone, written.seconds) : written.seconds - written.offset;
  return seconds === undefined ? undefined : ticks(seconds, written.fraction, unit);
}

function integer(parsed: ParsedType, text: string): bigint | undefined {
  if (!/^[+-]?\d+$/.test(text)) return undefined;
  const value = BigInt(text.replace('+', ''));
  const bits = BigInt(parsed.byteWidth * 8);
  const [least, most] =
    parsed.domain === 'uint' ? [0n, 2n ** bits - 1n] : [-(2n ** (bits - 1n)), 2n ** (bits - 1n) - 1n];
  return value < least || value > most ? undefined : value;
}

function real(parsed: ParsedType, text: string): number | undefined {
  const letters = /^([+-]?)(nan|inf|infinity)$/i.exec(text);
  if (letters !== null) {
    const isNone = (letters[2] as string).toLowerCase() === 'nan';
    return isNone ? Number.NaN : letters[1] === '-' ? -Infinity : Infinity;
  }
  if (!/^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/.test(text)) return undefined;
  const value = Number(text);
  return parsed.byteWidth === 4 ? Math.fround(value) : value;
}

function decimal(parsed: ParsedType, text: string): bigint | undefined {
  const match = /^([+-]?)(\d*)(?:\.(\d*))?$/.exec(text);
  if (match === null || `${match[2]}${match[3] ?? ''}` === '') return undefined;
  const scale = Math.max(0, parsed.scale ?? 0);
  const behind = match[3] ?? '';
  if (/[1-9]/.test(behind.slice(scale))) return undefined;
  const digits = `${match[2]}${behind.slice(0, scale).padEnd(scale, '0')}`;
  if (digits.replace(/^0+/, '').length > (parsed.precision ?? 38)) return undefined;
  return match[1] === '-' ? -BigInt(digits) : BigInt(digits);
}

/**
 * The value of a field: undefined when its text is none of the type, null when it is empty or one of `nulls`. A text in quotes is
 * null only where it is empty and the type is no text.
 */
export function plainValue(
  type: TypeText,
  text: string,
  quoted: boolean,
  nulls: readonly string[],
  time: PlainTime = {},
): PlainValue | undefined {
  const parsed = parseType(type);
  if (parsed.domain === 'utf8') return !quoted && (text === '' || nulls.includes(text)) ? null : text;
  // Bytes up to the blank are left out around values.
  const trimmed = text.replace(/^[\0- ]+|[\0- ]+$/g, '');
  if (trimmed === '' || (!quoted && nulls.includes(trimmed))) return null;
  if (parsed.precision !== undefined) return decimal(parsed, trimmed);
  if (parsed.text.startsWith('duration')) return integer({ ...parsed, domain: 'int' }, trimmed);
  switch (parsed.domain) {
    case 'bool':
      return TRUTHS.has(trimmed.toLowerCase()) ? true : LIES.has(trimmed.toLowerCase()) ? false : undefined;
    case 'float':
      return real(parsed, trimmed);
    case 'temporal':
      return temporal(parsed, trimmed, time);
    default:
      return integer(parsed, trimmed);
  }
}
