/** The arena reaches to 4 GiB: addresses above 2^31 must not turn negative anywhere. */
import { createReferenceKernels, instantiateKernels, type Kernels } from '@spillway/core/internal';
import { describe, expect, it } from 'vitest';
import { fakeArena, seededRandom } from '../../../support/fake-arena.ts';

const END = 2 ** 32;
const arena = fakeArena(END);
const { view } = arena;
const kinds: Kernels[] = [instantiateKernels(arena), createReferenceKernels(arena)];
const ROWS = 1_000;
/** The last bytes of the memory: a pointer one past the end is 2^32, which wraps to 0. */
const values = END - 8 * ROWS;
const low = 3 * 2 ** 30;

describe('kernels at the top of a 4 GiB arena', () => {
  it('aggregate', () => {
    const random = seededRandom(51);
    for (let row = 0; row < ROWS; row++) view.setFloat64(values + 8 * row, random() - 0.5, true);
    const ends = low;
    view.setUint32(ends, 400, true);
    view.setUint32(ends + 4, ROWS, true);
    const results = kinds.map((kernels, kind) => {
      const at = low + 4_096 * (kind + 1);
      const states = {
        count: at,
        sum: at + 64,
        sumSquares: 0,
        min: at + 256,
        max: at + 320,
        first: at + 384,
        last: at + 448,
      };
      expect(kernels.segmentStates('f64', values, 0, ends, 2, states, { records: 0, capacity: 0 }, low + 2 ** 20)).toBe(
        0,
      );
      return Array.from(new Uint8Array(arena.buffer, at, 512));
    });
    expect(results[0]).toEqual(results[1]);
  });

  it('compare, select and take', () => {
    for (let row = 0; row < ROWS; row++) view.setBigInt64(values + 8 * row, BigInt(row), true);
    view.setBigInt64(low, 500n, true);
    const results = kinds.map((kernels, kind) => {
      const bits = low + 2 ** 20 * (kind + 2);
      const indices = bits + 4_096;
      const taken = indices + 8_192;
      kernels.compare('ge', 'i64', { ptr: values, isScalar: false }, { ptr: low, isScalar: true }, ROWS, bits);
      expect(kernels.popcount(bits, 0, ROWS)).toBe(500);
      expect(kernels.selectIndices(bits, 0, ROWS, indices)).toBe(500);
      kernels.take(8, values, indices, 500, taken);
      return Array.from(new BigInt64Array(arena.buffer, taken, 500));
    });
    expect(results[0]).toEqual(results[1]);
    expect(results[0]?.[499]).toBe(999n);
  });

  it('find bins and order', () => {
    for (let row = 0; row < ROWS; row++) view.setBigInt64(values + 8 * row, BigInt(row), true);
    for (const kernels of kinds) {
      expect(kernels.firstUnordered('i64', values, ROWS, undefined)).toBe(-1);
      expect(kernels.binEnds(values, ROWS, 0n, 100n, low, low + 1_024, 100)).toBe(10);
    }
  });

  it('write bitmaps up to the last byte', () => {
    for (const kernels of kinds) {
      kernels.fillBits(END - 16, 0, 128, 1);
      kernels.copyBits(END - 16, 3, 125, low, 0);
      expect(kernels.popcount(low, 0, 125)).toBe(125);
      kernels.bitmapNot(END - 16, 128, END - 16);
      expect(kernels.popcount(END - 16, 0, 128)).toBe(0);
    }
  });
});
