// Decompression of blocks. What is compressed is not trusted: nothing is read behind its end but the 64 bytes that may be, nothing
// written behind what the caller gave room for but the 64 bytes of slack there. All return the bytes written, or -1.

/** Copies forwards, 16 bytes at a time; up to 15 bytes more. */
// @ts-ignore: decorator
@inline
function copyOver(out: usize, from: usize, bytes: usize): void {
  for (let at: usize = 0; at < bytes; at += 16) v128.store(out + at, v128.load(from + at));
}

/**
 * Copies `bytes` from `distance` before `out`, where the two may overlap. Few bytes are loaded exactly and stored at once: what has just been stored
 * is there for a load at once only where one store holds all of it (times that differ from those before them in their low bytes).
 */
// @ts-ignore: decorator
@inline
export function copyBack(out: usize, distance: usize, bytes: usize): void {
  if (bytes - 4 <= 4 && distance >= bytes) {
    const from = out - distance;
    const last = bytes - 4;
    store<u64>(out, <u64>load<u32>(from) | (<u64>load<u32>(from + last) << (<u64>last << 3)));
  } else if (distance >= 16) {
    copyOver(out, out - distance, bytes);
  } else if (distance >= 8) {
    for (let at: usize = 0; at < bytes; at += 8) store<u64>(out + at, load<u64>(out + at - distance));
  } else if (distance == 1) {
    memory.fill(out, load<u8>(out - 1), bytes);
  } else {
    for (let at: usize = 0; at < bytes; at++) store<u8>(out + at, load<u8>(out + at - distance));
  }
}

/** Snappy: https://github.com/google/snappy/blob/main/format_description.txt */
export function snappyDecode(p: usize, end: usize, out: usize, capacity: u32): i32 {
  let length: u64 = 0;
  let shift: u64 = 0;
  while (true) {
    if (p >= end || shift > 28) return -1;
    const byte = <u64>load<u8>(p++);
    length |= (byte & 127) << shift;
    if (byte < 128) break;
    shift += 7;
  }
  if (length > <u64>capacity) return -1;
  const start = out;
  const limit = out + <usize>length;
  while (p < end) {
    // Numbers that differ from earlier ones in some bytes come as pairs: one to four bytes, then a copy that is not near. Both are put together in
    // registers: what was just stored in two parts is not there for a load at once.
    while (end - p >= 16 && limit - out >= 16) {
      const word = load<u64>(p);
      const tag = <u32>word & 0xff;
      if ((tag & 0xf3) != 0) break;
      const copy = <u32>(word >> <u64>(2 * tag + 16));
      const kind = copy & 3;
      if (kind - 1 > 1) break;
      // No branches between the two kinds of copies: which one comes is as good as random.
      const isFar = 0 - (kind >> 1);
      const count = (tag >> 2) + 1;
      const bytes = count + ((copy >> 2) & (7 | (isFar & 63))) + 4 - (isFar & 3);
      const distance = ((copy >> 8) & (0xff | (isFar & 0xff00))) | ((copy & 0xe0 & ~isFar) << 3);
      if (distance < 8 || distance > <u32>(out - start) || bytes > 16) break;
      const kept: u64 = <u64>-1 << <u64>(2 * tag + 8);
      let value = ((word >> 8) & ~kept) | (load<u64>(out - distance) & kept);
      store<u64>(out, value);
      store<u64>(out, load<u64>(out + 8 - distance), 8);
      out += bytes;
      p += count + 2 + kind;
      if (distance != 8 || bytes != 8 || kind != 1) continue;
      // Times: the same pair again and again. Where the next one lies is then known before this one was looked at.
      const shape: u64 = (<u64>0xffff << <u64>(2 * tag + 16)) | 0xff;
      const pattern = word & shape;
      while (end - p >= 16 && limit - out >= 8) {
        const next = load<u64>(p);
        if ((next & shape) != pattern) break;
        value = ((next >> 8) & ~kept) | (value & kept);
        store<u64>(out, value);
        out += 8;
        p += count + 3;
      }
    }
    if (p == end) break;
    const tag = <usize>load<u8>(p++);
    if ((tag & 3) == 0) {
      let bytes = tag >> 2;
      if (bytes >= 60) {
        const more = bytes - 59;
        if (end - p < more) return -1;
        bytes = <usize>(load<u32>(p) & <u32>(((<u64>1) << (<u64>more << 3)) - 1));
        p += more;
      }
      bytes++;
      if (bytes > end - p || bytes > limit - out || bytes == 0) return -1;
      copyOver(out, p, bytes);
      out += bytes;
      p += bytes;
      continue;
    }
    let bytes: usize;
    let distance: usize;
    if ((tag & 3) == 1) {
      if (p >= end) return -1;
      bytes = ((tag >> 2) & 7) + 4;
      distance = ((tag >> 5) << 8) | <usize>load<u8>(p++);
    } else if ((tag & 3) == 2) {
      if (end - p < 2) return -1;
      bytes = (tag >> 2) + 1;
      distance = <usize>load<u16>(p);
      p += 2;
    } else {
      if (end - p < 4) return -1;
      bytes = (tag >> 2) + 1;
      distance = <usize>load<u32>(p);
      p += 4;
    }
    if (distance == 0 || distance > out - start || bytes > limit - out) return -1;
    copyBack(out, distance, bytes);
    out += bytes;
  }
  return out == limit ? <i32>length : -1;
}

/** A block of LZ4: https://github.com/lz4/lz4/blob/dev/doc/lz4_Block_format.md */
export function lz4Decode(p: usize, end: usize, out: usize, capacity: u32): i32 {
  return lz4Continue(p, end, out, capacity, out);
}

/** A block that may refer to bytes before `out`, from `history` on. */
export function lz4Continue(p: usize, end: usize, out: usize, capacity: u32, history: usize): i32 {
  const start = out;
  const limit = out + <usize>capacity;
  while (p < end) {
    const token = <usize>load<u8>(p++);
    let bytes = token >> 4;
    if (bytes == 15) {
      let byte: usize = 255;
      while (byte == 255) {
        if (p >= end) return -1;
        byte = <usize>load<u8>(p++);
        bytes += byte;
      }
    }
    if (bytes > end - p || bytes > limit - out) return -1;
    copyOver(out, p, bytes);
    out += bytes;
    p += bytes;
    if (p == end) break; // the last sequence has no match
    if (end - p < 2) return -1;
    const distance = <usize>load<u16>(p);
    p += 2;
    bytes = token & 15;
    if (bytes == 15) {
      let byte: usize = 255;
      while (byte == 255) {
        if (p >= end) return -1;
        byte = <usize>load<u8>(p++);
        bytes += byte;
      }
    }
    bytes += 4;
    if (distance == 0 || distance > out - history || bytes > limit - out) return -1;
    copyBack(out, distance, bytes);
    out += bytes;
  }
  return <i32>(out - start);
}
