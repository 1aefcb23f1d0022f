/**
 * Offsets of time zones. UTC and fixed offsets are arithmetic; named zones ask `Intl` once for each UTC day (and once an
 * hour, down to the second, on the days when the offset changes) and remember the answer, because a call costs microseconds.
 */
import { PipelineError } from '../errors.ts';
import { SECONDS_PER_DAY } from './calendar.ts';

/** A time zone, by its offset from UTC. */
export interface Zone {
  readonly isUtc: boolean;
  /** Seconds to add to a UTC instant (seconds since 1970) for local time. */
  offsetAt(utcSeconds: number): number;
  /**
   * The last answer of `offsetAt`, and the half-open range of instants in which it holds. Rows of an ordered column
   * mostly stay inside, so a loop need not ask again.
   */
  readonly offset: number;
  readonly from: number;
  readonly to: number;
}

class FixedZone implements Zone {
  readonly from: number = -Infinity;
  readonly to: number = Infinity;
  readonly isUtc: boolean;
  readonly offset: number;

  constructor(seconds: number, isUtc: boolean) {
    this.offset = seconds;
    this.isUtc = isUtc;
  }

  offsetAt(): number {
    return this.offset;
  }
}

/** Days and hours whose offsets are remembered by one zone; past it the memory is emptied (bounded, not evicted well). */
const REMEMBERED_SPANS = 50_000;

class NamedZone implements Zone {
  readonly isUtc = false;
  offset = 0;
  from = 0;
  to = 0;
  readonly #format: Intl.DateTimeFormat;
  /** Offset of a whole UTC day or hour by its number; undefined where it changes inside. */
  readonly #days = new Map<number, number | undefined>();
  readonly #hours = new Map<number, number | undefined>();

  constructor(name: string) {
    this.#format = new Intl.DateTimeFormat('en-US', { timeZone: name, timeZoneName: 'longOffset' });
  }

  offsetAt(utcSeconds: number): number {
    const day = Math.floor(utcSeconds / SECONDS_PER_DAY);
    const ofDay = this.#whole(this.#days, day, SECONDS_PER_DAY);
    if (ofDay !== undefined) return this.#answer(day * SECONDS_PER_DAY, (day + 1) * SECONDS_PER_DAY, ofDay);
    const hour = Math.floor(utcSeconds / 3_600);
    const ofHour = this.#whole(this.#hours, hour, 3_600);
    if (ofHour !== undefined) return this.#answer(hour * 3_600, (hour + 1) * 3_600, ofHour);
    const second = Math.floor(utcSeconds);
    return this.#answer(second, second + 1, this.#ask(second));
  }

  #answer(from: number, to: number, offset: number): number {
    this.from = from;
    this.to = to;
    this.offset = offset;
    return offset;
  }

  #whole(spans: Map<number, number | undefined>, index: number, seconds: number): number | undefined {
    if (spans.has(index)) return spans.get(index);
    if (spans.size >= REMEMBERED_SPANS) spans.clear();
    const start = this.#ask(index * seconds);
    const offset = start === this.#ask((index + 1) * seconds - 1) ? start : undefined;
    spans.set(index, offset);
    return offset;
  }

  /** `GMT`, `GMT-05:00` or, before standard time, `GMT-04:56:02`. */
  #ask(utcSeconds: number): number {
    // Beyond what a JavaScript Date can say, the rules of its last years hold.
    const bounded = Math.min(Math.max(utcSeconds, -8.64e12), 8.64e12);
    const text = this.#format.format(bounded * 1_000);
    const match = /GMT(?:([+\-−])(\d\d):(\d\d)(?::(\d\d))?)?$/.exec(text);
    if (match?.[1] === undefined) return 0;
    const seconds = Number(match[2]) * 3_600 + Number(match[3]) * 60 + Number(match[4] ?? 0);
    return match[1] === '+' ? seconds : -seconds;
  }
}

const zones = new Map<string, Zone>();

/** `±hh:mm`, `±hhmm` or `±hh` in seconds; undefined when it is not a fixed offset. */
export function fixedOffset(text: string): number | undefined {
  const match = /^([+-])(\d\d):?(\d\d)?$/.exec(text);
  if (match === null) return undefined;
  const hours = Number(match[2]);
  const minutes = Number(match[3] ?? 0);
  if (hours > 23 || minutes > 59) return undefined;
  const seconds = hours * 3_600 + minutes * 60;
  return match[1] === '-' ? -seconds : seconds;
}

function makeZone(name: string): Zone {
  if (/^(utc|z|gmt|etc\/utc|etc\/gmt)$/i.test(name)) return new FixedZone(0, true);
  const seconds = fixedOffset(name);
  if (seconds !== undefined) return new FixedZone(seconds, seconds === 0);
  try {
    return new NamedZone(name);
  } catch (cause) {
    throw new PipelineError('ERR_EXPRESSION', `time zone "${name}" is not known to this Node`, {
      value: name,
      expected: "an IANA name, 'UTC' or an offset such as +05:30",
      hint: 'check the spelling of the zone',
      cause,
    });
  }
}

/**
 * The zone of a name; naive timestamps (undefined) are read as UTC. One object per name and thread.
 * @throws ERR_EXPRESSION when the name is not known.
 */
export function zoneOf(name: string | undefined): Zone {
  const key = name ?? 'UTC';
  let zone = zones.get(key);
  if (zone === undefined) {
    zone = makeZone(key);
    zones.set(key, zone);
  }
  return zone;
}

/**
 * The instant of a local time, both in seconds. A time that the zone skips is moved forward by the gap; of a time that
 * it has twice, the first is taken.
 */
export function utcFromLocal(zone: Zone, localSeconds: number): number {
  const before = zone.offsetAt(localSeconds - SECONDS_PER_DAY);
  const after = zone.offsetAt(localSeconds + SECONDS_PER_DAY);
  if (before === after || zone.offsetAt(localSeconds - before) === before) return localSeconds - before;
  if (zone.offsetAt(localSeconds - after) === after) return localSeconds - after;
  return localSeconds - before;
}
