/**
 * Quotes and trades of a made-up market, without state: any slice of seconds of any day can be generated, and checked, alone. Times
 * repeat (a part of them falls on whole milliseconds or half seconds), busy and quiet symbols differ by the number of symbols, and a
 * day is busiest at its ends. The definition of each value is a function of its own, which tests check. Rows can also be had as they *arrive*: some late, and some trades sent again with another price.
 */
import { hash, mix } from './mix.ts';

export interface MarketOptions {
  seed: number;
  symbols: number;
  /** Events a second, on average over a whole day. */
  quotesPerSecond: number;
  /** Seconds of a day that there are. Default all, `DAY_SECONDS`. */
  seconds?: number;
}

/** How rows arrive, where that is not in order. */
export interface Arrival {
  /** One row in twenty is late by less than this. 0: none. */
  lateUs: number;
  /** One trade in a thousand is sent again, a second to a minute later, a cent dearer. */
  corrections: boolean;
}

/** Events of some seconds as typed arrays, one element a row. */
export interface EventSlice {
  rows: number;
  /** Microseconds since 1970. */
  ts: BigInt64Array;
  symbol: Uint16Array;
  /** Number of the event in its second and symbol: what its other values are made from. */
  event: Uint32Array;
  second: Uint32Array;
  /** Position of the event in its day and symbol, from 0. */
  seq: Uint32Array;
  /** The row is the repetition of an earlier one. */
  isCorrection: Uint8Array;
}

/** Seconds from 09:30 to 16:00. */
export const DAY_SECONDS = 23_400;
const MOST_SYMBOLS = 8192;
const FIRST_DAY_MS = Date.UTC(2024, 0, 2);
const DAY_MS = 86_400_000;

/** 09:30 in New York on a weekday, counted from Tuesday, 2 January 2024, in microseconds since 1970. */
export function openingUs(day: number): bigint {
  const daysOfWeek = day + 1;
  const date = FIRST_DAY_MS + (day + 2 * Math.floor(daysOfWeek / 5)) * DAY_MS;
  const hours = isSummerTime(new Date(date)) ? 13.5 : 14.5;
  return BigInt(date + hours * 3_600_000) * 1000n;
}

/** From the second Sunday of March to the first one of November. */
function isSummerTime(date: Date): boolean {
  const year = date.getUTCFullYear();
  const sundayFrom = (month: number, first: number): number => {
    const weekday = new Date(Date.UTC(year, month, first)).getUTCDay();
    return Date.UTC(year, month, first + ((7 - weekday) % 7));
  };
  return date.getTime() >= sundayFrom(2, 8) && date.getTime() < sundayFrom(10, 1);
}

export function symbolName(symbol: number): string {
  return `S${String(symbol).padStart(4, '0')}`;
}

/** Events of one symbol in one second: the whole part of their mean, and one more by chance for the rest. */
export function eventCount(options: MarketOptions, day: number, symbol: number, second: number): number {
  const mean = options.quotesPerSecond * shareOf(symbol, options.symbols) * activity(second);
  const whole = Math.floor(mean);
  return whole + (hash(options.seed ^ 0x3c6ef372, day, symbol, second) / 2 ** 32 < mean - whole ? 1 : 0);
}

const harmonics = new Map<number, number>();

function shareOf(symbol: number, symbols: number): number {
  let sum = harmonics.get(symbols);
  if (sum === undefined) {
    sum = 0;
    for (let i = 0; i < symbols; i++) sum += 1 / (i + 1);
    harmonics.set(symbols, sum);
  }
  return 1 / (symbol + 1) / sum;
}

function activity(second: number): number {
  return 0.6 * (1 + 2 * ((2 * second) / DAY_SECONDS - 1) ** 2);
}

/** Microseconds of an event in its second. */
export function eventMicrosecond(seed: number, day: number, symbol: number, second: number, event: number): number {
  return microsecondOf(hash(seed ^ 0x1b873593, day * MOST_SYMBOLS + symbol, second, event));
}

function microsecondOf(v: number): number {
  if ((v & 7) === 0) return 500_000;
  return (v & 3) === 1 ? ((v >>> 3) % 1000) * 1000 : (v >>> 3) % 1_000_000;
}

/**
 * What all slices of one day share: the inner rounds of the hashes depend on the symbol only and are kept. `eventCount` and
 * `eventMicrosecond` are the definition; this computes the same.
 */
class MarketDay {
  readonly #options: MarketOptions;
  readonly #day: number;
  readonly #shares: Float64Array;
  readonly #countRounds: Int32Array;
  readonly #timeRounds: Int32Array;
  readonly #lateRounds: Int32Array;
  readonly #correctionRounds: Int32Array;
  /** Events of each symbol before a second: the one that was asked for last, because slices are mostly asked for in order. */
  #before: { second: number; counts: Uint32Array };

  constructor(options: MarketOptions, day: number) {
    const { seed, symbols, quotesPerSecond } = options;
    const rounds = (salt: number, first: number): Int32Array =>
      Int32Array.from({ length: symbols }, (_, symbol) => mix((first + symbol + mix(seed ^ salt)) | 0));
    this.#options = options;
    this.#day = day;
    this.#shares = Float64Array.from({ length: symbols }, (_, symbol) => quotesPerSecond * shareOf(symbol, symbols));
    const dayRound = mix((day + mix(seed ^ 0x3c6ef372)) | 0);
    this.#countRounds = Int32Array.from({ length: symbols }, (_, symbol) => mix((symbol + dayRound) | 0));
    this.#timeRounds = rounds(0x1b873593, day * MOST_SYMBOLS);
    this.#lateRounds = rounds(0x7f4a7c15, day * MOST_SYMBOLS);
    this.#correctionRounds = rounds(0x2545f491, day * MOST_SYMBOLS);
    this.#before = { second: 0, counts: new Uint32Array(symbols) };
  }

  count(symbol: number, second: number): number {
    const mean = (this.#shares[symbol] as number) * activity(second);
    const whole = Math.floor(mean);
    const chance = mix((second + (this.#countRounds[symbol] as number)) | 0) / 2 ** 32;
    return whole + (chance < mean - whole ? 1 : 0);
  }

  /** Events of seconds [from, to), in order of time, symbol and number. */
  slice(from: number, to: number): EventSlice {
    const { symbols } = this.#options;
    const seconds = Math.max(0, to - from);
    const counts = new Uint32Array(seconds * symbols);
    let rows = 0;
    for (let second = from, at = 0; second < to; second++)
      for (let symbol = 0; symbol < symbols; symbol++, at++) rows += counts[at] = this.count(symbol, second);
    const slice = newSlice(rows);
    for (let second = from, row = 0; second < to; second++) {
      const at = (second - from) * symbols;
      row = this.#fillSecond(slice, row, second, counts.subarray(at, at + symbols));
    }
    const seq = this.#countsBefore(from);
    for (let row = 0; row < rows; row++) {
      const symbol = slice.symbol[row] as number;
      slice.seq[row] = seq[symbol] as number;
      seq[symbol] = (seq[symbol] as number) + 1;
    }
    return slice;
  }

  #countsBefore(second: number): Uint32Array {
    if (second < this.#before.second) this.#before = { second: 0, counts: new Uint32Array(this.#options.symbols) };
    const { counts } = this.#before;
    for (let at = this.#before.second; at < second; at++)
      for (let symbol = 0; symbol < counts.length; symbol++)
        counts[symbol] = (counts[symbol] as number) + this.count(symbol, at);
    this.#before.second = second;
    return counts.slice();
  }

  #fillSecond(slice: EventSlice, from: number, second: number, counts: Uint32Array): number {
    const keys = this.#sortedKeys(second, counts);
    const most = mostOf(counts);
    const opening = openingUs(this.#day) + BigInt(second) * 1_000_000n;
    const openingHigh = Number(opening >> 32n);
    const openingLow = Number(opening & 0xffff_ffffn);
    const words = new Int32Array(slice.ts.buffer);
    let row = from;
    for (const key of keys) {
      const rest = Math.floor(key / most);
      const us = Math.floor(rest / MOST_SYMBOLS);
      // Two words are much faster to write than one bigint.
      const low = openingLow + us;
      words[2 * row] = low | 0;
      words[2 * row + 1] = openingHigh + (low >= 2 ** 32 ? 1 : 0);
      slice.symbol[row] = rest - us * MOST_SYMBOLS;
      slice.event[row] = key - rest * most;
      slice.second[row] = second;
      row += 1;
    }
    return row;
  }

  /** Microsecond, symbol and number of each event as one number: they sort as numbers, and stay below 2^53. */
  #sortedKeys(second: number, counts: Uint32Array): Float64Array {
    const most = mostOf(counts);
    const keys = new Float64Array(counts.reduce((sum, count) => sum + count, 0));
    let at = 0;
    for (let symbol = 0; symbol < counts.length; symbol++) {
      const round = mix((second + (this.#timeRounds[symbol] as number)) | 0);
      for (let event = 0; event < (counts[symbol] as number); event++) {
        const us = microsecondOf(mix((event + round) | 0));
        keys[at++] = (us * MOST_SYMBOLS + symbol) * most + event;
      }
    }
    return keys.sort();
  }

  latenessUs(lateUs: number, symbol: number, second: number, event: number): number {
    if (lateUs === 0) return 0;
    const d = mix((event + mix((second + (this.#lateRounds[symbol] as number)) | 0)) | 0);
    return d % 20 === 0 ? (d >>> 5) % lateUs : 0;
  }

  /** 0 for an event that is not corrected. */
  correctionSeconds(symbol: number, second: number, event: number): number {
    const d = mix((event + mix((second + (this.#correctionRounds[symbol] as number)) | 0)) | 0);
    return d % 1000 === 0 ? 1 + ((d >>> 10) % LATEST_CORRECTION_SECONDS) : 0;
  }
}

function mostOf(counts: Uint32Array): number {
  let most = 1;
  for (const count of counts) if (count > most) most = count;
  return most;
}

function newSlice(rows: number): EventSlice {
  return {
    rows,
    ts: new BigInt64Array(rows),
    symbol: new Uint16Array(rows),
    event: new Uint32Array(rows),
    second: new Uint32Array(rows),
    seq: new Uint32Array(rows),
    isCorrection: new Uint8Array(rows),
  };
}

let latest: { options: MarketOptions; number: number; day: MarketDay } | undefined;

function secondsOf({ seconds = DAY_SECONDS }: MarketOptions): number {
  return Math.min(seconds, DAY_SECONDS);
}

/** Slices are mostly asked for day by day. */
function marketDay(options: MarketOptions, number: number): MarketDay {
  const isSame =
    latest?.number === number &&
    latest.options.seed === options.seed &&
    latest.options.symbols === options.symbols &&
    latest.options.quotesPerSecond === options.quotesPerSecond;
  if (!isSame) latest = { options, number, day: new MarketDay(options, number) };
  return (latest as NonNullable<typeof latest>).day;
}

/** Events of seconds [from, to) of a day, in order of time, symbol and number. */
export function marketSlice(options: MarketOptions, day: number, from: number, to: number): EventSlice {
  return marketDay(options, day).slice(from, Math.min(to, secondsOf(options)));
}

/** A minute for corrections. */
const LATEST_CORRECTION_SECONDS = 60;

/**
 * Rows that arrive in seconds [from, to) of a day, in the order in which they do; rows that arrive together in order of time, symbol and
 * number, corrections behind what is new. What of a day arrives after its end is in the slice that holds its last second.
 */
export function arrivingSlice(
  options: MarketOptions,
  { lateUs, corrections }: Arrival,
  day: number,
  from: number,
  to: number,
): EventSlice {
  const market = marketDay(options, day);
  const slowestSeconds = Math.ceil(lateUs / 1e6) + (corrections ? LATEST_CORRECTION_SECONDS : 0);
  const events = market.slice(Math.max(0, from - slowestSeconds), Math.min(to, secondsOf(options)));
  const opening = Number(openingUs(day));
  const first = from * 1_000_000;
  const end = to >= secondsOf(options) ? Number.POSITIVE_INFINITY : to * 1_000_000;
  const words = new Uint32Array(events.ts.buffer);
  const onTime: Arriving[] = [];
  const late: Arriving[] = [];
  for (let row = 0; row < events.rows; row++) {
    const symbol = events.symbol[row] as number;
    const second = events.second[row] as number;
    const event = events.event[row] as number;
    // Two words are much faster to read than one bigint, and times stay below 2^53.
    const us = (words[2 * row + 1] as number) * 2 ** 32 + (words[2 * row] as number) - opening;
    const lateness = market.latenessUs(lateUs, symbol, second, event);
    const at = us + lateness;
    if (at >= first && at < end) (lateness > 0 ? late : onTime).push({ at, row, isCorrection: 0 });
    const delay = corrections ? market.correctionSeconds(symbol, second, event) : 0;
    const later = at + delay * 1_000_000;
    if (delay > 0 && later >= first && later < end) late.push({ at: later, row, isCorrection: 1 });
  }
  return pick(events, mergeArriving(onTime, late.sort(compareArriving)));
}

interface Arriving {
  at: number;
  row: number;
  isCorrection: number;
}

function compareArriving(left: Arriving, right: Arriving): number {
  return left.at - right.at || left.isCorrection - right.isCorrection || left.row - right.row;
}

/** Both in order. */
function mergeArriving(left: readonly Arriving[], right: readonly Arriving[]): Arriving[] {
  const merged: Arriving[] = [];
  let at = 0;
  for (const next of left) {
    while (at < right.length && compareArriving(right[at] as Arriving, next) < 0) merged.push(right[at++] as Arriving);
    merged.push(next);
  }
  for (; at < right.length; at++) merged.push(right[at] as Arriving);
  return merged;
}

function pick(events: EventSlice, chosen: readonly Arriving[]): EventSlice {
  const slice = newSlice(chosen.length);
  const [from, to] = [new Int32Array(events.ts.buffer), new Int32Array(slice.ts.buffer)];
  for (let index = 0; index < chosen.length; index++) {
    const { row, isCorrection } = chosen[index] as Arriving;
    to[2 * index] = from[2 * row] as number;
    to[2 * index + 1] = from[2 * row + 1] as number;
    slice.symbol[index] = events.symbol[row] as number;
    slice.event[index] = events.event[row] as number;
    slice.second[index] = events.second[row] as number;
    slice.seq[index] = events.seq[row] as number;
    slice.isCorrection[index] = isCorrection;
  }
  return slice;
}

/** Both sides of the book after an event. Prices in cents. */
export interface Book {
  bid: number;
  ask: number;
  bidSize: number;
  askSize: number;
  /** Which side a trade takes. */
  isAsk: boolean;
}

/** The middle price in cents: straight lines between points a minute and four seconds apart, round a base of the symbol's own. */
export function midCents(seed: number, day: number, symbol: number, second: number): number {
  const base = 1000 + (hash(seed, 31, symbol, 0) % 49_000);
  const amplitude = Math.max(8, base >>> 6);
  const k = second >>> 6;
  const r = second & 63;
  const point = (at: number): number =>
    hash(seed ^ 0xa54ff53a, day * MOST_SYMBOLS + symbol, 7, at) % (2 * amplitude + 1);
  return base + ((point(k) * (64 - r) + point(k + 1) * r) >> 6) - amplitude;
}

/** What an event of a second says. */
export function bookOf(seed: number, symbol: number, second: number, event: number, mid: number): Book {
  const e = hash(seed ^ 0x9e3779b9, symbol, second, event);
  const spread = 1 + (e & 3);
  const bid = mid - (spread >> 1);
  return {
    bid,
    ask: bid + spread,
    bidSize: 100 * (1 + ((e >>> 2) & 15)),
    askSize: 100 * (1 + ((e >>> 6) & 15)),
    isAsk: ((e >>> 10) & 1) === 1,
  };
}
