/** LZ4 frames, whose blocks a kernel unpacks. Format: https://github.com/lz4/lz4/blob/dev/doc/lz4_Frame_format.md */
import { kernelExports } from '../../kernels/compiled-kernels.ts';
import type { Arena, Ptr } from '../../memory/contract.ts';

const MAGIC = 0x184d2204;
const PLAIN_BLOCK = 0x8000_0000;
const FLAG = { version: 0xc0, blockSum: 0x10, size: 0x08, contentSum: 0x04, dictionary: 0x01 } as const;

/** Unpacks one frame. Returns the bytes written, or -1. What is compressed is not trusted. Checksums are passed over. */
export function unpackLz4Frame(arena: Arena, from: Ptr, end: Ptr, out: Ptr, capacity: number): number {
  const kernels = kernelExports(arena.memory) as unknown as { lz4Continue(...args: number[]): number };
  const view = new DataView(arena.buffer);
  if (end - from < 7 || view.getUint32(from, true) !== MAGIC) return -1;
  const flags = view.getUint8(from + 4);
  if ((flags & FLAG.version) !== 0x40 || (flags & FLAG.dictionary) !== 0) return -1;
  let at = from + 7 + ((flags & FLAG.size) === 0 ? 0 : 8);
  let done = 0;
  while (end - at >= 4) {
    const size = view.getUint32(at, true);
    at += 4;
    if (size === 0) return done;
    const bytes = size & ~PLAIN_BLOCK;
    if (bytes < 0 || bytes > end - at) return -1;
    if ((size & PLAIN_BLOCK) !== 0) {
      if (bytes > capacity - done) return -1;
      arena.u8.copyWithin(out + done, at, at + bytes);
      done += bytes;
    } else {
      // A block may refer to those before it.
      const written = kernels.lz4Continue(at, at + bytes, out + done, capacity - done, out);
      if (written < 0) return -1;
      done += written;
    }
    at += bytes + ((flags & FLAG.blockSum) === 0 ? 0 : 4);
  }
  return -1;
}
