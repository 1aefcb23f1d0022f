/**
 * Quotes and trades as sources whose rows are made inside the lanes, some seconds of a day a split. `quotes` and `trades` ascend on their
 * time; `arrivingQuotes` and `arrivingTrades` are the same rows in the order in which they arrive. Trades come from the next seed, a tenth
 * as many as quotes.
 */
import { type ColumnsRecord, defineSource, type SourceDefinition, type SourceInstance } from '@spillway/core';
import {
  arrivingSlice,
  bookOf,
  DAY_SECONDS,
  type EventSlice,
  type MarketOptions,
  marketSlice,
  midCents,
  symbolName,
} from './quotes.ts';

const QUOTES = {
  ts: 'timestamp[us]',
  symbol: 'dictionary<utf8>',
  bid: 'float64',
  ask: 'float64',
  bidSize: 'int32',
  askSize: 'int32',
} as const;
const TRADES = {
  ts: 'timestamp[us]',
  symbol: 'dictionary<utf8>',
  seq: 'int32',
  price: 'float64',
  size: 'int32',
} as const;

const MARKET = {
  seed: 'integer',
  symbols: 'integer',
  quotesPerSecond: 'number',
  days: 'integer',
  /** Number of the first of them. Default 0. */
  firstDay: 'integer?',
  /** Of each day; all when left out. */
  seconds: 'integer?',
  /** Of a split. */
  splitSeconds: 'integer?',
} as const;
const ARRIVAL = { ...MARKET, lateUs: 'integer', corrections: 'boolean?' } as const;

interface GivenMarket extends Omit<MarketOptions, 'seconds'> {
  days: number;
  firstDay?: number | undefined;
  seconds?: number | undefined;
  splitSeconds?: number | undefined;
}

interface GivenArrival extends GivenMarket {
  lateUs: number;
  corrections?: boolean | undefined;
}

/** About 40,000 quotes at 2,000 a second. */
const SPLIT_SECONDS = 20;

function splitsADay({ seconds = DAY_SECONDS, splitSeconds = SPLIT_SECONDS }: GivenMarket): number {
  return Math.ceil(Math.min(seconds, DAY_SECONDS) / splitSeconds);
}

function splits(options: GivenMarket): number {
  return options.days * splitsADay(options);
}

interface Part {
  day: number;
  from: number;
  to: number;
}

function partOf(options: GivenMarket, split: number): Part {
  const perDay = splitsADay(options);
  const { firstDay = 0, splitSeconds = SPLIT_SECONDS } = options;
  const from = (split % perDay) * splitSeconds;
  return { day: firstDay + Math.floor(split / perDay), from, to: from + splitSeconds };
}

function marketOf({ seed, symbols, quotesPerSecond, seconds = DAY_SECONDS }: GivenMarket): MarketOptions {
  return { seed, symbols, quotesPerSecond, seconds };
}

/** The market whose events are trades. */
function tradesOf(options: GivenMarket): MarketOptions {
  const market = marketOf(options);
  return { ...market, seed: market.seed + 1, quotesPerSecond: market.quotesPerSecond / 10 };
}

const names: string[] = [];

function namesOf(symbols: Uint16Array): string[] {
  return Array.from(symbols, (symbol) => (names[symbol] ??= symbolName(symbol)));
}

/** Calls with the book after each event. */
function eachBook(
  { seed }: MarketOptions,
  day: number,
  slice: EventSlice,
  take: (row: number, book: ReturnType<typeof bookOf>) => void,
): void {
  // The middle is the same for all events of a symbol in a second.
  const middles = new Map<number, number>();
  let second = -1;
  for (let row = 0; row < slice.rows; row++) {
    const symbol = slice.symbol[row] as number;
    if (slice.second[row] !== second) middles.clear();
    second = slice.second[row] as number;
    let middle = middles.get(symbol);
    if (middle === undefined) middles.set(symbol, (middle = midCents(seed, day, symbol, second)));
    take(row, bookOf(seed, symbol, second, slice.event[row] as number, middle));
  }
}

/** Columns of quotes. */
export function quoteColumns(market: MarketOptions, day: number, slice: EventSlice): ColumnsRecord {
  const [bid, ask] = [new Float64Array(slice.rows), new Float64Array(slice.rows)];
  const [bidSize, askSize] = [new Int32Array(slice.rows), new Int32Array(slice.rows)];
  eachBook(market, day, slice, (row, book) => {
    bid[row] = book.bid / 100;
    ask[row] = book.ask / 100;
    bidSize[row] = book.bidSize;
    askSize[row] = book.askSize;
  });
  return { ts: slice.ts, symbol: namesOf(slice.symbol), bid, ask, bidSize, askSize };
}

/** Columns of trades: each takes one side of the book, at its price and of its size. */
export function tradeColumns(market: MarketOptions, day: number, slice: EventSlice): ColumnsRecord {
  const price = new Float64Array(slice.rows);
  const size = new Int32Array(slice.rows);
  eachBook(market, day, slice, (row, book) => {
    price[row] = ((book.isAsk ? book.ask : book.bid) + (slice.isCorrection[row] as number)) / 100;
    size[row] = book.isAsk ? book.askSize : book.bidSize;
  });
  return { ts: slice.ts, symbol: namesOf(slice.symbol), seq: Int32Array.from(slice.seq), price, size };
}

interface Rows {
  market: MarketOptions;
  columns(market: MarketOptions, day: number, slice: EventSlice): ColumnsRecord;
  slice(market: MarketOptions, day: number, from: number, to: number): EventSlice;
}

/** Reads the rows of a split: the seconds of a day that it stands for. */
function readerOf(options: GivenMarket, { market, columns, slice }: Rows): SourceInstance {
  return {
    read(split) {
      const { day, from, to } = partOf(options, split);
      return columns(market, day, slice(market, day, from, to));
    },
  };
}

/** Events as they arrive: late by up to so many microseconds, corrections among them when asked for. */
function arriving({ lateUs, corrections = false }: Omit<GivenArrival, keyof GivenMarket>): Rows['slice'] {
  return (market, day, from, to) => arrivingSlice(market, { lateUs, corrections }, day, from, to);
}

/** Quotes in the order of their time. */
export const quotes: SourceDefinition<typeof QUOTES, typeof MARKET> = defineSource(import.meta.url, {
  name: 'quotes',
  schema: QUOTES,
  orderedOn: 'ts',
  options: MARKET,
  splits,
  create: (options) => readerOf(options, { market: marketOf(options), columns: quoteColumns, slice: marketSlice }),
});

/** Trades in the order of their time. */
export const trades: SourceDefinition<typeof TRADES, typeof MARKET> = defineSource(import.meta.url, {
  name: 'trades',
  schema: TRADES,
  orderedOn: 'ts',
  options: MARKET,
  splits,
  create: (options) => readerOf(options, { market: tradesOf(options), columns: tradeColumns, slice: marketSlice }),
});

/** Quotes in the order in which they arrive. They are not corrected: they have no number that would say which. */
export const arrivingQuotes: SourceDefinition<typeof QUOTES, typeof ARRIVAL> = defineSource(import.meta.url, {
  name: 'arrivingQuotes',
  schema: QUOTES,
  options: ARRIVAL,
  splits,
  create: (options) =>
    readerOf(options, {
      market: marketOf(options),
      columns: quoteColumns,
      slice: arriving({ lateUs: options.lateUs }),
    }),
});

/** Trades in the order in which they arrive, corrections among them. */
export const arrivingTrades: SourceDefinition<typeof TRADES, typeof ARRIVAL> = defineSource(import.meta.url, {
  name: 'arrivingTrades',
  schema: TRADES,
  options: ARRIVAL,
  splits,
  create: (options) =>
    readerOf(options, { market: tradesOf(options), columns: tradeColumns, slice: arriving(options) }),
});
