/**
 * Civil dates and int64 instants by arithmetic on doubles, exact for every int64 that has a year.
 *
 * Days and dates after Howard Hinnant, "chrono-compatible low-level date algorithms" (2013): the year starts in March,
 * an era is 400 years.
 */
import type { TimeUnitText } from '../schema/types.ts';

export const SECONDS_PER_DAY = 86_400;

/** Ticks of a unit in one second. */
export const TICKS_PER_SECOND: Readonly<Record<TimeUnitText, number>> = { s: 1, ms: 1e3, us: 1e6, ns: 1e9 };

export interface CivilDate {
  year: number;
  /** 1 … 12 */
  month: number;
  /** 1 … 31 */
  day: number;
}

/** The date of a day counted from 1970-01-01. */
export function civilFromDays(days: number): CivilDate {
  const shifted = days + 719_468;
  const era = Math.floor(shifted / 146_097);
  const dayOfEra = shifted - era * 146_097;
  const yearOfEra = Math.floor(
    (dayOfEra - Math.floor(dayOfEra / 1_460) + Math.floor(dayOfEra / 36_524) - Math.floor(dayOfEra / 146_096)) / 365,
  );
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const monthFromMarch = Math.floor((5 * dayOfYear + 2) / 153);
  const day = dayOfYear - Math.floor((153 * monthFromMarch + 2) / 5) + 1;
  const month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9;
  return { year: yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day };
}

/** Days from 1970-01-01 to a date of the proleptic Gregorian calendar. */
export function daysFromCivil(year: number, month: number, day: number): number {
  const shiftedYear = month <= 2 ? year - 1 : year;
  const era = Math.floor(shiftedYear / 400);
  const yearOfEra = shiftedYear - era * 400;
  const monthFromMarch = month > 2 ? month - 3 : month + 9;
  const dayOfYear = Math.floor((153 * monthFromMarch + 2) / 5) + day - 1;
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear;
  return era * 146_097 + dayOfEra - 719_468;
}

function daysInMonth(year: number, month: number): number {
  if (month === 2) return (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0 ? 29 : 28;
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
}

export function isCivilDate(year: number, month: number, day: number): boolean {
  return month >= 1 && month <= 12 && day >= 1 && day <= daysInMonth(year, month);
}

/** 1 (Monday) … 7 (Sunday) of a day counted from 1970-01-01, a Thursday. */
export function weekdayOf(days: number): number {
  return ((((days + 3) % 7) + 7) % 7) + 1;
}

/** The floor quotient and remainder of an int64 by a small divisor, without a BigInt. */
export class FloorDivision {
  quotient = 0;
  remainder = 0;
  readonly #divisor: number;

  /** `divisor` is 1 … 1e9: the remainder of a quotient that is off by one then still fits 32 bits. */
  constructor(divisor: number) {
    this.#divisor = divisor;
  }

  /** Divides high · 2^32 + low (low unsigned). */
  divide(high: number, low: number): void {
    const divisor = this.#divisor;
    // Off by at most one, since the quotient's rounding error is far below one; the remainder modulo 2^32 tells which.
    let quotient = Math.floor((high * 4_294_967_296 + low) / divisor);
    let remainder = (low - Math.imul(quotient | 0, divisor)) | 0;
    if (divisor === 1) remainder = 0;
    if (remainder < 0) {
      quotient -= 1;
      remainder += divisor;
    } else if (remainder >= divisor) {
      quotient += 1;
      remainder -= divisor;
    }
    this.quotient = quotient;
    this.remainder = remainder;
  }
}
