/**
 * Bins as the user writes them: one of `every` (with `period`, `origin`, `timeZone`), `rows`, `edges` and `gap`. What depends
 * on the ordered column's type is settled when the plan is bound (`bound-bins.ts`).
 */
import { PipelineError } from '../errors.ts';
import { civilFromDays, SECONDS_PER_DAY } from '../expressions/calendar.ts';
import { utcFromLocal, type Zone, zoneOf } from '../expressions/time-zone.ts';
import { type Duration, parseDuration } from '../schema/durations.ts';
import { parseIsoTime } from '../schema/iso-time.ts';
import type { BinSpec, CalendarBins, FixedBins } from './logical.ts';

/** A moment: a `Date`, ISO text (without an offset: in the aggregation's time zone, else UTC), or milliseconds; for columns of plain numbers a number. */
export type Instant = Date | string | number | bigint;

/** A fixed duration (`'90m'`, milliseconds) or calendar units: `'1d'`, `'2w'`, `'1mo'`, `'1q'`, `'1y'`. */
export type BinWidth = Duration;

/** The day that weeks begin on. */
export type FirstDay = 'monday' | 'tuesday' | 'wednesday' | 'thursday' | 'friday' | 'saturday' | 'sunday';

/** Which bins. */
export interface BinOptions {
  /**
   * Width of a bin. Months, quarters and years are calendar units; days and weeks are, where there is a `timeZone`, else 24 hours and 7 × 24.
   * For an ordered column of plain numbers, that many of its steps.
   */
  every?: BinWidth;
  /** Length of the windows that start `every` so often; default `every`. */
  period?: BinWidth;
  /** Start of some bin; default 1970-01-01, for whole weeks Monday 1970-01-05 or the first day before it. */
  origin?: Instant;
  /** Whose days, weeks, months and years; default UTC. Of durations below a day it only places the origin. */
  timeZone?: string;
  /** First day of weeks; default Monday. */
  weekStart?: FirstDay;
  /** So many rows of a key make a bin. */
  rows?: number;
  /** Bins between these, in ascending order. */
  edges?: readonly Instant[];
  /** Rows before the first edge or at or behind the last: an error (default), or dropped. */
  outside?: 'error' | 'drop';
  /** A session ends when the next row of its key is more than this later. */
  gap?: Duration;
}

const WEEK_NS = 604_800_000_000_000n;
export const DAY_NS = 86_400_000_000_000n;
export const MS_NS = 1_000_000n;
const DAYS: readonly FirstDay[] = ['thursday', 'friday', 'saturday', 'sunday', 'monday', 'tuesday', 'wednesday'];

/** A refusal of an option of `aggStream`. */
export function refuse(problem: string, hint: string): PipelineError {
  return new PipelineError('ERR_OPTIONS', `aggStream: ${problem}`, { stage: 'aggStream', hint });
}

/** The bins of an aggregation. @throws ERR_OPTIONS */
export function binSpec(name: string, options: BinOptions): BinSpec {
  const kinds = (['every', 'rows', 'edges', 'gap'] as const).filter((kind) => options[kind] !== undefined);
  if (kinds.length !== 1) {
    throw refuse(
      `aggregation "${name}" has ${kinds.length === 0 ? 'no bins' : `bins by ${kinds.join(' and by ')}`}`,
      "give one of every ('1h'), rows (100), edges (['2026-01-01', …]) and gap ('30m')",
    );
  }
  checkCompany(name, options, kinds[0] as 'every');
  if (options.rows !== undefined) return rowBins(name, options.rows);
  if (options.edges !== undefined) return edgeBins(name, options);
  if (options.gap !== undefined) {
    const gap = parseDuration(options.gap, `gap of aggregation "${name}"`);
    return { kind: 'sessions', gapNs: String(gap), text: String(options.gap) };
  }
  return everyBins(name, options);
}

const COMPANY: Readonly<Record<'every' | 'rows' | 'edges' | 'gap', readonly (keyof BinOptions)[]>> = {
  every: ['period', 'origin', 'timeZone', 'weekStart'],
  rows: [],
  edges: ['outside', 'timeZone'],
  gap: [],
};

function checkCompany(name: string, options: BinOptions, kind: keyof typeof COMPANY): void {
  for (const option of ['period', 'origin', 'timeZone', 'weekStart', 'outside'] as const) {
    if (options[option] === undefined || COMPANY[kind].includes(option)) continue;
    throw refuse(`aggregation "${name}": ${option} has no meaning for bins by ${kind}`, `leave ${option} out`);
  }
}

function rowBins(name: string, rows: number): BinSpec {
  if (Number.isSafeInteger(rows) && rows > 0) return { kind: 'rows', rows, text: `${rows} rows` };
  throw refuse(`aggregation "${name}": rows is ${String(rows)}`, 'give a positive whole number');
}

function edgeBins(name: string, { edges = [], outside = 'error', timeZone }: BinOptions): BinSpec {
  if (outside !== 'error' && outside !== 'drop')
    throw refuse(`aggregation "${name}": outside is ${String(outside)}`, "use 'error' or 'drop'");
  const edgesNs = ascendingNs(name, 'edges', edges, zoneFor(name, timeZone));
  if (edgesNs.length < 2)
    throw refuse(`aggregation "${name}" has ${edgesNs.length} edges`, 'a bin lies between two: give at least two');
  return { kind: 'edges', edgesNs, outside, text: `${edgesNs.length - 1} edges` };
}

export function ascendingNs(name: string, what: string, points: readonly Instant[], zone: Zone): string[] {
  const found = points.map((point) => instantNs(name, what, point, zone));
  for (const [index, point] of found.entries()) {
    if (index > 0 && point <= (found[index - 1] as bigint))
      throw refuse(
        `aggregation "${name}": ${what} do not ascend: ${String(points[index])} comes after ${String(points[index - 1])}`,
        `give ${what} in ascending order, each once`,
      );
  }
  return found.map(String);
}

/** @throws ERR_OPTIONS when there is no such zone */
export function zoneFor(name: string, timeZone: string | undefined): Zone {
  try {
    return zoneOf(timeZone);
  } catch {
    throw refuse(
      `aggregation "${name}": there is no time zone "${String(timeZone)}"`,
      "write an IANA name such as 'America/New_York'",
    );
  }
}

const CALENDAR = /^(\d+)\s*(mo|months?|q|quarters?|y|years?|d|days?|w|weeks?)$/;

/** Months or days in a width that is written in calendar units; undefined for durations. */
function calendarWidth(width: BinWidth | undefined): { unit: 'day' | 'month'; count: number } | undefined {
  const match = typeof width === 'string' ? CALENDAR.exec(width.trim()) : null;
  if (match === null) return undefined;
  const count = Number(match[1]);
  const unit = match[2] as string;
  if (unit.startsWith('d')) return { unit: 'day', count };
  if (unit.startsWith('w')) return { unit: 'day', count: count * 7 };
  return { unit: 'month', count: count * (unit.startsWith('m') ? 1 : unit.startsWith('q') ? 3 : 12) };
}

function everyBins(name: string, options: BinOptions): BinSpec {
  const { every, period, timeZone } = options;
  const own = zoneFor(name, timeZone);
  const width = calendarWidth(every);
  const length = period === undefined ? width : calendarWidth(period);
  const isCalendar = width !== undefined && (width.unit === 'month' || !own.isUtc);
  if (isCalendar) {
    if (width.count <= 0 || (length?.count ?? 0) <= 0 || length?.unit !== width.unit)
      throw refuse(
        `aggregation "${name}": every is ${String(every)}${period === undefined ? '' : ` and period ${String(period)}`}`,
        'give positive numbers, both of days (weeks) or both of months (quarters, years)',
      );
    return calendarBins(name, options, { ...width, period: length.count }, own);
  }
  return fixedBins(name, options, own);
}

function calendarBins(
  name: string,
  { every, origin, timeZone = 'UTC', weekStart, period }: BinOptions,
  width: { unit: 'day' | 'month'; count: number; period: number },
  own: Zone,
): CalendarBins {
  const { unit, count } = width;
  const text = `${String(every)} of ${timeZone}`;
  const base = {
    kind: 'calendar' as const,
    unit,
    every: count,
    timeZone,
    text,
    ...(period !== undefined && width.period !== count && { period: width.period }),
  };
  if (origin === undefined) {
    const first = weekStart === undefined ? 4 : weekDay(name, weekStart);
    return { ...base, origin: unit === 'day' && (count % 7 === 0 || weekStart !== undefined) ? first : 0 };
  }
  const seconds = Number(instantNs(name, 'origin', origin, own) / 1_000_000_000n);
  const local = seconds + own.offsetAt(seconds);
  const day = Math.floor(local / SECONDS_PER_DAY);
  const { year, month, day: dayOfMonth } = civilFromDays(day);
  if (unit === 'month' && dayOfMonth !== 1)
    throw refuse(
      `aggregation "${name}": bins of months cannot start on ${String(origin)}`,
      'give the first day of a month as origin',
    );
  return { ...base, origin: unit === 'day' ? day : (year - 1970) * 12 + month - 1 };
}

function weekDay(name: string, first: FirstDay): number {
  const at = DAYS.indexOf(first);
  if (at >= 0) return at;
  throw refuse(`aggregation "${name}": weekStart is ${String(first)}`, "write 'monday', 'sunday', …");
}

export function fixedBins(name: string, { every, period, origin, weekStart }: BinOptions, own: Zone): FixedBins {
  const width = (value: BinWidth | undefined, option: string): bigint => {
    const calendar = calendarWidth(value);
    const ns =
      calendar === undefined
        ? parseDuration(value as Duration, `${option} of aggregation "${name}"`)
        : BigInt(calendar.count) * DAY_NS;
    if (ns > 0n && calendar?.unit !== 'month') return ns;
    throw refuse(`aggregation "${name}": ${option} is ${String(value)}`, "give a positive duration such as '1h'");
  };
  const everyNs = width(every, 'every');
  const periodNs = period === undefined ? everyNs : width(period, 'period');
  return {
    kind: 'fixed',
    everyNs: String(everyNs),
    originNs: String(
      origin === undefined ? defaultOrigin(name, everyNs, weekStart, own) : instantNs(name, 'origin', origin, own),
    ),
    ...(periodNs !== everyNs && { periodNs: String(periodNs) }),
    text: period === undefined ? String(every) : `${String(every)} over ${String(period)}`,
  };
}

function defaultOrigin(name: string, everyNs: bigint, weekStart: FirstDay | undefined, own: Zone): bigint {
  const isWeek = everyNs % WEEK_NS === 0n || weekStart !== undefined;
  const day = isWeek ? (weekStart === undefined ? 4 : weekDay(name, weekStart)) : 0;
  return BigInt(utcFromLocal(own, day * SECONDS_PER_DAY)) * 1_000_000_000n;
}

/** Nanoseconds since 1970. */
function instantNs(name: string, what: string, point: Instant, own: Zone): bigint {
  if (typeof point === 'bigint') return point * MS_NS;
  if (typeof point === 'number' && Number.isSafeInteger(point)) return BigInt(point) * MS_NS;
  if (point instanceof Date && Number.isSafeInteger(point.getTime())) return BigInt(point.getTime()) * MS_NS;
  const ns = typeof point === 'string' ? parseIsoTime(point) : undefined;
  if (ns === undefined)
    throw refuse(
      `aggregation "${name}": ${what} ${String(point)} is not a time`,
      "write a Date or ISO text such as '2026-01-01'",
    );
  const hasOffset = /\d[T ].*(Z|[+-]\d\d:?(\d\d)?)$/i.test((point as string).trim());
  if (hasOffset || own.isUtc) return ns;
  const seconds = ns >= 0n ? ns / 1_000_000_000n : (ns - 999_999_999n) / 1_000_000_000n;
  return BigInt(utcFromLocal(own, Number(seconds))) * 1_000_000_000n + (ns - seconds * 1_000_000_000n);
}

/** `'left'` or `'right'`. @throws ERR_OPTIONS */
export function endOf(
  name: string,
  what: string,
  given: 'left' | 'right' | undefined,
  otherwise: 'left' | 'right',
): 'left' | 'right' {
  if (given === undefined) return otherwise;
  if (given === 'left' || given === 'right') return given;
  throw refuse(`aggregation "${name}": ${what} is ${String(given)}`, "use 'left' or 'right'");
}
