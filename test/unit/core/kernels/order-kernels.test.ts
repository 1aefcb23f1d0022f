import {
  createReferenceKernels,
  instantiateKernels,
  KERNEL_TYPE_ARRAYS,
  KERNEL_TYPE_BYTES,
  type Kernels,
  type KernelType,
} from '@spillway/core/internal';
import { describe, expect, it } from 'vitest';
import { fakeArena, seededRandom } from '../../../support/fake-arena.ts';
import { ALL_TYPES, randomColumn } from './columns.ts';

const arena = fakeArena(8 << 20);
const compiled = instantiateKernels(arena);
const twins = createReferenceKernels(arena);

/** Sorts the bytes of a column in place, by its type. */
function sortColumn(type: KernelType, ptr: number, rows: number): void {
  const column = new (KERNEL_TYPE_ARRAYS[type] as Float64ArrayConstructor)(arena.buffer, ptr, rows);
  column.set(column.slice().sort());
}

describe('firstUnordered', () => {
  it.each(ALL_TYPES)('finds nothing in an ordered column of %s, and one descent anywhere', (type) => {
    const random = seededRandom(11);
    for (const rows of [0, 1, 2, 3, 5, 1_023, 1_024, 1_025, 5_000]) {
      arena.reset();
      const values = randomColumn(arena, type, rows, random, 'mixedSigns', 1);
      sortColumn(type, values, rows);
      expect(compiled.firstUnordered(type, values, rows, undefined)).toBe(-1);
      if (rows < 2) continue;
      const at = 1 + Math.floor(random() * (rows - 1));
      const bytes = new Uint8Array(arena.buffer);
      bytes.copyWithin(values + at * KERNEL_TYPE_BYTES[type], values, values + KERNEL_TYPE_BYTES[type]);
      expect(compiled.firstUnordered(type, values, rows, undefined)).toBe(
        twins.firstUnordered(type, values, rows, undefined),
      );
    }
  });

  it('compares the first row with the one before the batch', () => {
    arena.reset();
    const values = arena.room(16);
    arena.view.setBigInt64(values, 5n, true);
    arena.view.setBigInt64(values + 8, 6n, true);
    expect(compiled.firstUnordered('i64', values, 2, 6n)).toBe(0);
    expect(compiled.firstUnordered('i64', values, 2, 5n)).toBe(-1);
    expect(compiled.firstUnordered('i64', values, 0, 9n)).toBe(-1);
  });
});

function binsOf(kernels: Kernels, values: number, rows: number, origin: bigint, every: bigint): unknown {
  const bins = arena.room(8 * rows);
  const ends = arena.room(4 * rows);
  const count = kernels.binEnds(values, rows, origin, every, bins, ends, rows);
  return Array.from({ length: count }, (_, i) => [
    arena.view.getBigInt64(bins + 8 * i, true),
    arena.view.getUint32(ends + 4 * i, true),
  ]);
}

describe('binEnds', () => {
  it('equals its twin', () => {
    const random = seededRandom(12);
    for (let round = 0; round < 200; round++) {
      arena.reset();
      const rows = Math.floor(random() * 400) + 1;
      const values = arena.room(8 * rows);
      const spread = 10 ** Math.floor(random() * 12);
      const steps = Array.from({ length: rows }, () => BigInt(Math.floor((random() - 0.5) * spread)));
      steps
        .sort((a, b) => (a < b ? -1 : a > b ? 1 : 0))
        .forEach((value, i) => arena.view.setBigInt64(values + 8 * i, value, true));
      const every = BigInt(Math.floor(random() * spread * 2 ** (random() * 4 - 3)) + 1);
      const origin = BigInt(Math.floor((random() - 0.5) * 1e15));
      expect(binsOf(compiled, values, rows, origin, every)).toEqual(binsOf(twins, values, rows, origin, every));
    }
  });

  it('holds at both ends of int64', () => {
    arena.reset();
    const rows = [-(2n ** 63n), -(2n ** 63n) + 1n, -1n, 0n, 2n ** 63n - 2n, 2n ** 63n - 1n];
    const values = arena.room(8 * rows.length);
    rows.forEach((value, i) => arena.view.setBigInt64(values + 8 * i, value, true));
    for (const every of [1n, 2n, 3_600_000_000n, 2n ** 62n]) {
      for (const origin of [0n, 1n, -1n, 259_200_000_000n]) {
        expect(binsOf(compiled, values, rows.length, origin, every)).toEqual(
          binsOf(twins, values, rows.length, origin, every),
        );
      }
    }
  });

  it('returns -1 when there are more bins than room', () => {
    arena.reset();
    const values = arena.room(24);
    [0n, 10n, 20n].forEach((value, i) => arena.view.setBigInt64(values + 8 * i, value, true));
    const out = arena.room(64);
    expect(compiled.binEnds(values, 3, 0n, 10n, out, out + 32, 2)).toBe(-1);
    expect(compiled.binEnds(values, 3, 0n, 10n, out, out + 32, 3)).toBe(3);
  });
});

describe('groupByKeys', () => {
  it('equals its twin, whether all keys are there or not, with one table of keys', () => {
    const random = seededRandom(17);
    arena.reset();
    const keys = 20;
    const tables = [arena.room(4 * keys), arena.room(4 * keys)];
    for (const table of tables) new Int32Array(arena.buffer, table, keys).fill(-1);
    const answers: number[] = [];
    for (let stamp = 0; stamp < 40; stamp++) {
      const rows = 20 + Math.floor(random() * 120);
      const ids = arena.room(4 * rows);
      for (let row = 0; row < rows; row++) arena.view.setUint32(ids + 4 * row, random() * keys, true);
      const [a, b] = [compiled, twins].map((kernels, kind) => {
        const groupKeys = arena.room(4 * keys);
        const isWhole = kernels.groupByKeys(ids, rows, keys, tables[kind] as number, stamp, groupKeys);
        answers.push(isWhole);
        return isWhole === 1 ? Array.from(new Uint32Array(arena.buffer, groupKeys, keys)) : [];
      });
      expect(a).toEqual(b);
    }
    expect(new Set(answers)).toEqual(new Set([0, 1]));
  });
});

describe('splitGroups', () => {
  it('equals its twin over several batches with one table of keys', () => {
    const random = seededRandom(13);
    arena.reset();
    const keys = 50;
    const tables = [arena.room(4 * keys), arena.room(4 * keys)];
    for (const table of tables) new Int32Array(arena.buffer, table, keys).fill(-1);
    let stamp = 0;
    for (const rows of [1, 7, 100, 1_000, 0, 3_000]) {
      const ids = arena.room(4 * rows);
      for (let row = 0; row < rows; row++) arena.view.setUint32(ids + 4 * row, random() ** 2 * keys, true);
      const bins = rows === 0 ? 0 : 1 + Math.floor(random() * 9);
      const ends = arena.room(4 * bins);
      for (let bin = 0; bin < bins; bin++) {
        arena.view.setUint32(ends + 4 * bin, Math.floor((rows * (bin + 1)) / bins), true);
      }
      const [a, b] = [compiled, twins].map((kernels, kind) => {
        const [groupIds, groupKeys, groupEnds] = [arena.room(4 * rows), arena.room(4 * rows), arena.room(4 * bins)];
        const table = tables[kind] as number;
        const groups = kernels.splitGroups(ids, ends, bins, table, stamp, groupIds, groupKeys, groupEnds);
        const words = (ptr: number, count: number): number[] => Array.from(new Uint32Array(arena.buffer, ptr, count));
        return { groups, ids: words(groupIds, rows), keys: words(groupKeys, groups), ends: words(groupEnds, bins) };
      });
      expect(a).toEqual(b);
      stamp += a?.groups ?? 0;
    }
  });
});

describe('placeKeys', () => {
  it('equals its twin, over bins that close and leave what was known of keys', () => {
    const random = seededRandom(14);
    arena.reset();
    const [keys, rows] = [60, 300];
    const [a, b] = [compiled, twins].map((kernels) => ({
      kernels,
      slotOf: arena.room(4 * keys),
      slotKeys: arena.room(4 * 20 * rows),
      targets: arena.room(4 * rows),
      first: 0,
      size: 0,
    }));
    for (const state of [a, b]) new Int32Array(arena.buffer, state?.slotOf, keys).fill(7);
    for (let batch = 0; batch < 12; batch++) {
      const asked = arena.room(4 * rows);
      for (let row = 0; row < rows; row++) arena.view.setUint32(asked + 4 * row, random() ** 2 * keys, true);
      const closes = random() < 0.4;
      const given = [a, b].map((state) => {
        if (state === undefined) return undefined;
        const { kernels, slotOf, slotKeys, targets } = state;
        if (closes) state.first = state.size;
        state.size = kernels.placeKeys(asked, rows, slotOf, slotKeys, state.first, state.size, targets);
        const words = (ptr: number, count: number): number[] => Array.from(new Uint32Array(arena.buffer, ptr, count));
        return { size: state.size, targets: words(targets, rows), keys: words(slotKeys, state.size) };
      });
      expect(given[0]).toEqual(given[1]);
      expect(given[0]?.targets.map((slot) => given[0]?.keys[slot])).toEqual(
        Array.from(new Uint32Array(arena.buffer, asked, rows)),
      );
    }
    expect(a?.size).toBeGreaterThan(keys);
  });
});

describe('placeBins', () => {
  it('equals its twin, over packets whose bins go on in the last slot, of grids ahead of and behind their own', () => {
    const random = seededRandom(15);
    for (const [ratio, ahead] of [
      [1n, 0n],
      [24n, 0n],
      [7n, -4n],
      [168n, 1000n],
    ] as const) {
      const whole = (ahead - (((ahead % ratio) + ratio) % ratio)) / ratio;
      const rest = ahead - whole * ratio;
      arena.reset();
      const [a, b] = [compiled, twins].map((kernels) => ({
        kernels,
        slotBins: arena.room(8 * 400),
        targets: arena.room(4 * 30),
        size: 0,
      }));
      const given = arena.room(8 * 30);
      let bin = -90n;
      for (let packet = 0; packet < 12; packet++) {
        const count = Math.floor(random() * 30);
        for (let i = 0; i < count; i++) {
          arena.view.setBigInt64(given + 8 * i, bin, true);
          bin += BigInt(Math.floor(random() ** 3 * 40));
        }
        const closes = random() < 0.3;
        const placed = [a, b].map((state) => {
          if (state === undefined) return undefined;
          const { kernels, slotBins, targets } = state;
          const first = closes ? state.size : Math.max(0, state.size - 1);
          state.size = kernels.placeBins(given, count, ratio, whole, rest, slotBins, first, state.size, targets);
          return {
            targets: Array.from(new Uint32Array(arena.buffer, targets, count)),
            bins: Array.from(new BigInt64Array(arena.buffer, slotBins, state.size)),
          };
        });
        expect(placed[0]).toEqual(placed[1]);
      }
      expect(a?.size).toBeGreaterThan(0);
    }
  });

  it('says that bins go back', () => {
    arena.reset();
    const given = arena.room(16);
    const slotBins = arena.room(8 * 3);
    const targets = arena.room(8);
    for (const [at, bin] of [5n, 4n].entries()) arena.view.setBigInt64(given + 8 * at, bin, true);
    expect(compiled.placeBins(given, 2, 1n, 0n, 0n, slotBins, 0, 0, targets)).toBe(-1);
    expect(compiled.placeBins(given, 1, 1n, 0n, 0n, slotBins, 0, 0, targets)).toBe(1);
    expect(compiled.placeBins(given + 8, 1, 1n, 0n, 0n, slotBins, 0, 1, targets)).toBe(-1);
  });
});

describe('binStarts', () => {
  it('equals its twin, also where a start wraps', () => {
    const random = seededRandom(16);
    arena.reset();
    const [bins, slots] = [arena.room(8 * 50), arena.room(4 * 80)];
    for (let i = 0; i < 50; i++) arena.view.setBigInt64(bins + 8 * i, BigInt(Math.floor(random() * 1e6) - 5e5), true);
    arena.view.setBigInt64(bins, 2n ** 62n, true);
    for (let i = 0; i < 80; i++) arena.view.setUint32(slots + 4 * i, i % 50, true);
    const [a, b] = [compiled, twins].map((kernels) => {
      const out = arena.room(8 * 80);
      kernels.binStarts(bins, slots, 80, 3_600_000_000n, -77n, out);
      return Array.from(new BigInt64Array(arena.buffer, out, 80));
    });
    expect(a).toEqual(b);
    expect(a?.[1]).toBe(arena.view.getBigInt64(bins + 8, true) * 3_600_000_000n - 77n);
  });
});
