// Rows of CSV text that have as many fields as there are columns, without a look at each of them: the places of all fields in a
// row, eight at a time, then a look at whether lines end where they must. What is not so is left to `csvIndex`.
import { beginBlocks, bits, breaksOf, matches } from './csv-blocks';
import {
  BLOCK_LINES, BLOCK_WRONG, COLUMNS, DELIMITER, END, ENTRIES, ENTRIES_END, FLAGS, FLAG_NOT_ASCII, FROM, LAST_BREAK, LAST_CLOSE,
  LAST_INSIDE, LAST_LINE, LAST_QUOTE, LIMIT, MAX_ROWS, QUOTE, TEXT, TILE_BASE, TILE_ENDS, TILE_PLAIN,
} from './csv-layout';

/** Places looked at at once; they stay in the first-level cache, as their text does. */
const TILE_PLACES: u32 = 2048;
/** Places that a block may add behind a full tile, and those written for nothing. */
const SPARE_PLACES: u32 = 64 + 16;

/** Writes the places of all bits, and some more behind them. */
// @ts-ignore: decorator
@inline
function placesOf(out: usize, base: u32, breaks: u64): usize {
  const end = out + (<usize>popcnt<u64>(breaks) << 2);
  let m = breaks;
  do {
    store<u32>(out, base + <u32>ctz<u64>(m));
    m &= m - 1;
    store<u32>(out, base + <u32>ctz<u64>(m), 4);
    m &= m - 1;
    store<u32>(out, base + <u32>ctz<u64>(m), 8);
    m &= m - 1;
    store<u32>(out, base + <u32>ctz<u64>(m), 12);
    m &= m - 1;
    store<u32>(out, base + <u32>ctz<u64>(m), 16);
    m &= m - 1;
    store<u32>(out, base + <u32>ctz<u64>(m), 20);
    m &= m - 1;
    store<u32>(out, base + <u32>ctz<u64>(m), 24);
    m &= m - 1;
    store<u32>(out, base + <u32>ctz<u64>(m), 28);
    m &= m - 1;
    out += 32;
  } while (m != 0);
  return end;
}

/**
 * Places of fields as places of rows, each with the byte before it. Whether each row ends a line; nothing counts where one does not.
 * Up to three places behind the last row's are written.
 */
function takeRows(text: usize, places: usize, columns: u32, rows: u32, out: usize): bool {
  const last = <usize>(columns - 1) << 2;
  const end = places + <usize>rows * (last + 4);
  let odd: u32 = 0;
  for (; places != end; places += last + 4, out += last + 8) {
    for (let k: usize = 0; k <= last; k += 16) v128.store(out + k, v128.load(places + k), 4);
    const line = load<u32>(places + last);
    odd |= <u32>load<u8>(text + line) ^ 10;
    // What was written behind the row is the byte before the next one.
    store<u32>(out + last, line, 8);
  }
  return odd == 0;
}

/** As `takeRows`, where there are CRs: with a LF behind they are one end of a line. */
function takeReturns(text: usize, places: usize, columns: u32, rows: u32, out: usize): bool {
  const last = <usize>(columns - 1) << 2;
  let isEven = true;
  for (; rows > 0; rows--, places += last + 4, out += last + 8) {
    for (let k: usize = 0; k <= last; k += 16) v128.store(out + k, v128.load(places + k), 4);
    const line = load<u32>(places + last);
    const letter = load<u8>(text + line);
    isEven = isEven && (letter == 10 || letter == 13);
    store<u32>(out + last, letter == 13 && load<u8>(text + line, 1) == 10 ? line + 1 : line, 8);
  }
  return isEven;
}

/**
 * Bits of LFs that stand behind a CR: with it they are one end of a line.
 * @param before 1 when the byte before ends a line
 */
function pairedFeeds(at: usize, lines: u64, before: u64): u64 {
  const cr = i8x16.splat(13);
  const returns = matches(v128.load(at), v128.load(at, 16), v128.load(at, 32), v128.load(at, 48), cr) & lines;
  const isPaired = before & <u64>(load<u8>(at - 1) == 13);
  return lines & ~returns & ((returns << 1) | isPaired);
}

/** Behind the ends of lines from `from` on. */
function rowStart(text: usize, from: u32, stop: u32): u32 {
  while (from < stop && (load<u8>(text + from) == 10 || load<u8>(text + from) == 13)) from++;
  return from;
}

/**
 * Places of blocks without quotes and CRs, from `TILE_BASE` on to `stop`, until there are enough; `TILE_BASE` and `TILE_ENDS` go on.
 * Returns where the next place goes. There is one way out of the loop, at its end, so that vectors of constants stay in registers.
 */
function plainBlocks(s: usize, out: usize, full: usize, stop: u32): usize {
  const text = <usize>load<u32>(s, TEXT);
  const delimiter = i8x16.splat(<i8>load<u32>(s, DELIMITER));
  const cr = i8x16.splat(13);
  const lf = i8x16.splat(10);
  const quotes = load<u32>(s, QUOTE) == 256 ? cr : i8x16.splat(<i8>load<u32>(s, QUOTE));
  let letters = i8x16.splat(0);
  let base = load<u32>(s, TILE_BASE);
  let ends = load<u32>(s, TILE_ENDS);
  do {
    const a = v128.load(text + base);
    const b = v128.load(text + base, 16);
    const c = v128.load(text + base, 32);
    const d = v128.load(text + base, 48);
    const linesA = i8x16.eq(a, lf);
    const linesB = i8x16.eq(b, lf);
    const linesC = i8x16.eq(c, lf);
    const linesD = i8x16.eq(d, lf);
    const lines = bits(linesA, linesB, linesC, linesD);
    const breaks = bits(
      v128.or(linesA, i8x16.eq(a, delimiter)),
      v128.or(linesB, i8x16.eq(b, delimiter)),
      v128.or(linesC, i8x16.eq(c, delimiter)),
      v128.or(linesD, i8x16.eq(d, delimiter)),
    );
    const oddA = v128.or(i8x16.eq(a, quotes), i8x16.eq(a, cr));
    const oddB = v128.or(i8x16.eq(b, quotes), i8x16.eq(b, cr));
    const oddC = v128.or(i8x16.eq(c, quotes), i8x16.eq(c, cr));
    const oddD = v128.or(i8x16.eq(d, quotes), i8x16.eq(d, cr));
    if (v128.any_true(v128.or(v128.or(oddA, oddB), v128.or(oddC, oddD)))) break;
    letters = v128.or(letters, v128.or(v128.or(a, b), v128.or(c, d)));
    ends += <u32>popcnt<u64>(lines);
    out = placesOf(out, base, breaks);
    base += 64;
  } while ((<u32>(out < full) & <u32>(base + 64 < stop)) != 0);
  store<u32>(s, base, TILE_BASE);
  store<u32>(s, ends, TILE_ENDS);
  if (i8x16.bitmask(letters) != 0) store<u32>(s, load<u32>(s, FLAGS) | FLAG_NOT_ASCII, FLAGS);
  return out;
}

/** As `plainBlocks`, whatever is in the blocks, up to one with quotes where there may be none. What ended lines before in `LAST_LINE`. */
function otherBlocks(s: usize, out: usize, full: usize, stop: u32): usize {
  const text = <usize>load<u32>(s, TEXT);
  const quote = load<u32>(s, QUOTE);
  const delimiter = i8x16.splat(<i8>load<u32>(s, DELIMITER));
  let base = load<u32>(s, TILE_BASE);
  let ends = load<u32>(s, TILE_ENDS);
  let lastLine = load<u64>(s, LAST_LINE);
  for (; out < full && base + 64 < stop; base += 64) {
    let breaks = breaksOf(s, text + base, <u64>-1, delimiter, quote);
    if (load<u64>(s, BLOCK_WRONG) != 0) break;
    let lines = load<u64>(s, BLOCK_LINES);
    const before = lastLine;
    lastLine = lines >> 63;
    if ((lines & ((lines << 1) | before)) != 0) {
      const paired = pairedFeeds(text + base, lines, before);
      breaks &= ~paired;
      lines &= ~paired;
    }
    ends += <u32>popcnt<u64>(lines);
    out = placesOf(out, base, breaks);
  }
  store<u32>(s, base, TILE_BASE);
  store<u32>(s, ends, TILE_ENDS);
  store<u64>(s, lastLine, LAST_LINE);
  return out;
}

/** Places until there are enough, the text ends, or quotes stand where there may be none; `TILE_PLAIN`: up to where blocks were plain. */
function takeBlocks(s: usize, out: usize, full: usize, stop: u32): usize {
  const text = <usize>load<u32>(s, TEXT);
  const from = load<u32>(s, TILE_BASE);
  store<u32>(s, 0, TILE_ENDS);
  // Where the block before ended in quotes, or with a CR, what comes next depends on it.
  const isReturned = load<u64>(s, LAST_LINE) != 0 && load<u8>(text + from - 1) == 13;
  if ((load<u64>(s, LAST_INSIDE) | load<u64>(s, LAST_CLOSE)) == 0 && !isReturned && from + 64 < stop) {
    out = plainBlocks(s, out, full, stop);
    const base = load<u32>(s, TILE_BASE);
    if (base != from) {
      const last = load<u8>(text + base - 1);
      store<u64>(s, <u64>(last == 10), LAST_LINE);
      store<u64>(s, <u64>(last == 10) | <u64>(last == load<u32>(s, DELIMITER)), LAST_BREAK);
      store<u64>(s, 0, LAST_QUOTE);
    }
  }
  store<u32>(s, load<u32>(s, TILE_BASE), TILE_PLAIN);
  return otherBlocks(s, out, full, stop);
}

/**
 * Takes rows from `FROM` on as long as they are even, and far enough from where the text ends that nothing else has to be asked.
 * The byte before the row behind them is told as if it were another one. Returns how many there are.
 */
export function evenRows(s: usize): u32 {
  const text = <usize>load<u32>(s, TEXT);
  const columns = load<u32>(s, COLUMNS);
  // Line ends alone do not tell empty lines from rows of one empty field.
  if (columns < 2 || columns > TILE_PLACES >> 2 || load<u32>(s, MAX_ROWS) != u32.MAX_VALUE) return 0;
  const entries = <usize>load<u32>(s, ENTRIES);
  const flat = <usize>load<u32>(s, ENTRIES_END) - ((TILE_PLACES + SPARE_PLACES) << 2);
  const full = flat + (TILE_PLACES << 2);
  const room = (<usize>((TILE_PLACES + SPARE_PLACES) / columns) * (columns + 1) + 4) << 2;
  const stop = min<u32>(load<u32>(s, LIMIT), load<u32>(s, END));
  const from = rowStart(text, load<u32>(s, FROM), stop);
  store<u32>(entries, from - 1);
  store<u32>(s, from, TILE_BASE);
  store<u64>(s, 0, LAST_LINE);
  beginBlocks(s);
  let rows: u32 = 0;
  let rowBase = entries;
  let out = flat;
  while (rowBase + room <= flat) {
    out = takeBlocks(s, out, full, stop);
    const places = <u32>(out - flat) >> 2;
    const count = places / columns;
    const isPlain = load<u32>(s, TILE_PLAIN) == load<u32>(s, TILE_BASE);
    if (count != load<u32>(s, TILE_ENDS)) return rows;
    if (!(isPlain ? takeRows(text, flat, columns, count, rowBase) : takeReturns(text, flat, columns, count, rowBase))) return rows;
    rows += count;
    if (out < full) return rows;
    rowBase += (<usize>count * (columns + 1)) << 2;
    // What is left belongs to a row that goes on.
    const kept = <usize>(places - count * columns) << 2;
    memory.copy(flat, out - kept, kept);
    out = flat + kept;
  }
  return rows;
}
