/**
 * HyperLogLog: how many different values there were, from the largest number of leading zeros among their hashes in each of
 * 2^precision registers. Registers merge by their maximum, in any order. Estimator after O. Ertl, "New cardinality
 * estimation algorithms for HyperLogLog sketches" (2017), which needs no table of biases.
 */

/** A hash of 64 bits in two halves. */
export interface WideHash {
  high: number;
  low: number;
}

function mix(value: number): number {
  let hash = value;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** Hash of 64 bits given as two words, into `into`. */
export function hashWords(high: number, low: number, into: WideHash): void {
  const first = mix((low + 0x9e3779b9) | 0);
  const second = mix((high ^ first) | 0);
  into.high = mix((first + Math.imul(second, 0x9e3779b1)) | 0);
  into.low = mix((second ^ Math.imul(into.high, 0x85ebca77)) | 0);
}

/** Hash of bytes, into `into`. */
export function hashBytes(bytes: Uint8Array, from: number, length: number, into: WideHash): void {
  let [high, low] = [0x9e3779b9 ^ length, 0x7f4a7c15];
  for (let at = from, end = from + length; at < end; at++) {
    const byte = bytes[at] as number;
    high = Math.imul(high ^ byte, 0x01000193);
    low = Math.imul(low + byte + (high >>> 15), 0x85ebca6b);
  }
  hashWords(high, low, into);
}

/** Which register a hash falls into. */
export function registerOf(hash: WideHash, precision: number): number {
  return hash.high >>> (32 - precision);
}

/** One more than the number of leading zeros behind the bits of the register. */
export function zerosOf({ high, low }: WideHash, precision: number): number {
  const rest = (high << precision) >>> 0;
  const zeros = Math.clz32(rest);
  if (zeros < 32 - precision) return zeros + 1;
  return 32 - precision + Math.clz32(low) + 1;
}

/** How many values gave these registers; `counts[k]` of them hold k, in all 2^precision. */
export function estimateUnique(counts: readonly number[], precision: number): number {
  const registers = 2 ** precision;
  const most = 64 - precision;
  let z = registers * tau(1 - (counts[most + 1] ?? 0) / registers);
  for (let k = most; k >= 1; k--) z = 0.5 * (z + (counts[k] ?? 0));
  z += registers * sigma((counts[0] ?? 0) / registers);
  return Math.round((registers * registers) / (2 * Math.LN2) / z);
}

function sigma(value: number): number {
  if (value === 1) return Infinity;
  let [x, y, z] = [value, 1, value];
  for (;;) {
    x *= x;
    const before = z;
    z += x * y;
    y += y;
    if (z === before) return z;
  }
}

function tau(value: number): number {
  if (value === 0 || value === 1) return 0;
  let [x, y, z] = [value, 1, 1 - value];
  for (;;) {
    x = Math.sqrt(x);
    const before = z;
    y *= 0.5;
    z -= (1 - x) ** 2 * y;
    if (z === before) return z / 3;
  }
}
