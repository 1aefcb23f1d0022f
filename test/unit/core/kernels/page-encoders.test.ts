/** What makes pages, against what takes them apart, and against plain loops. */
import { borrowPageMemory, returnPageMemory } from '@spillway/core/internal';
import { afterAll, describe, expect, it } from 'vitest';
import { type SeededRandom, seededRandom } from '../../../support/random.ts';

const memory = borrowPageMemory();
afterAll(() => returnPageMemory(memory));
const { kernels } = memory;
const MOST_ROWS = 1000;
const values = memory.take(8 * MOST_ROWS);
const page = memory.take(16 * MOST_ROWS);
const back = memory.take(8 * MOST_ROWS);
const scratch = memory.take(64);

function call(name: string, ...args: number[]): number {
  return kernels[name]?.(...args) ?? Number.NaN;
}

function put(array: ArrayBufferView, at = values): void {
  memory.u8.set(new Uint8Array(array.buffer, array.byteOffset, array.byteLength), at);
}

function taken<T>(array: new (buffer: ArrayBufferLike, at: number, length: number) => T, at: number, count: number): T {
  return new array(memory.u8.buffer, at, count);
}

describe('pages', () => {
  it.each(Array.from({ length: 33 }, (_, width) => width))('numbers of %i bits, in runs and packed', (width) => {
    const random = seededRandom();
    for (const count of [1, 7, 8, 9, 100, MOST_ROWS]) {
      let value = 0;
      const numbers = Uint32Array.from({ length: count }, () => {
        if (random.chance(0.6)) value = width === 0 ? 0 : Math.floor(random.next() * 2 ** width);
        return value;
      });
      put(numbers);
      const end = call('hybridEncode', values, count, width, page);
      expect(call('hybridDecode', page, end, width, count, back)).toBe(end);
      expect(taken(Uint32Array, back, count)).toEqual(numbers);
    }
  });

  it.each([4, 8])('differences of values of %i bytes', (width) => {
    const random = seededRandom();
    for (const bits of [0, 1, 7, 31, 8 * width]) {
      const count = random.integer(1, MOST_ROWS);
      const array = width === 4 ? new Int32Array(count) : new BigInt64Array(count);
      let value = 0n;
      for (let row = 0; row < count; row += 1) {
        value += 50_000n + BigInt(Math.floor(random.next() * 2 ** bits));
        if (array instanceof Int32Array) array[row] = Number(BigInt.asIntN(32, value));
        else array[row] = value;
      }
      put(array);
      const end = call('deltaEncode', values, count, width, page);
      expect(call('deltaDecode', page, end, count, width, back)).toBe(end);
      expect(memory.view(back, count * width)).toEqual(memory.view(values, count * width));
    }
  });

  it('bounds of integers', () => {
    const random = seededRandom();
    for (let round = 0; round < 40; round += 1) {
      const count = random.integer(1, 70);
      const narrow = Int32Array.from({ length: count }, () => random.integer(-(2 ** 31), 2 ** 31 - 1));
      const wide = BigInt64Array.from(narrow, (number) => BigInt(number) << BigInt(random.integer(0, 32)));
      expect(boundsOf(2, narrow, Int32Array)).toEqual(extremes([...narrow]));
      expect(boundsOf(6, narrow, Uint32Array)).toEqual(extremes(Array.from(narrow, (number) => number >>> 0)));
      expect(boundsOf(3, wide, BigInt64Array)).toEqual(extremes([...wide]));
      expect(boundsOf(7, wide, BigUint64Array)).toEqual(extremes(Array.from(wide, (x) => BigInt.asUintN(64, x))));
    }
  });

  it('bounds of floats leave NaN out, and tell of it', () => {
    const random = seededRandom();
    for (let round = 0; round < 60; round += 1) {
      const numbers = Float64Array.from({ length: random.integer(1, 40) }, () =>
        random.chance(0.05) ? Number.NaN : random.anyFloat(),
      );
      const narrow = Float32Array.from(numbers);
      for (const [kind, array, type] of [
        [9, numbers, Float64Array],
        [8, narrow, Float32Array],
      ] as const) {
        const there = Array.from<number>(array).filter((number) => !Number.isNaN(number));
        const found = boundsOf(kind, array, type);
        // Zeros of both signs are equal.
        const plain = (bounds: number[]): number[] => bounds.map((bound) => bound + 0);
        expect(plain(found)).toEqual(plain(there.length === 0 ? [Infinity, -Infinity] : extremes(there)));
        expect(isNanThere).toBe(there.length < array.length);
      }
    }
  });
});

let isNanThere = false;

function boundsOf<T>(
  kind: number,
  numbers: ArrayBufferView & { length: number },
  array: new (buffer: ArrayBufferLike, at: number, length: number) => Iterable<T>,
): T[] {
  put(numbers);
  isNanThere = call('valueBounds', kind, values, numbers.length, scratch) === 1;
  return [...new array(memory.u8.buffer, scratch, 1), ...new array(memory.u8.buffer, scratch + 8, 1)];
}

function extremes<T extends number | bigint>(numbers: readonly T[]): T[] {
  const sorted = [...numbers].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
  return [sorted[0] as T, sorted.at(-1) as T];
}

/** Bytes of one plane. */
const PLANES: Record<string, (random: SeededRandom, row: number) => number> = {
  'one byte': () => 64,
  runs: (_, row) => (row % 997 < 900 ? 63 : 64),
  noise: (random) => random.integer(0, 255),
  'few low bytes': (random) => random.integer(0, 3) * random.integer(0, 3),
  'few high bytes': (random) => 255 - random.integer(0, 3) * random.integer(0, 3),
  'many bytes, some often': (random) => (random.chance(0.8) ? 200 + random.integer(0, 7) : random.integer(0, 255)),
  'codes that would be too long': (random) => Math.min(255, Math.floor(-Math.log2(1 - random.next()) * 1.3)),
  'two bytes': (random) => (random.chance(0.1) ? 1 : 254),
};

describe('frames of planes', () => {
  const room = 80_000;
  const [from, out, whole] = [memory.take(room), memory.take(room + 1024), memory.take(room)];
  const table = memory.take(64 * 1024);
  const zstd = memory.zstdScratch();

  function framed(bytes: Uint8Array, first: number, planes: number): number {
    memory.u8.set(bytes, from);
    const end =
      call('zstdPlanes', table, from, first, planes, planes === 0 ? 0 : (bytes.length - first) / planes, out) >>> 0;
    expect(call('zstdDecode', zstd, out, end, whole, bytes.length)).toBe(bytes.length);
    expect(Buffer.compare(memory.view(whole, bytes.length), bytes)).toBe(0);
    return end - out;
  }

  it.each(Object.keys(PLANES))('%s', (name) => {
    const random = seededRandom();
    for (const rows of [1, 1023, 1024, 4001, 32_768, 70_001]) {
      const bytes = Uint8Array.from({ length: rows }, (_, row) => PLANES[name]?.(random, row) ?? 0);
      const length = framed(bytes, 0, 1);
      expect(length).toBeLessThan(rows + 20);
      if (rows > 4000 && name !== 'noise') expect(length).toBeLessThan(0.75 * rows);
    }
  });

  it('several, behind levels', () => {
    const random = seededRandom();
    const names = Object.keys(PLANES);
    for (let round = 0; round < 30; round += 1) {
      const rows = random.integer(0, 8000);
      const planes = random.integer(0, 8);
      const bytes: number[] = Array.from({ length: random.pick([0, 6, 900]) }, () => random.integer(0, 255));
      const first = bytes.length;
      for (let plane = 0; plane < planes; plane += 1) {
        const make = PLANES[random.pick(names)];
        for (let row = 0; row < rows; row += 1) bytes.push(make?.(random, row) ?? 0);
      }
      framed(Uint8Array.from(bytes), first, planes);
    }
  });

  it('streams of values of 4 and 8 bytes, back and forth', () => {
    const random = seededRandom();
    for (const width of [4, 8]) {
      for (const count of [1, 15, 16, 17, 333]) {
        const bytes = Uint8Array.from({ length: count * width }, () => random.integer(0, 255));
        put(bytes);
        call('streamsEncode', values, count, width, page);
        const expected = bytes.map((_, at) => bytes[(at % count) * width + Math.floor(at / count)] as number);
        expect(memory.view(page, bytes.length)).toEqual(expected);
        call('streamsDecode', page, count, width, back);
        expect(memory.view(back, bytes.length)).toEqual(bytes);
      }
    }
  });
});

describe('numbers of texts', () => {
  it('the memo gives the numbers that the table gives', () => {
    const random = seededRandom();
    const letters = ['', 'a', 'b', '\0', 'é', 'long enough to be behind'];
    const word = (): string => Array.from({ length: random.integer(0, 6) }, () => random.pick(letters)).join('');
    const words = Array.from({ length: 300 }, word);
    const texts = Array.from({ length: MOST_ROWS }, () => Buffer.from(random.pick(words)));
    const offsets = Uint32Array.from(
      [0, ...texts.keys()].map((_, row) => texts.slice(0, row).reduce((n, { length }) => n + length, 0)),
    );
    const bytes = Buffer.concat(texts);
    const [offsetsAt, bytesAt] = [memory.take(offsets.byteLength), memory.take(bytes.length)];
    put(offsets, offsetsAt);
    put(bytes, bytesAt);
    const memo = memory.take(24 * 4096);
    memory.u8.fill(0, memo, memo + 24 * 4096);
    const header = (): number => {
      const [at, slots, keys, room] = [
        memory.take(64),
        memory.take(8 * 1024),
        memory.take(4 * 513),
        memory.take(2 ** 16),
      ];
      call('initKeyTable', at, slots, 1024, keys, 512, room, 2 ** 16);
      return at;
    };
    expect(call('encodeText', header(), offsetsAt, bytesAt, 0, 0, texts.length, back)).toBe(texts.length);
    expect(call('encodeShortTexts', header(), memo, offsetsAt, bytesAt, 0, texts.length, page)).toBe(texts.length);
    expect(taken(Uint32Array, page, texts.length)).toEqual(taken(Uint32Array, back, texts.length));
    const numbers = new Map<string, number>();
    for (const text of texts) numbers.set(text.toString('hex'), numbers.get(text.toString('hex')) ?? numbers.size);
    expect(Array.from(taken(Uint32Array, page, texts.length))).toEqual(
      texts.map((text) => numbers.get(text.toString('hex'))),
    );
  });

  it('a table without room gives the row that does not fit, and goes on there', () => {
    const texts = Array.from({ length: 20 }, (_, i) => `t${i % 10}`);
    const offsets = Uint32Array.from({ length: 21 }, (_, i) => 2 * i);
    const [offsetsAt, bytesAt, memo] = [memory.take(84), memory.take(40), memory.take(24 * 4096)];
    put(offsets, offsetsAt);
    put(Buffer.from(texts.join('')), bytesAt);
    memory.u8.fill(0, memo, memo + 24 * 4096);
    const [at, slots, keys, room] = [memory.take(64), memory.take(256), memory.take(64), memory.take(64)];
    call('initKeyTable', at, slots, 32, keys, 4, room, 64);
    expect(call('encodeShortTexts', at, memo, offsetsAt, bytesAt, 0, 20, back)).toBe(4);
    const more = memory.take(256);
    call('rehashKeyTable', at, more, 32, keys, 16);
    expect(call('encodeShortTexts', at, memo, offsetsAt, bytesAt, 4, 20, back)).toBe(20);
    expect(Array.from(taken(Uint32Array, back, 20))).toEqual(texts.map((_, i) => i % 10));
  });
});
