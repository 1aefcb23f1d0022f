import { type Arena, createReferenceKernels, instantiateKernels, KeyTable } from '@spillway/core/internal';
import { describe, expect, it } from 'vitest';
import { fakeArena, seededRandom } from '../../../support/fake-arena.ts';

const memory = fakeArena(64 << 20);
/** Allocations in use, so that a table's own can be counted. */
const held = new Set<number>();
const arena = {
  buffer: memory.buffer,
  memory: memory.memory,
  u8: new Uint8Array(memory.buffer),
  alloc(bytes: number): number {
    const ptr = memory.room(bytes);
    arena.u8.fill(0xdb, ptr, ptr + bytes);
    held.add(ptr);
    return ptr;
  },
  release(ptr: number): void {
    expect(held.delete(ptr)).toBe(true);
  },
};
const KINDS = [
  ['compiled', instantiateKernels(arena)],
  ['twin', createReferenceKernels(arena)],
] as const;

function writeTexts(texts: readonly (string | null)[]): { offsets: number; values: number; validity: number } {
  const encoded = texts.map((text) => Buffer.from(text ?? ''));
  const offsets = memory.room(4 * (texts.length + 1));
  const values = memory.room(encoded.reduce((sum, { length }) => sum + length, 5));
  const validity = memory.room(Math.ceil(texts.length / 8));
  arena.u8.fill(0, validity, validity + Math.ceil(texts.length / 8));
  let end = 5;
  memory.view.setInt32(offsets, end, true);
  encoded.forEach((bytes, row) => {
    arena.u8.set(bytes, values + end);
    end += bytes.length;
    memory.view.setInt32(offsets + 4 * row + 4, end, true);
    if (texts[row] !== null)
      arena.u8[validity + (row >> 3)] = (arena.u8[validity + (row >> 3)] as number) | (1 << (row & 7));
  });
  return { offsets, values, validity };
}

function idsOf(ptr: number, rows: number): number[] {
  return Array.from(new Uint32Array(arena.buffer, ptr, rows));
}

/** Ids in order of first appearance. */
function expectedIds<K>(keys: readonly K[], known: Map<K, number>): number[] {
  return keys.map((key) => {
    const id = known.get(key) ?? known.size;
    known.set(key, id);
    return id;
  });
}

describe.each(KINDS)('KeyTable on %s kernels', (_, kernels) => {
  it('numbers texts in order of first appearance, null among them, over batches and growth', () => {
    memory.reset();
    const random = seededRandom(41);
    const table = new KeyTable(arena as unknown as Arena, kernels, 1, true);
    const known = new Map<string | null, number>();
    for (const rows of [1, 30, 500, 3_000]) {
      const texts = Array.from({ length: rows }, () => {
        if (random() < 0.05) return null;
        const key = Math.floor(random() ** 2 * 4_000);
        return `${'é'.repeat(key % 13)}${key % 50 === 0 ? '' : key}`;
      });
      const { offsets, values, validity } = writeTexts(texts);
      const ids = memory.room(4 * rows);
      table.encodeText(offsets, values, validity, rows, ids);
      expect(idsOf(ids, rows)).toEqual(expectedIds(texts, known));
    }
    expect(table.size).toBe(known.size);
    expect(table.nullId).toBe(known.get(null));
    for (const [key, id] of known) {
      const start = memory.view.getUint32(table.keys + 4 * id, true);
      const end = memory.view.getUint32(table.keys + 4 * id + 4, true);
      expect(Buffer.from(arena.u8.slice(table.bytes + start, table.bytes + end)).toString()).toBe(key ?? '');
    }
    table.release();
    expect(held.size).toBe(0);
  });

  it('takes a text larger than all its room', () => {
    memory.reset();
    const table = new KeyTable(arena as unknown as Arena, kernels, 1, true);
    const texts = ['a', 'x'.repeat(50_000), 'a', ''];
    const { offsets, values } = writeTexts(texts);
    const ids = memory.room(16);
    table.encodeText(offsets, values, 0, 4, ids);
    expect(idsOf(ids, 4)).toEqual([0, 1, 0, 2]);
    table.release();
  });

  it('numbers integers in order of first appearance, over growth', () => {
    memory.reset();
    const random = seededRandom(42);
    const table = new KeyTable(arena as unknown as Arena, kernels, 1, false);
    const known = new Map<bigint | null, number>();
    for (const rows of [10, 4_000, 9_000]) {
      const keys = Array.from({ length: rows }, (_unused, row) =>
        row % 97 === 5
          ? null
          : BigInt.asIntN(64, BigInt(Math.floor(random() ** 2 * 6_000) - 3_000) * (random() < 0.5 ? 1n : 2n ** 51n)),
      );
      const values = memory.room(8 * rows);
      const validity = memory.room(Math.ceil(rows / 8));
      arena.u8.fill(0, validity, validity + Math.ceil(rows / 8));
      keys.forEach((key, row) => {
        memory.view.setBigInt64(values + 8 * row, key ?? 99n, true);
        if (key !== null)
          arena.u8[validity + (row >> 3)] = (arena.u8[validity + (row >> 3)] as number) | (1 << (row & 7));
      });
      const ids = memory.room(4 * rows);
      table.encodeInt64(values, validity, rows, ids);
      expect(idsOf(ids, rows)).toEqual(expectedIds(keys, known));
    }
    for (const [key, id] of known) expect(memory.view.getBigInt64(table.keys + 8 * id, true)).toBe(key ?? 0n);
    table.release();
    expect(held.size).toBe(0);
  });

  it('numbers keys of 32 bits alone, then beside larger ones with the same lower half', () => {
    memory.reset();
    const table = new KeyTable(arena as unknown as Arena, kernels, 1, false);
    const known = new Map<bigint | null, number>();
    const small = Array.from({ length: 3000 }, (_unused, row) => BigInt(((row * 7919) % 2003) - 1000));
    const halves = [-(2n ** 31n), 2n ** 31n - 1n, 2n ** 31n, -(2n ** 31n) - 1n, 0n];
    const large = small.map((key, row) => (row % 3 === 0 ? key : key + 2n ** BigInt(32 + (row % 29))));
    for (const keys of [small, [...halves, ...large, ...halves], small]) {
      const values = memory.room(8 * keys.length);
      for (const [row, key] of keys.entries()) memory.view.setBigInt64(values + 8 * row, key, true);
      const ids = memory.room(4 * keys.length);
      table.encodeInt64(values, 0, keys.length, ids);
      expect(idsOf(ids, keys.length)).toEqual(expectedIds(keys, known));
    }
    table.clear();
    const values = memory.room(8 * small.length);
    for (const [row, key] of small.entries()) memory.view.setBigInt64(values + 8 * row, key, true);
    const ids = memory.room(4 * small.length);
    table.encodeInt64(values, 0, small.length, ids);
    expect(idsOf(ids, small.length)).toEqual(expectedIds(small, new Map()));
    table.release();
    expect(held.size).toBe(0);
  });

  it('finds keys of 32 bits wherever collisions and growth have put them, also beside wide ones', () => {
    memory.reset();
    const random = seededRandom(43);
    const table = new KeyTable(arena as unknown as Arena, kernels, 1, false);
    const known = new Map<bigint | null, number>();
    // Neighbours, and keys that share their lower bits with them; wide ones from the fifth time on.
    const pick = (round: number): bigint => {
      const near = Math.floor(random() * 300) - 150;
      const far = Math.floor(random() * 40) * 2 ** 12;
      return BigInt(near + (random() < 0.5 ? far : 0)) + (round > 4 && random() < 0.3 ? 2n ** 40n : 0n);
    };
    for (let round = 0; round < 8; round++) {
      const keys = Array.from({ length: 900 }, () => pick(round));
      const ids = memory.room(4 * keys.length);
      const isNarrow = round % 2 === 0 && round < 4;
      const values = memory.room(8 * keys.length);
      for (const [row, key] of keys.entries())
        if (isNarrow) memory.view.setInt32(values + 4 * row, Number(key), true);
        else memory.view.setBigInt64(values + 8 * row, key, true);
      if (isNarrow) table.encodeInt32(values, 0, keys.length, ids);
      else table.encodeInt64(values, 0, keys.length, ids);
      expect(idsOf(ids, keys.length)).toEqual(expectedIds(keys, known));
    }
    table.release();
    expect(held.size).toBe(0);
  });

  it.each(['i32', 'i64'] as const)(
    'numbers %s that lie close together, then apart, then close together again',
    (type) => {
      memory.reset();
      const random = seededRandom(44);
      const table = new KeyTable(arena as unknown as Arena, kernels, 1, false);
      const known = new Map<bigint | null, number>();
      const width = type === 'i32' ? 4 : 8;
      // Numbers around a middle. Growth comes in between, and a table that is empty again.
      const ranges = [10, 900, 5_000, 40, 2 ** 31, 900, 60_000, 3];
      for (const [turn, range] of ranges.entries()) {
        const rows = 2_000;
        const values = memory.room(width * rows);
        const validity = memory.room(Math.ceil(rows / 8));
        for (let byte = 0; byte < Math.ceil(rows / 8); byte++) arena.u8[validity + byte] = Math.floor(random() * 256);
        const hasNulls = turn % 2 === 1;
        const keys = Array.from({ length: rows }, (_unused, row) => {
          const key = BigInt(Math.floor((random() - 0.6) * range));
          if (type === 'i32') memory.view.setInt32(values + 4 * row, Number(key), true);
          else memory.view.setBigInt64(values + 8 * row, key, true);
          return hasNulls && (((arena.u8[validity + (row >> 3)] as number) >> (row & 7)) & 1) === 0 ? null : key;
        });
        const ids = memory.room(4 * rows);
        if (type === 'i32') table.encodeInt32(values, hasNulls ? validity : 0, rows, ids);
        else table.encodeInt64(values, hasNulls ? validity : 0, rows, ids);
        expect(idsOf(ids, rows)).toEqual(expectedIds(keys, known));
        for (const [key, id] of known) expect(memory.view.getBigInt64(table.keys + 8 * id, true)).toBe(key ?? 0n);
        if (turn === 5) {
          table.clear();
          known.clear();
        }
      }
      table.release();
      expect(held.size).toBe(0);
    },
  );

  it.each([
    ['i32', -(2n ** 31n), 2n ** 31n - 1n],
    ['i64', 7n, 7n + 2n ** 32n],
    ['i64', -(2n ** 63n), 2n ** 63n - 1n],
  ] as const)('tells %s that lie close to %d from those close to %d', (type, low, high) => {
    memory.reset();
    const random = seededRandom(45);
    for (const [near, far] of [
      [low, high],
      [high, low],
    ] as const) {
      const table = new KeyTable(arena as unknown as Arena, kernels, 1, false);
      const known = new Map<bigint, number>();
      const inward = (end: bigint): bigint =>
        end + BigInt(Math.floor(random() * 60)) * (end === low || end === 7n + 2n ** 32n ? 1n : -1n);
      for (let round = 0; round < 6; round++) {
        // In 32 bits at first, where only what is far away fits into them.
        const isNarrow = type === 'i32' || (round === 1 && far === 7n);
        const isFar = (row: number): boolean => (type === 'i64' && isNarrow) || (round > 1 && row % 37 === 36);
        const keys = Array.from({ length: 400 }, (_unused, row) => inward(isFar(row) ? far : near));
        const values = memory.room(8 * keys.length);
        for (const [row, key] of keys.entries())
          if (isNarrow) memory.view.setInt32(values + 4 * row, Number(key), true);
          else memory.view.setBigInt64(values + 8 * row, key, true);
        const ids = memory.room(4 * keys.length);
        if (isNarrow) table.encodeInt32(values, 0, keys.length, ids);
        else table.encodeInt64(values, 0, keys.length, ids);
        expect(idsOf(ids, keys.length)).toEqual(expectedIds(keys, known));
      }
      table.release();
    }
  });

  it('numbers the least and the greatest of 64 bits beside others', () => {
    memory.reset();
    const table = new KeyTable(arena as unknown as Arena, kernels, 1, false);
    const keys = [2n ** 63n - 1n, -(2n ** 63n), 2n ** 63n - 5n, 2n ** 63n - 1n, 0n, -(2n ** 63n) + 3n];
    const known = new Map<bigint, number>();
    for (const part of [keys.slice(2, 4), keys.slice(0, 1), keys]) {
      const values = memory.room(8 * part.length);
      for (const [row, key] of part.entries()) memory.view.setBigInt64(values + 8 * row, key, true);
      const ids = memory.room(4 * part.length);
      table.encodeInt64(values, 0, part.length, ids);
      expect(idsOf(ids, part.length)).toEqual(expectedIds(part, known));
    }
    table.release();
  });

  it('makes pairs of ids into one key', () => {
    memory.reset();
    const [left, right, out] = [memory.room(12), memory.room(12), memory.room(24)];
    [0, 7, 0xffff_ffff].forEach((id, row) => {
      memory.view.setUint32(left + 4 * row, id, true);
      memory.view.setUint32(right + 4 * row, id + 1, true);
    });
    kernels.combineIds(left, right, 3, out);
    expect(Array.from(new BigUint64Array(arena.buffer, out, 3))).toEqual([
      2n ** 32n,
      8n * 2n ** 32n + 7n,
      0xffff_ffffn,
    ]);
  });
});
