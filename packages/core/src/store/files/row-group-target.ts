/**
 * How large row groups should be: so many rows, or the rows of one period. Periods are of fixed length (`'1d'`, `'6h'`,
 * `'1w'` from Monday), whole months (`'1mo'`, `'3mo'`, `'1y'`), or begin on chosen days of each month.
 */
import { PipelineError } from '../../errors.ts';
import type { OrderedValue } from '../../formats/ordered-value.ts';
import { parseDuration, unitNanoseconds } from '../../schema/durations.ts';
import { parseType } from '../../schema/parse-type.ts';
import type { TypeText } from '../../schema/types.ts';

/**
 * Rows of a row group, or its period: a duration, months (`'1mo'`) or years (`'1y'`), or days of the month, those from its
 * end negative: `{ monthDays: [1, 15] }`, `{ monthDays: [-1] }`. Plain data.
 */
export type RowGroupTarget = number | string | { readonly monthDays: readonly number[] };

/** Rows of a row group when nothing says otherwise. */
export const DEFAULT_TARGET = 524_288;

/** Periods of a column's values: each begins where the one before ends. */
export interface Periods {
  /** The greatest beginning at or before a value. */
  startOf(value: OrderedValue): bigint;
  /** The beginning after a value: the end of its period. */
  endOf(value: OrderedValue): bigint;
}

type PeriodKind =
  | { kind: 'fixed'; nanoseconds: bigint }
  | { kind: 'months'; count: number }
  | { kind: 'monthDays'; days: readonly number[] };

/** 1970-01-05 was a Monday. */
const FIRST_MONDAY_DAY = 4n;
const WEEK_NANOSECONDS = 604_800_000_000_000n;

function refuse(value: unknown, problem: string, hint: string): PipelineError {
  return new PipelineError('ERR_OPTIONS', `rowGroupTarget ${JSON.stringify(value)}: ${problem}`, {
    value: String(JSON.stringify(value)),
    hint,
  });
}

const USAGE = "give a number of rows, or a period such as '1d', '6h', '1mo', '1y' or { monthDays: [1, 15] }";

function periodKind(target: Exclude<RowGroupTarget, number>): PeriodKind {
  if (typeof target === 'object') {
    const days = target?.monthDays;
    const isRight = Array.isArray(days) && days.length > 0;
    if (!isRight || days.some((day) => !Number.isInteger(day) || day === 0 || day < -28 || day > 28))
      throw refuse(target, 'these are no days of every month', 'use 1 to 28, or -1 (the last day) to -28');
    return { kind: 'monthDays', days };
  }
  const calendar = /^(\d{1,4})\s*(mo|q|y)$/.exec(String(target).trim());
  if (calendar !== null) {
    const count = Number(calendar[1]) * { mo: 1, q: 3, y: 12 }[calendar[2] as 'mo' | 'q' | 'y'];
    if (count > 0) return { kind: 'months', count };
  }
  let nanoseconds: bigint;
  try {
    nanoseconds = parseDuration(target, 'rowGroupTarget');
  } catch {
    throw refuse(target, 'this is no period', USAGE);
  }
  if (nanoseconds <= 0n) throw refuse(target, 'a period has a length', USAGE);
  return { kind: 'fixed', nanoseconds };
}

/** @throws ERR_OPTIONS for what is no target */
export function checkTarget(target: RowGroupTarget): void {
  if (typeof target !== 'number') return void periodKind(target);
  if (!Number.isSafeInteger(target) || target < 1) throw refuse(target, 'this is no number of rows', USAGE);
}

function floorDiv(value: bigint, by: bigint): bigint {
  const quotient = value / by;
  return value % by < 0n ? quotient - 1n : quotient;
}

function fixedPeriods(width: bigint, origin: bigint): Periods {
  const startOf = (value: OrderedValue): bigint => floorDiv(BigInt(value) - origin, width) * width + origin;
  return { startOf, endOf: (value) => startOf(value) + width };
}

/** Days since 1970 of the first of a month, months counted from year 0. */
function firstDay(month: number): number {
  const date = new Date(0);
  date.setUTCFullYear(Math.floor(month / 12), ((month % 12) + 12) % 12, 1);
  return date.getTime() / 86_400_000;
}

function monthOf(day: number): number {
  const date = new Date(day * 86_400_000);
  return date.getUTCFullYear() * 12 + date.getUTCMonth();
}

/** Beginnings in the months around a day, ascending. */
function beginningsAround(kind: Exclude<PeriodKind, { kind: 'fixed' }>, day: number): number[] {
  const month = monthOf(day);
  if (kind.kind === 'months') {
    const first = Math.floor(month / kind.count) * kind.count;
    return [firstDay(first), firstDay(first + kind.count)];
  }
  const months = [month - 1, month, month + 1];
  const days = months.flatMap((each) =>
    kind.days.map((of) => (of > 0 ? firstDay(each) + of - 1 : firstDay(each + 1) + of)),
  );
  return days.sort((a, b) => a - b);
}

function calendarPeriods(kind: Exclude<PeriodKind, { kind: 'fixed' }>, perDay: bigint): Periods {
  const around = (value: OrderedValue): [start: bigint, end: bigint] => {
    const day = Number(floorDiv(BigInt(value), perDay));
    const beginnings = beginningsAround(kind, day);
    const next = beginnings.findIndex((beginning) => beginning > day);
    return [BigInt(beginnings[next - 1] ?? 0) * perDay, BigInt(beginnings[next] ?? 0) * perDay];
  };
  return { startOf: (value) => around(value)[0], endOf: (value) => around(value)[1] };
}

/**
 * The periods of a target over a column of times or dates; undefined for a target in rows.
 * @throws ERR_OPTIONS when the column has no times, or its unit is coarser than the period
 */
export function periodsOf(target: RowGroupTarget, type: TypeText): Periods | undefined {
  checkTarget(target);
  if (typeof target === 'number') return undefined;
  const { unit } = parseType(type);
  const isDate = type === 'date32' || type === 'date64';
  if (!isDate && !(type.startsWith('timestamp') && unit !== undefined))
    throw refuse(target, `rows are ordered on a column of type ${type}, which has no periods`, 'give a number of rows');
  const perDay = isDate
    ? type === 'date32'
      ? 1n
      : 86_400_000n
    : unitNanoseconds('day') / unitNanoseconds(unit ?? 's');
  const kind = periodKind(target);
  if (kind.kind !== 'fixed') return calendarPeriods(kind, perDay);
  const tick = unitNanoseconds('day') / perDay;
  if (kind.nanoseconds % tick !== 0n)
    throw refuse(target, `a column of type ${type} is coarser than that`, 'give a longer period');
  const isWeeks = kind.nanoseconds % WEEK_NANOSECONDS === 0n;
  return fixedPeriods(kind.nanoseconds / tick, isWeeks ? FIRST_MONDAY_DAY * perDay : 0n);
}
