// Rows of CSV text that have as many fields as there are columns, without a look at each of them: the places of all fields in a
// row, eight at a time, then a look at whether lines end where they must. What is not so is left to `csvIndex`.
import { beginBlocks, breaksOf, matches } from './csv-blocks';
import { BLOCK_LINES, BLOCK_WRONG, COLUMNS, DELIMITER, END, ENTRIES, ENTRIES_END, FROM, LIMIT, MAX_ROWS, QUOTE, TEXT } from './csv-layout';

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
  let isEven = true;
  for (; rows > 0; rows--) {
    for (let k: usize = 0; k <= last; k += 16) v128.store(out + k, v128.load(places + k), 4);
    const end = load<u32>(places + last);
    const letter = load<u8>(text + end);
    isEven = isEven && (letter == 10 || letter == 13);
    places += last + 4;
    out += last + 8;
    // CR and LF are one end of a line.
    store<u32>(out, letter == 13 && load<u8>(text + end, 1) == 10 ? end + 1 : end);
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
 * Takes rows from `FROM` on as long as they are even, and far enough from where the text ends that nothing else has to be asked.
 * The byte before the row behind them is told as if it were another one. Returns how many there are.
 */
export function evenRows(s: usize): u32 {
  const text = <usize>load<u32>(s, TEXT);
  const columns = load<u32>(s, COLUMNS);
  const entries = <usize>load<u32>(s, ENTRIES);
  const flat = <usize>load<u32>(s, ENTRIES_END) - ((TILE_PLACES + SPARE_PLACES) << 2);
  const full = flat + (TILE_PLACES << 2);
  const room = (<usize>((TILE_PLACES + SPARE_PLACES) / columns) * (columns + 1) + 4) << 2;
  // Line ends alone do not tell empty lines from rows of one empty field.
  if (columns < 2 || columns > TILE_PLACES >> 2 || load<u32>(s, MAX_ROWS) != u32.MAX_VALUE) return 0;
  const quote = load<u32>(s, QUOTE);
  const delimiter = i8x16.splat(<i8>load<u32>(s, DELIMITER));
  const stop = min<u32>(load<u32>(s, LIMIT), load<u32>(s, END));
  let base = rowStart(text, load<u32>(s, FROM), stop);
  store<u32>(entries, base - 1);
  beginBlocks(s);
  let rows: u32 = 0;
  let rowBase = entries;
  let out = flat;
  let lastLine: u64 = 0;
  for (let isOver = false; !isOver && rowBase + room <= flat; ) {
    let ends: u32 = 0;
    for (; out < full; base += 64) {
      isOver = base + 64 >= stop;
      if (isOver) break;
      let breaks = breaksOf(s, text + base, <u64>-1, delimiter, quote);
      isOver = load<u64>(s, BLOCK_WRONG) != 0;
      if (isOver) break;
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
    const places = <u32>(out - flat) >> 2;
    const count = places / columns;
    if (count != ends || !takeRows(text, flat, columns, count, rowBase)) return rows;
    rows += count;
    rowBase += (<usize>count * (columns + 1)) << 2;
    // What is left belongs to a row that goes on.
    const kept = <usize>(places - count * columns) << 2;
    memory.copy(flat, out - kept, kept);
    out = flat + kept;
  }
  return rows;
}
