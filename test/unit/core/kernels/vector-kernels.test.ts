import {
  createReferenceKernels,
  instantiateKernels,
  KERNEL_TYPE_BYTES,
  type Kernels,
  type KernelType,
  type Operand,
} from '@spillway/core/internal';
import { describe, expect, it } from 'vitest';
import { fakeArena, seededRandom } from '../../../support/fake-arena.ts';
import { ALL_TYPES, randomBits, randomColumn } from './columns.ts';

const arena = fakeArena(16 << 20);
const compiled = instantiateKernels(arena);
const twins = createReferenceKernels(arena);
const ROWS = [0, 1, 7, 8, 9, 63, 64, 65, 200, 1_000];

function memoryAt(ptr: number, bytes: number): number[] {
  return Array.from(new Uint8Array(arena.buffer, ptr, bytes));
}

/** Room of `bytes`, filled with a byte that no kernel writes by chance. */
function poisoned(bytes: number): number {
  const ptr = arena.room(bytes + 16);
  new Uint8Array(arena.buffer, ptr, bytes + 16).fill(0xdb);
  return ptr;
}

/** Runs a call on both sets of kernels; result and written memory (16 bytes beyond too) have to be the same. */
function expectSame(bytes: number, call: (kernels: Kernels, out: number) => unknown): void {
  const [a, b] = [compiled, twins].map((kernels) => {
    const out = poisoned(bytes);
    const result = call(kernels, out);
    return { result, memory: memoryAt(out, bytes + 16) };
  });
  expect(a).toEqual(b);
}

/** As `expectSame`, looking only at rows that are not null, and only up to a refusal. */
function expectSameRows(
  type: KernelType,
  rows: number,
  validity: number,
  call: (kernels: Kernels, out: number) => number,
): void {
  const [a, b] = [compiled, twins].map((kernels) => {
    const out = poisoned(rows * KERNEL_TYPE_BYTES[type]);
    const stop = call(kernels, out);
    const seen: unknown[] = [];
    for (let row = 0; row < (stop < 0 ? rows : stop); row++) {
      const isThere = validity === 0 || (arena.view.getUint8(validity + (row >> 3)) >> (row & 7)) & 1;
      const value =
        type === 'f64'
          ? arena.view.getFloat64(out + 8 * row, true)
          : type === 'f32'
            ? arena.view.getFloat32(out + 4 * row, true)
            : memoryAt(out + row * KERNEL_TYPE_BYTES[type], KERNEL_TYPE_BYTES[type]).join();
      seen.push(isThere ? value : 'null');
    }
    return { stop, seen };
  });
  expect(a).toEqual(b);
}

const ARITHMETIC_TYPES = ['i32', 'i64', 'u32', 'u64', 'f32', 'f64'] as const;
const column = (ptr: number): Operand => ({ ptr, isScalar: false });
const scalar = (ptr: number): Operand => ({ ptr, isScalar: true });

/** Integers of all sizes, so that some products overflow and most do not; zeros among them. */
function mixedColumn(type: KernelType, rows: number, random: () => number, greatestBits: number): number {
  if (type.startsWith('f')) return randomColumn(arena, type, rows, random, random() < 0.5 ? 'withZeros' : 'wide');
  const ptr = arena.room(rows * KERNEL_TYPE_BYTES[type]);
  for (let row = 0; row < rows; row++) {
    const bits = Math.floor(random() * greatestBits);
    const magnitude = BigInt.asUintN(
      bits,
      (BigInt(Math.floor(random() * 2 ** 32)) << 32n) | BigInt(Math.floor(random() * 2 ** 32)),
    );
    const value = !type.startsWith('u') && random() < 0.5 ? -magnitude : magnitude;
    if (KERNEL_TYPE_BYTES[type] === 8) arena.view.setBigUint64(ptr + 8 * row, BigInt.asUintN(64, value), true);
    else arena.view.setUint32(ptr + 4 * row, Number(BigInt.asUintN(32, value)), true);
  }
  return ptr;
}

describe('arithmetic', () => {
  it.each(ARITHMETIC_TYPES)('equals its twin on %s, columns and scalars, with and without nulls', (type) => {
    const random = seededRandom(21);
    for (const fn of ['add', 'sub', 'mul', 'div', 'mod'] as const) {
      for (const rows of ROWS) {
        for (const share of [0, 0.5, 1]) {
          arena.reset();
          const bits = share === 1 ? (fn === 'mul' ? 4 : 8) * KERNEL_TYPE_BYTES[type] - 2 : 8 * KERNEL_TYPE_BYTES[type];
          const left = mixedColumn(type, Math.max(1, rows), random, bits);
          const right = mixedColumn(type, Math.max(1, rows), random, bits);
          const validity = share === 0.5 ? randomBits(arena, rows, random, 0.8) : 0;
          for (const [a, b] of [
            [column(left), column(right)],
            [column(left), scalar(right)],
            [scalar(left), column(right)],
          ] as const) {
            expectSameRows(fn === 'div' ? 'f64' : type, rows, validity, (kernels, out) =>
              kernels.arithmetic(fn, type, a, b, validity, rows, out),
            );
          }
        }
      }
    }
  });

  it('finds every kind of integer overflow', () => {
    const cases: [
      KernelType & ('i32' | 'i64' | 'u32' | 'u64'),
      'add' | 'sub' | 'mul' | 'mod',
      bigint,
      bigint,
      number,
    ][] = [
      ['i64', 'add', 2n ** 63n - 1n, 1n, 0],
      ['i64', 'sub', -(2n ** 63n), 1n, 0],
      ['i64', 'mul', -(2n ** 63n), -1n, 0],
      ['i64', 'mul', -1n, -(2n ** 63n), 0],
      ['i64', 'mul', 2n ** 32n, 2n ** 31n, 0],
      ['i64', 'mul', -(2n ** 32n), 2n ** 31n, -1],
      ['i64', 'mul', 0n, -(2n ** 63n), -1],
      ['i64', 'mod', -(2n ** 63n), -1n, -1],
      ['i64', 'mod', 1n, 0n, 0],
      ['u64', 'mul', 2n ** 32n, 2n ** 32n, 0],
      ['u64', 'mul', 2n ** 32n, 2n ** 32n - 1n, -1],
      ['u64', 'sub', 1n, 2n, 0],
      ['u64', 'add', 2n ** 64n - 1n, 1n, 0],
      ['i32', 'mul', -(2n ** 31n), -1n, 0],
      ['i32', 'mod', -(2n ** 31n), -1n, -1],
      ['i32', 'add', 2n ** 31n - 1n, 1n, 0],
      ['u32', 'mul', 65_536n, 65_536n, 0],
      ['u32', 'mul', 65_536n, 65_535n, -1],
    ];
    for (const [type, fn, a, b, expected] of cases) {
      arena.reset();
      const [left, right] = [arena.room(8), arena.room(8)];
      arena.view.setBigUint64(left, BigInt.asUintN(64, a), true);
      arena.view.setBigUint64(right, BigInt.asUintN(64, b), true);
      for (const kernels of [compiled, twins]) {
        expect([
          type,
          fn,
          a,
          b,
          kernels.arithmetic(fn, type, column(left), column(right), 0, 1, arena.room(8)),
        ]).toEqual([type, fn, a, b, expected]);
      }
    }
  });

  it.each(ARITHMETIC_TYPES)('of one operand equals its twin on %s', (type) => {
    const random = seededRandom(22);
    for (const fn of ['neg', 'abs', 'floor', 'ceil', 'round', 'sqrt'] as const) {
      for (const rows of ROWS) {
        arena.reset();
        const values = mixedColumn(type, rows, random, 8 * KERNEL_TYPE_BYTES[type]);
        if (rows > 50 && !type.startsWith('f')) arena.view.setUint8(values + 51 * KERNEL_TYPE_BYTES[type] - 1, 0x80);
        const validity = random() < 0.5 ? randomBits(arena, rows, random, 0.9) : 0;
        expectSameRows(type, rows, validity, (kernels, out) =>
          kernels.unaryArithmetic(fn, type, values, validity, rows, out),
        );
      }
    }
  });
});

describe('compare', () => {
  it.each(ALL_TYPES)('equals its twin on %s', (type) => {
    const random = seededRandom(23);
    for (const fn of ['eq', 'ne', 'lt', 'le', 'gt', 'ge'] as const) {
      for (const rows of ROWS) {
        arena.reset();
        const left = randomColumn(arena, type, Math.max(rows, 1), random, 'withZeros', 1);
        const right = randomColumn(arena, type, Math.max(rows, 1), random, 'withZeros');
        if (rows > 3)
          new Uint8Array(arena.buffer).copyWithin(right, left, left + KERNEL_TYPE_BYTES[type] * Math.floor(rows / 2));
        if (type === 'f64' && rows > 9) arena.view.setFloat64(left + 40, NaN, true);
        for (const [a, b] of [
          [column(left), column(right)],
          [column(left), scalar(right)],
          [scalar(left), column(right)],
        ] as const) {
          expectSame(Math.ceil(rows / 8), (kernels, out) => kernels.compare(fn, type, a, b, rows, out));
        }
      }
    }
  });
});

describe('bitmaps', () => {
  it('combine as their twins do', () => {
    const random = seededRandom(24);
    for (const rows of ROWS) {
      for (let round = 0; round < 8; round++) {
        arena.reset();
        const bytes = Math.ceil(rows / 8);
        const maps = Array.from({ length: 4 }, () => randomBits(arena, rows, random, 0.5));
        const [a, b, va, vb] = maps.map((ptr, i) => (i >= 2 && random() < 0.4 ? 0 : ptr)) as [
          number,
          number,
          number,
          number,
        ];
        for (const fn of ['and', 'or', 'xor', 'andNot'] as const) {
          expectSame(bytes, (kernels, out) => kernels.bitmap(fn, a, vb, rows, out));
        }
        expectSame(bytes, (kernels, out) => kernels.bitmapNot(va, rows, out));
        for (const fn of ['and', 'or'] as const) {
          expectSame(2 * bytes, (kernels, out) => kernels.kleene(fn, a, va, b, vb, rows, out, out + bytes));
        }
      }
    }
  });

  it('count, copy and fill from any bit to any bit', () => {
    const random = seededRandom(25);
    for (let round = 0; round < 400; round++) {
      arena.reset();
      const rows = Math.floor(random() * 300);
      const from = Math.floor(random() * 70);
      const to = Math.floor(random() * 70);
      const bits = random() < 0.1 ? 0 : randomBits(arena, from + rows, random, 0.5);
      const bytes = Math.ceil((to + rows) / 8);
      expectSame(bytes, (kernels, out) => kernels.copyBits(bits, from, rows, out, to));
      expectSame(bytes, (kernels, out) => kernels.fillBits(out, to, rows, random() < 2 && (round & 1) === 1 ? 1 : 0));
      expectSame(0, (kernels) => kernels.popcount(bits, from, rows));
    }
  });

  it('select rows', () => {
    const random = seededRandom(26);
    for (const rows of ROWS) {
      for (const share of [0, 0.1, 0.9, 1]) {
        arena.reset();
        const bits = randomBits(arena, rows, random, share);
        const validity = random() < 0.5 ? 0 : randomBits(arena, rows, random, 0.9);
        expectSame(rows * 4, (kernels, out) => {
          const count = kernels.selectIndices(bits, validity, rows, out);
          new Uint8Array(arena.buffer).fill(0, out + 4 * count, out + 4 * rows);
          return count;
        });
      }
    }
  });
});

/** Indices below `rows`, some of them TAKE_NOTHING. */
function randomIndices(count: number, rows: number, random: () => number): number {
  const ptr = arena.room(4 * count);
  for (let i = 0; i < count; i++)
    arena.view.setUint32(ptr + 4 * i, random() < 0.1 ? 0xffff_ffff : random() * rows, true);
  return ptr;
}

describe('gathers', () => {
  it('take values of any width', () => {
    const random = seededRandom(27);
    for (const width of [1, 2, 3, 4, 5, 8, 12, 16, 24, 33, 40, 100]) {
      for (const count of ROWS) {
        arena.reset();
        const values = randomColumn(arena, 'u8', width * 50, random);
        const indices = randomIndices(count, 50, random);
        expectSame(width * count, (kernels, out) => kernels.take(width, values, indices, count, out));
      }
    }
  });

  it('take bits', () => {
    const random = seededRandom(28);
    for (const count of ROWS) {
      arena.reset();
      const bits = count === 64 ? 0 : randomBits(arena, 500, random, 0.5);
      const indices = randomIndices(count, 500, random);
      expectSame(Math.ceil(count / 8), (kernels, out) => kernels.takeBits(bits, indices, count, out));
    }
  });

  it('take texts of all lengths', () => {
    const random = seededRandom(29);
    for (const count of ROWS) {
      arena.reset();
      const offsets = arena.room(4 * 101);
      let end = 17;
      for (let i = 0; i <= 100; i++) {
        arena.view.setInt32(offsets + 4 * i, end, true);
        end += Math.floor(random() ** 2 * 60);
      }
      const values = randomColumn(arena, 'u8', end, random);
      const indices = randomIndices(count, 100, random);
      const bytes = twins.takeVariableBytes(offsets, indices, count);
      expect(compiled.takeVariableBytes(offsets, indices, count)).toBe(bytes);
      expectSame(4 * count + 4 + bytes, (kernels, out) =>
        kernels.takeVariable(offsets, values, indices, count, out, out + 4 * count + 4),
      );
    }
  });

  it('choose by a mask', () => {
    const random = seededRandom(30);
    for (const width of [1, 2, 4, 8, 16]) {
      for (const rows of ROWS) {
        arena.reset();
        const [a, b] = [
          randomColumn(arena, 'u8', width * rows + 16, random),
          randomColumn(arena, 'u8', width * rows + 16, random),
        ];
        const mask = randomBits(arena, rows, random, 0.5);
        for (const [set, unset] of [
          [column(a), column(b)],
          [scalar(a), column(b)],
          [column(a), scalar(b)],
        ] as const) {
          expectSame(width * rows, (kernels, out) => kernels.choose(width, mask, set, unset, rows, out));
        }
      }
    }
  });

  it('fill and count up', () => {
    const random = seededRandom(31);
    for (const rows of ROWS) {
      for (const width of [1, 2, 4, 8, 16]) {
        arena.reset();
        const value = randomColumn(arena, 'u8', width, random);
        expectSame(width * rows, (kernels, out) => kernels.fill(width, value, rows, out));
      }
      expectSame(4 * rows, (kernels, out) => kernels.iota(0xffff_fff0, rows, out));
    }
  });
});

describe('casts', () => {
  it.each(ALL_TYPES.flatMap((from) => ALL_TYPES.map((to) => ({ from, to }))))(
    'equal their twin: $from to $to',
    ({ from, to }) => {
      const random = seededRandom(32);
      for (const rows of [9, 200]) {
        for (const share of [0, 0.4]) {
          arena.reset();
          const values = randomColumn(arena, from, rows, random, rows === 9 ? 'mixedSigns' : 'huge', 1);
          // Small enough for most targets, and a few that are not.
          if (!from.startsWith('f')) {
            for (let row = 0; row < rows; row++) {
              for (let byte = 1; byte < KERNEL_TYPE_BYTES[from]; byte++)
                arena.view.setUint8(values + row * KERNEL_TYPE_BYTES[from] + byte, random() < 0.02 ? 0x80 : 0);
              if (random() < 0.95) arena.view.setUint8(values + row * KERNEL_TYPE_BYTES[from], random() * 100);
            }
          }
          const validity = share === 0 ? 0 : randomBits(arena, rows, random, 1 - share);
          expectSameRows(to, rows, validity, (kernels, out) => kernels.cast(from, to, values, validity, rows, out));
        }
      }
    },
  );

  it('hold at the edges of every integer type', () => {
    for (const from of ['f64', 'i64', 'u64'] as const) {
      for (const to of ALL_TYPES) {
        const edges = [2 ** 7, 2 ** 8, 2 ** 15, 2 ** 16, 2 ** 31, 2 ** 32, 2 ** 63, 2 ** 64].flatMap((edge) => [
          edge,
          edge - 1,
          edge - 0.5,
          -edge,
          -edge - 1,
          -edge - 0.5,
        ]);
        for (const edge of [...edges, 0, -0, -0.9, NaN, Infinity, -Infinity]) {
          if (from !== 'f64' && !Number.isInteger(edge)) continue;
          arena.reset();
          const value = arena.room(8);
          if (from === 'f64') arena.view.setFloat64(value, edge, true);
          else arena.view.setBigUint64(value, BigInt.asUintN(64, BigInt(edge)), true);
          expectSameRows(to, 1, 0, (kernels, out) => kernels.cast(from, to, value, 0, 1, out));
        }
      }
    }
  });

  it('of bits give 0 and 1', () => {
    const random = seededRandom(33);
    for (const to of ALL_TYPES) {
      arena.reset();
      const bits = randomBits(arena, 100, random, 0.5);
      expectSame(100 * KERNEL_TYPE_BYTES[to], (kernels, out) => kernels.castBits(bits, to, 100, out));
      expectSame(9 * KERNEL_TYPE_BYTES[to], (kernels, out) => kernels.castBits(0, to, 9, out));
    }
  });

  it('scale time units with a floor, and see overflow', () => {
    const random = seededRandom(34);
    for (const [multiply, divide] of [
      [1n, 1n],
      [1000n, 1n],
      [1n, 1000n],
      [1_000_000_000n, 1n],
      [1n, 86_400_000_000n],
    ] as const) {
      arena.reset();
      const rows = 300;
      const values = arena.room(8 * rows);
      for (let row = 0; row < rows; row++) {
        const value = BigInt(Math.floor((random() - 0.5) * 2 ** (20 + random() * 40)));
        arena.view.setBigInt64(values + 8 * row, value, true);
      }
      arena.view.setBigInt64(values, -(2n ** 63n) / multiply, true);
      const validity = randomBits(arena, rows, random, 0.7);
      for (const nulls of [0, validity]) {
        expectSameRows('i64', rows, nulls, (kernels, out) =>
          kernels.scaleInt64(values, nulls, rows, multiply, divide, out),
        );
      }
    }
  });
});

describe('checksum', () => {
  it('is xxHash64', () => {
    arena.reset();
    const text = arena.room(64);
    const write = (content: string): number => {
      new Uint8Array(arena.buffer).set(Buffer.from(content), text);
      return content.length;
    };
    for (const kernels of [compiled, twins]) {
      expect(kernels.checksum(text, 0, 0n)).toBe(0xef46db3751d8e999n);
      expect(kernels.checksum(text, write('abc'), 0n)).toBe(0x44bc2cf5ad770999n);
    }
  });

  it('equals its twin at any length, place and seed', () => {
    const random = seededRandom(35);
    arena.reset();
    const bytes = randomColumn(arena, 'u8', 4_000, random);
    for (let length = 0; length < 200; length++) {
      const at = bytes + Math.floor(random() * 1_000);
      const seed = BigInt(Math.floor(random() * 2 ** 53));
      expect(compiled.checksum(at, length, seed)).toBe(twins.checksum(at, length, seed));
    }
  });
});

describe('places of a segment', () => {
  it('become its rows, and are refused where one lies elsewhere', () => {
    const random = seededRandom(36);
    for (const rows of ROWS) {
      for (const [first, end] of [
        [0, 50],
        [100, 2_000],
        [3_000_000_000, 4_000_000_000],
      ] as const) {
        for (const outsider of [undefined, first - 1, end]) {
          arena.reset();
          const places = arena.room(4 * rows + 4);
          const inside = (): number => first + Math.floor(random() * (end - first));
          for (let row = 0; row < rows; row++)
            arena.view.setUint32(places + 4 * row, random() < 0.2 ? 0xffff_ffff : inside(), true);
          if (outsider !== undefined && rows > 0)
            arena.view.setUint32(places + 4 * Math.floor(random() * rows), outsider >>> 0, true);
          const isNothing = outsider === undefined || rows === 0 || outsider < 0;
          const call = (kernels: Kernels, out: number): number => kernels.rowsOfSegment(places, rows, first, end, out);
          if (isNothing) expectSame(4 * rows, call);
          const out = arena.room(4 * rows + 16);
          for (const kernels of [compiled, twins]) expect(call(kernels, out) >= 0).toBe(isNothing);
        }
      }
    }
  });

  it('takePlaces writes what lies in a run of places, and nothing else', () => {
    const random = seededRandom(29);
    for (const width of [1, 2, 4, 8])
      for (const rows of ROWS)
        for (const [first, end, most] of [
          [0, 50, 50],
          [10, 50, 60],
          [3_000_000_000, 3_000_000_100, 3_000_000_150],
        ] as const) {
          arena.reset();
          const values = arena.room(width * (end - first));
          for (let at = 0; at < width * (end - first); at++) arena.view.setUint8(values + at, random() * 256);
          const places = arena.room(4 * rows + 4);
          const least = Math.max(0, first - 20);
          for (let row = 0; row < rows; row++) {
            const isFar = random() < 0.1 || (row & 64) !== 0;
            const place = isFar ? least + random() * (most - least) : first + random() * (end - first);
            arena.view.setUint32(places + 4 * row, random() < 0.1 ? 0xffff_ffff : Math.floor(place), true);
          }
          expectSame(width * rows, (kernels, out) => kernels.takePlaces(width, values, places, rows, first, end, out));
        }
  });

  it('dealRows deals places out to segments', () => {
    const random = seededRandom(77);
    for (const segments of [1, 2, 7]) {
      for (const rows of [0, 1, 33, 500]) {
        arena.reset();
        const sizes = Array.from({ length: segments }, () => 1 + Math.floor(random() * 9));
        const bounds = arena.room(4 * (segments + 1));
        let end = 3;
        for (const [index, size] of [...sizes, 0].entries()) {
          arena.view.setUint32(bounds + 4 * index, end, true);
          end += size;
        }
        const places = arena.room(4 * rows + 4);
        for (let row = 0; row < rows; row++)
          arena.view.setUint32(
            places + 4 * row,
            random() < 0.2 ? 0xffff_ffff : 3 + Math.floor(random() * (end - 3)),
            true,
          );
        const seen = [compiled, twins].map((kernels) => {
          const counts = arena.room(8 * segments);
          const [chosen, order] = [arena.room(4 * rows + 4), arena.room(4 * rows + 4)];
          kernels.dealRows(places, rows, bounds, segments, counts, chosen, order);
          const words = (at: number, count: number): number[] =>
            Array.from({ length: count }, (_unused, index) => arena.view.getUint32(at + 4 * index, true));
          const found = words(counts, segments);
          const taken = found.reduce((sum, count) => sum + count, 0);
          return { found, chosen: words(chosen, taken), order: words(order, rows) };
        });
        expect(seen[0]).toEqual(seen[1]);
        const { found, chosen, order } = seen[0] as { found: number[]; chosen: number[]; order: number[] };
        const firsts = found.flatMap((count, segment) =>
          Array.from({ length: count }, () => arena.view.getUint32(bounds + 4 * segment, true)),
        );
        for (const [row, at] of order.entries()) {
          const place = at === 0xffff_ffff ? at : (firsts[at] as number) + (chosen[at] as number);
          expect(place).toBe(arena.view.getUint32(places + 4 * row, true));
        }
      }
    }
  });
});
