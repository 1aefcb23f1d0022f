/** Bins of the reference executor, in nanoseconds (or steps of a column of plain numbers): which of them an instant lies in. */
import type { BinSpec, CalendarBins, FixedBins } from '../logical.ts';
import { floorDivide, instantOf, zoneOffset } from './dates.ts';
import type { Row } from './values.ts';

/** Rows of one key in one bin. */
export interface Group {
  keys: Row;
  rows: Row[];
}

/** A window over time: [start, end), and its number among all windows. */
export interface Window {
  index: bigint;
  start: bigint;
  end: bigint;
}

const DAY_NS = 86_400_000_000_000n;

function monthStart(month: bigint): bigint {
  const date = new Date(0);
  date.setUTCFullYear(1970 + Number(floorDivide(month, 12n)), Number(month - floorDivide(month, 12n) * 12n), 1);
  return BigInt(date.getTime()) * 1_000_000n;
}

function calendarWindow({ unit, every, origin, period = every, timeZone }: CalendarBins, index: bigint): Window {
  const at = (units: bigint): bigint => instantOf(unit === 'day' ? units * DAY_NS : monthStart(units), timeZone);
  const first = index * BigInt(every) + BigInt(origin);
  return { index, start: at(first), end: at(first + BigInt(period)) };
}

function calendarIndex({ unit, every, origin, timeZone }: CalendarBins, instant: bigint): bigint {
  const day = floorDivide(instant + zoneOffset(instant, timeZone), DAY_NS);
  const date = new Date(Number(day) * 86_400_000);
  const units = unit === 'day' ? day : BigInt((date.getUTCFullYear() - 1970) * 12 + date.getUTCMonth());
  return floorDivide(units - BigInt(origin), BigInt(every));
}

function fixedWindow({ everyNs, originNs, periodNs = everyNs }: FixedBins, index: bigint): Window {
  const start = index * BigInt(everyNs) + BigInt(originNs);
  return { index, start, end: start + BigInt(periodNs) };
}

/** One window by its number; undefined where there is none. */
export function windowAt(bins: BinSpec, index: bigint): Window | undefined {
  if (bins.kind === 'fixed') return fixedWindow(bins, index);
  if (bins.kind === 'calendar') return calendarWindow(bins, index);
  if (bins.kind !== 'edges') return undefined;
  const [start, end] = [bins.edgesNs[Number(index)], bins.edgesNs[Number(index) + 1]];
  return start === undefined || end === undefined ? undefined : { index, start: BigInt(start), end: BigInt(end) };
}

/** All windows that hold an instant, in order. */
export function windowsOf(bins: BinSpec, instant: bigint): Window[] {
  const last =
    bins.kind === 'fixed'
      ? floorDivide(instant - BigInt(bins.originNs), BigInt(bins.everyNs))
      : bins.kind === 'calendar'
        ? calendarIndex(bins, instant)
        : BigInt((bins.kind === 'edges' ? bins.edgesNs : []).findLastIndex((edge) => BigInt(edge) <= instant));
  const windows: Window[] = [];
  const startsBefore = (index: bigint): boolean => (windowAt(bins, index)?.start ?? instant + 1n) <= instant;
  // Where a clock goes back over midnight, a local day comes twice.
  let newest = last;
  while (startsBefore(newest + 1n)) newest++;
  for (let index = newest; ; index--) {
    const window = windowAt(bins, index);
    if (window === undefined || window.end <= instant) return windows.reverse();
    windows.push(window);
  }
}
