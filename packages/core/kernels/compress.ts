// Compression of blocks. Kernels may write up to 64 bytes behind the end that they return, and read as far behind their input.

const HASH_LOG: u32 = 14;
/** Beyond this an offset takes more bytes than a match saves. */
const WINDOW: usize = 65_535;

// @ts-ignore: decorator
@inline
function hash(word: u32): usize {
  return <usize>((word * 0x1e35a7bd) >> (32 - HASH_LOG));
}

/** Bytes from `a` and `b` (which lies behind) on that are equal, up to `end`. */
// @ts-ignore: decorator
@inline
export function matchLength(a: usize, b: usize, end: usize): usize {
  const start = b;
  while (b + 8 <= end) {
    const rest = load<u64>(a) ^ load<u64>(b);
    if (rest != 0) return b - start + <usize>(ctz<u64>(rest) >> 3);
    a += 8;
    b += 8;
  }
  while (b < end && load<u8>(a) == load<u8>(b)) {
    a++;
    b++;
  }
  return b - start;
}

function putLiteral(from: usize, bytes: usize, out: usize): usize {
  const rest = <u32>bytes - 1;
  if (rest < 60) store<u8>(out++, <u8>(rest << 2));
  else {
    const more: u32 = rest < 1 << 8 ? 1 : rest < 1 << 16 ? 2 : rest < 1 << 24 ? 3 : 4;
    store<u8>(out++, <u8>((59 + more) << 2));
    store<u32>(out, rest);
    out += more;
  }
  memory.copy(out, from, bytes);
  return out + bytes;
}

function putCopy(distance: usize, bytes: usize, out: usize): usize {
  while (bytes > 64) {
    // What is left behind has to be a copy too, of four bytes at least.
    const some: usize = bytes < 68 ? 60 : 64;
    store<u8>(out, <u8>(((some - 1) << 2) | 2));
    store<u16>(out, <u16>distance, 1);
    out += 3;
    bytes -= some;
  }
  if (bytes < 12 && distance < 2048) {
    store<u8>(out, <u8>(((bytes - 4) << 2) | 1 | ((distance >> 8) << 5)));
    store<u8>(out, <u8>distance, 1);
    return out + 2;
  }
  store<u8>(out, <u8>(((bytes - 1) << 2) | 2));
  store<u16>(out, <u16>distance, 1);
  return out + 3;
}

/**
 * Snappy: https://github.com/google/snappy/blob/main/format_description.txt
 * `table` has 64 KiB. At most 32 + 7/6 of the bytes are written. Returns the end.
 */
export function snappyEncode(p: usize, bytes: u32, table: usize, out: usize): usize {
  let length = bytes;
  for (; length > 127; length >>= 7) store<u8>(out++, <u8>(length | 128));
  store<u8>(out++, <u8>length);
  memory.fill(table, 0, (<usize>1 << HASH_LOG) << 2);
  const end = p + <usize>bytes;
  let literal = p;
  // Where the table is empty it says the first byte, which is not before itself.
  let at = p + 1;
  let misses: u32 = 32;
  while (at + 16 <= end) {
    const word = load<u32>(at);
    const slot = table + (hash(word) << 2);
    const before = p + <usize>load<u32>(slot);
    store<u32>(slot, <u32>(at - p));
    if (at - before > WINDOW || load<u32>(before) != word) {
      at += <usize>(misses++ >> 5);
      continue;
    }
    if (at > literal) out = putLiteral(literal, at - literal, out);
    const same: usize = 4 + matchLength(before + 4, at + 4, end);
    out = putCopy(at - before, same, out);
    at += same;
    literal = at;
    misses = 32;
    if (at + 16 <= end) store<u32>(table + (hash(load<u32>(at - 1)) << 2), <u32>(at - 1 - p));
  }
  return literal < end ? putLiteral(literal, end - literal, out) : out;
}
