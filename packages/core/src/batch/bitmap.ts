/**
 * Bits in byte arrays, Arrow's way: bit i is bit i mod 8 of byte i div 8. Positions are counted in bits from the start
 * of the array, and may pass 2^32: no bitwise operation is ever applied to a position.
 */

const SET_IN_BYTE: Uint8Array = Uint8Array.from({ length: 256 }, (_, byte) => {
  let count = 0;
  for (let rest = byte; rest !== 0; rest >>= 1) count += rest & 1;
  return count;
});

export function isBitSet(bytes: Uint8Array, bit: number): boolean {
  return (((bytes[Math.floor(bit / 8)] as number) >> (bit % 8)) & 1) === 1;
}

export function setBit(bytes: Uint8Array, bit: number, value: boolean): void {
  const at = Math.floor(bit / 8);
  const mask = 1 << (bit % 8);
  bytes[at] = value ? (bytes[at] as number) | mask : (bytes[at] as number) & ~mask;
}

/** How many of `rows` bits from `from` on are set. */
export function countSetBits(bytes: Uint8Array, from: number, rows: number): number {
  let count = 0;
  let bit = from;
  const end = from + rows;
  while (bit < end && bit % 8 !== 0) count += isBitSet(bytes, bit++) ? 1 : 0;
  const wholeEnd = bit + Math.floor((end - bit) / 8) * 8;
  for (let at = bit / 8; at < wholeEnd / 8; at++) count += SET_IN_BYTE[bytes[at] as number] as number;
  for (bit = Math.max(bit, wholeEnd); bit < end; bit++) count += isBitSet(bytes, bit) ? 1 : 0;
  return count;
}

/** Sets or clears `rows` bits from `from` on; the bits around them stay. */
export function fillBits(bytes: Uint8Array, from: number, rows: number, value: boolean): void {
  let bit = from;
  const end = from + rows;
  while (bit < end && bit % 8 !== 0) setBit(bytes, bit++, value);
  const wholeEnd = bit + Math.floor((end - bit) / 8) * 8;
  if (wholeEnd > bit) bytes.fill(value ? 0xff : 0, bit / 8, wholeEnd / 8);
  for (bit = Math.max(bit, wholeEnd); bit < end; bit++) setBit(bytes, bit, value);
}

/** Copies `rows` bits to another place, whatever the alignment of either; the bits around the target stay. */
export function copyBits(
  source: Uint8Array,
  sourceFrom: number,
  target: Uint8Array,
  targetFrom: number,
  rows: number,
): void {
  let done = 0;
  while (done < rows && (targetFrom + done) % 8 !== 0) {
    setBit(target, targetFrom + done, isBitSet(source, sourceFrom + done));
    done++;
  }
  const wholeBytes = Math.floor((rows - done) / 8);
  const shift = (sourceFrom + done) % 8;
  const from = Math.floor((sourceFrom + done) / 8);
  const to = (targetFrom + done) / 8;
  if (shift === 0 && wholeBytes > 0) target.set(source.subarray(from, from + wholeBytes), to);
  else {
    for (let index = 0; index < wholeBytes; index++) {
      target[to + index] =
        ((source[from + index] as number) >> shift) | ((source[from + index + 1] as number) << (8 - shift));
    }
  }
  for (done += wholeBytes * 8; done < rows; done++)
    setBit(target, targetFrom + done, isBitSet(source, sourceFrom + done));
}
