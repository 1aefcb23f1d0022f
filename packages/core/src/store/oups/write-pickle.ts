/** Plain values as pickles. */
import type { PlainValue } from './pickle.ts';

function uint32(value: number): Buffer {
  const out = Buffer.alloc(4);
  out.writeUInt32LE(value);
  return out;
}

function integerBytes(value: bigint): Buffer {
  const bytes: number[] = [];
  let rest = value;
  do {
    bytes.push(Number(rest & 0xffn));
    rest >>= 8n;
    // The last byte's highest bit is the sign.
  } while (!((rest === 0n && (bytes.at(-1) ?? 0) < 128) || (rest === -1n && (bytes.at(-1) ?? 0) >= 128)));
  return Buffer.from(bytes);
}

function writeValue(value: PlainValue): Buffer[] {
  if (value === null) return [Buffer.from([0x4e])];
  if (typeof value === 'boolean') return [Buffer.from([value ? 0x88 : 0x89])];
  if (typeof value === 'string') {
    const utf8 = Buffer.from(value);
    return [Buffer.from([0x58]), uint32(utf8.length), utf8];
  }
  if (typeof value === 'number') {
    const out = Buffer.alloc(9, 0x47);
    out.writeDoubleBE(value, 1);
    return [out];
  }
  if (typeof value === 'bigint') {
    const integer = integerBytes(value);
    return [Buffer.from([0x8b]), uint32(integer.length), integer];
  }
  const [open, close, items] = Array.isArray(value) ? [0x5d, 0x65, value] : [0x7d, 0x75, Object.entries(value).flat()];
  return [Buffer.from([open, 0x28]), ...items.flatMap(writeValue), Buffer.from([close])];
}

/** A dict as a pickle of protocol 2, which every Python 3 reads. Its first byte is in no UTF-8 text. */
export function writePickledDict(entries: { [name: string]: PlainValue }): Uint8Array {
  return Buffer.concat([Buffer.from([0x80, 0x02]), ...writeValue(entries), Buffer.from([0x2e])]);
}
