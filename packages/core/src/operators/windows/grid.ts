/** Windows over an ordered column, in its own steps: fixed widths, a calendar's days and months, given edges. */
import { civilFromDays, daysFromCivil, SECONDS_PER_DAY } from '../../expressions/calendar.ts';
import { utcFromLocal, type Zone, zoneOf } from '../../expressions/time-zone.ts';
import type { BinSpec, CalendarBins, EdgeBins, FixedBins } from '../../plan/logical.ts';

/** One window: the values from `start` to before `end`. */
export interface Span {
  index: bigint;
  start: bigint;
  end: bigint;
}

/** Windows in order of their starts, which is also that of their ends. */
export interface Grid {
  /** Number of the last window that starts at or before a value; below 0 where there is none. */
  lastAt(value: bigint): bigint;
  /** A window by its number; undefined where there is none. */
  at(index: bigint): Span | undefined;
}

function floorDivide(a: bigint, b: bigint): bigint {
  const quotient = a / b;
  return a % b < 0n ? quotient - 1n : quotient;
}

/** The windows that bins lie in; undefined for bins that follow from rows. `unitNs`: of one step of the column. */
export function gridOf(bins: BinSpec, unitNs: bigint): Grid | undefined {
  if (bins.kind === 'fixed') return fixedGrid(bins, unitNs);
  if (bins.kind === 'calendar') return new CalendarGrid(bins, unitNs);
  return bins.kind === 'edges' ? edgeGrid(bins, unitNs) : undefined;
}

function fixedGrid({ everyNs, originNs, periodNs = everyNs }: FixedBins, unitNs: bigint): Grid {
  const [every, origin, period] = [everyNs, originNs, periodNs].map((ns) => BigInt(ns) / unitNs) as [
    bigint,
    bigint,
    bigint,
  ];
  return {
    lastAt: (value) => floorDivide(value - origin, every),
    at: (index) => {
      const start = index * every + origin;
      return { index, start, end: start + period };
    },
  };
}

function edgeGrid({ edgesNs }: EdgeBins, unitNs: bigint): Grid {
  const edges = edgesNs.map((edge) => BigInt(edge) / unitNs);
  return {
    lastAt: (value) => {
      let [low, high] = [0, edges.length];
      while (low < high) {
        const middle = (low + high) >>> 1;
        if ((edges[middle] as bigint) <= value) low = middle + 1;
        else high = middle;
      }
      return BigInt(low - 1);
    },
    at: (index) => {
      const [start, end] = [edges[Number(index)], edges[Number(index) + 1]];
      return start === undefined || end === undefined ? undefined : { index, start, end };
    },
  };
}

class CalendarGrid implements Grid {
  readonly #bins: CalendarBins;
  readonly #zone: Zone;
  readonly #unitNs: bigint;

  constructor(bins: CalendarBins, unitNs: bigint) {
    this.#bins = bins;
    this.#zone = zoneOf(bins.timeZone);
    this.#unitNs = unitNs;
  }

  lastAt(value: bigint): bigint {
    const seconds = Number(floorDivide(value * this.#unitNs, 1_000_000_000n));
    const day = Math.floor((seconds + this.#zone.offsetAt(seconds)) / SECONDS_PER_DAY);
    const { unit, every, origin } = this.#bins;
    let index = BigInt(Math.floor(((unit === 'day' ? day : monthOf(day)) - origin) / every));
    // Where a clock is put back over midnight, a day comes twice: its second part belongs to the day after.
    while (this.#startOf(index + 1n) <= value) index++;
    while (this.#startOf(index) > value) index--;
    return index;
  }

  at(index: bigint): Span {
    const { every, origin, period = every } = this.#bins;
    return { index, start: this.#startOf(index), end: this.#instantOf(Number(index) * every + origin + period) };
  }

  #startOf(index: bigint): bigint {
    return this.#instantOf(Number(index) * this.#bins.every + this.#bins.origin);
  }

  /** Where a day or month begins, counted from 1970. */
  #instantOf(units: number): bigint {
    const month = ((units % 12) + 12) % 12;
    const day = this.#bins.unit === 'day' ? units : daysFromCivil(1970 + (units - month) / 12, month + 1, 1);
    return (BigInt(utcFromLocal(this.#zone, day * SECONDS_PER_DAY)) * 1_000_000_000n) / this.#unitNs;
  }
}

function monthOf(day: number): number {
  const { year, month } = civilFromDays(day);
  return (year - 1970) * 12 + month - 1;
}

/** Points at which snapshots are taken. */
export interface Points {
  /** The first point behind a value; undefined where there is none. */
  after(value: bigint): bigint | undefined;
  /** The first of all; undefined where they have no beginning. */
  readonly first: bigint | undefined;
  /** Distance of the points; 0 where they have no one. */
  readonly every: bigint;
}

/** @param at the specification, in nanoseconds or steps */
export function pointsOf(at: FixedBins | { kind: 'points'; pointsNs: string[] }, unitNs: bigint): Points {
  if (at.kind === 'fixed') {
    const [every, origin] = [BigInt(at.everyNs) / unitNs, BigInt(at.originNs) / unitNs];
    return {
      first: undefined,
      every,
      after: (value) => (floorDivide(value - origin, every) + 1n) * every + origin,
    };
  }
  const points = at.pointsNs.map((point) => BigInt(point) / unitNs);
  return { first: points[0], every: 0n, after: (value) => points.find((point) => point > value) };
}
