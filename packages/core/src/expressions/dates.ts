/** Parts of timestamps and dates in their time zone. */
import type { Column } from '../batch/contract.ts';
import type { TypeText } from '../schema/types.ts';
import {
  civilFromDays,
  daysFromCivil,
  FloorDivision,
  SECONDS_PER_DAY,
  TICKS_PER_SECOND,
  weekdayOf,
} from './calendar.ts';
import type { Frame } from './frame.ts';
import type { DatePart } from './node.ts';
import { wordView } from './numbers.ts';
import { mapStep, type Step, unitOf, zoneNameOf } from './step.ts';
import { type Zone, zoneOf } from './time-zone.ts';

/** Local time of one row, set by `LocalReader.read`. */
export class LocalReader {
  /** Days since 1970-01-01, local. */
  day = 0;
  /** Second of the local day. */
  second = 0;
  /** Ticks of the unit within the second. */
  fraction = 0;
  /** Seconds added to UTC. */
  offset = 0;
  readonly #zone: Zone;
  readonly #division: FloorDivision;

  constructor(type: TypeText) {
    const unit = unitOf(type);
    this.#zone = zoneOf(zoneNameOf(type));
    this.#division = new FloorDivision(unit === 'day' ? 1 : TICKS_PER_SECOND[unit]);
  }

  /** Takes an instant of high · 2^32 + low ticks apart. */
  read(high: number, low: number): void {
    this.#division.divide(high, low);
    const utc = this.#division.quotient;
    this.fraction = this.#division.remainder;
    if (utc < this.#zone.from || utc >= this.#zone.to) this.#zone.offsetAt(utc);
    this.offset = this.#zone.offset;
    const local = utc + this.offset;
    this.day = Math.floor(local / SECONDS_PER_DAY);
    this.second = local - this.day * SECONDS_PER_DAY;
  }
}

/** Part of a day that has no time. */
function datePart(part: DatePart, day: number): number {
  if (part === 'weekday') return weekdayOf(day);
  const date = civilFromDays(day);
  switch (part) {
    case 'year':
      return date.year;
    case 'month':
      return date.month;
    case 'day':
      return date.day;
    case 'dayOfYear':
      return day - daysFromCivil(date.year, 1, 1) + 1;
    default:
      return 0;
  }
}

function timePart(part: 'hour' | 'minute' | 'second', second: number): number {
  if (part === 'hour') return Math.floor(second / 3_600);
  return part === 'minute' ? Math.floor(second / 60) % 60 : second % 60;
}

function fromInstants(frame: Frame, part: DatePart, column: Column, target: Int32Array): void {
  const words = wordView(frame, column.values, column.length);
  const reader = new LocalReader(column.type);
  const unit = unitOf(column.type);
  const ticksPerMillisecond = unit === 's' || unit === 'day' ? 1 : TICKS_PER_SECOND[unit] / 1_000;
  let lastDay = Number.NaN;
  let ofLastDay = 0;
  for (let row = 0; row < column.length; row++) {
    reader.read(words[2 * row + 1] as number, (words[2 * row] as number) >>> 0);
    if (part === 'hour' || part === 'minute' || part === 'second') target[row] = timePart(part, reader.second);
    else if (part === 'millisecond') target[row] = unit === 's' ? 0 : Math.floor(reader.fraction / ticksPerMillisecond);
    else {
      if (reader.day !== lastDay) {
        lastDay = reader.day;
        ofLastDay = datePart(part, lastDay);
      }
      target[row] = ofLastDay;
    }
  }
}

export function datePartStep(part: DatePart, arg: Step): Step {
  return mapStep(arg, 'int32', false, (frame, column) => {
    const out = frame.allocate('int32', column.length, column.length * 4, column.validity !== 0);
    frame.copyValidity(out, column);
    const target = new Int32Array(frame.arena.buffer, out.values, column.length);
    if (column.type === 'date32') {
      const days = new Int32Array(frame.arena.buffer, column.values, column.length);
      for (let row = 0; row < column.length; row++) target[row] = datePart(part, days[row] as number);
    } else fromInstants(frame, part, column, target);
    frame.drop(column);
    return out;
  });
}
