/** Numbers packed as Parquet packs them, of every width, as the kernels unpack them: alone and as differences. */
import { borrowPageMemory } from '@spillway/core/internal';
import { expect, it } from 'vitest';
import { type SeededRandom, seededRandom } from '../../../support/random.ts';

type PageMemory = ReturnType<typeof borrowPageMemory>;

/** The least significant bits first. */
function packed(values: readonly bigint[], bits: number): number[] {
  let all = 0n;
  for (const value of values.toReversed()) all = (all << BigInt(bits)) | value;
  return Array.from({ length: Math.ceil((values.length * bits) / 8) }, (_, at) =>
    Number((all >> BigInt(8 * at)) & 255n),
  );
}

function varint(value: bigint): number[] {
  const bytes = [];
  for (; value > 127n; value >>= 7n) bytes.push(Number(value & 127n) | 128);
  return [...bytes, Number(value)];
}

function zigzag(value: bigint): number[] {
  return varint(BigInt.asUintN(64, (value << 1n) ^ (value >> 63n)));
}

function anyBits(random: SeededRandom, bits: number): bigint {
  let value = 0n;
  for (let at = 0; at < 64; at += 16) value = (value << 16n) | BigInt(random.integer(0, 65_535));
  return BigInt.asUintN(bits, value);
}

/** Where the bytes lie, and where results go: behind them, with what must stay as it is. */
function place(memory: PageMemory, bytes: readonly number[], room: number): { at: number; end: number; out: number } {
  memory.reset();
  const at = memory.take(bytes.length);
  memory.u8.set(bytes, at);
  const out = memory.take(room);
  memory.u8.fill(0xa5, out, out + room + 16);
  return { at, end: at + bytes.length, out };
}

it('numbers of every width come back as they were packed, and nothing is written behind them', () => {
  const random = seededRandom();
  const memory = borrowPageMemory();
  for (let bits = 0; bits <= 32; bits++) {
    const groups = random.integer(1, 30);
    const values = Array.from({ length: 8 * groups }, () => anyBits(random, bits));
    const count = random.integer(8 * groups - 7, 8 * groups);
    const bytes = [...varint(BigInt((groups << 1) | 1)), ...packed(values, bits)];
    const { at, end, out } = place(memory, bytes, 4 * count);
    expect(memory.kernels['hybridDecode']?.(at, end, bits, count, out), `${bits} bits`).toBe(end);
    const found = new Uint32Array(memory.u8.slice(out, out + 4 * count).buffer);
    expect([...found].map(BigInt), `${bits} bits`).toStrictEqual(values.slice(0, count));
    expect(memory.u8[out + 4 * count]).toBe(0xa5);
  }
});

it('differences of every width add up to the values that they were taken of', () => {
  const random = seededRandom();
  const memory = borrowPageMemory();
  for (const width of [4, 8]) {
    for (let bits = 0; bits <= 8 * width; bits++) {
      const minis = Array.from({ length: 4 }, (_, mini) =>
        random.chance(0.7) || mini === 0 ? bits : random.integer(0, bits),
      );
      const least = BigInt.asIntN(8 * width, anyBits(random, 8 * width));
      const rests = minis.map((own) => Array.from({ length: 32 }, () => anyBits(random, own)));
      const count = random.integer(98, 129);
      const first = BigInt.asIntN(8 * width, anyBits(random, 8 * width));
      const bytes = [
        ...varint(128n),
        ...varint(4n),
        ...varint(BigInt(count)),
        ...zigzag(first),
        ...zigzag(least),
        ...minis,
      ];
      for (const [mini, own] of minis.entries()) bytes.push(...packed(rests[mini] ?? [], own));
      let value = first;
      const expected = [first, ...rests.flat().map((rest) => (value = BigInt.asIntN(8 * width, value + least + rest)))];
      const { at, end, out } = place(memory, bytes, width * count);
      expect(memory.kernels['deltaDecode']?.(at, end, count, width, out), `${bits} bits`).toBe(end);
      const { buffer } = memory.u8.slice(out, out + width * count);
      const found = width === 8 ? [...new BigInt64Array(buffer)] : [...new Int32Array(buffer)].map(BigInt);
      expect(found, `${bits} bits`).toStrictEqual(expected.slice(0, count));
      expect(memory.u8[out + width * count]).toBe(0xa5);
    }
  }
});
