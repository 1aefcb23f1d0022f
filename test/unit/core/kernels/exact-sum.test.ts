import {
  addDouble,
  addDoubleSquare,
  addSum,
  emptySum,
  roundQuotient,
  roundToDouble,
  splitSum,
  sumToDouble,
  varianceOf,
} from '@spillway/core/internal';
import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../../support/fake-arena.ts';

function exactSumOf(values: readonly number[]): number {
  const sum = emptySum();
  for (const value of values) addDouble(sum, value);
  return sumToDouble(sum);
}

describe('exact sums in TypeScript', () => {
  it('round a single double to itself', () => {
    const random = seededRandom(1);
    const view = new DataView(new ArrayBuffer(8));
    for (let i = 0; i < 2_000; i++) {
      view.setUint32(0, random() * 2 ** 32);
      view.setUint32(4, random() * 2 ** 32);
      const value = view.getFloat64(0);
      expect(exactSumOf([value])).toBe(value);
    }
    for (const value of [5e-324, -5e-324, 2.2250738585072014e-308, 1.7976931348623157e308, 0, 1]) {
      expect(exactSumOf([value])).toBe(value);
    }
  });

  it('agree with the correctly rounded sum of two', () => {
    const random = seededRandom(2);
    for (let i = 0; i < 2_000; i++) {
      const a = (random() - 0.5) * 2 ** Math.floor(random() * 80);
      const b = (random() - 0.5) * 2 ** Math.floor(random() * 80);
      expect(exactSumOf([a, b])).toBe(a + b);
    }
  });

  it('keep what cancellation would lose', () => {
    expect(exactSumOf([1e308, 1, -1e308])).toBe(1);
    expect(exactSumOf([1e308, 1e308])).toBe(Infinity);
    expect(exactSumOf([1e308, 1e308, -1e308])).toBe(1e308);
    expect(exactSumOf([1.7976931348623157e308, 5e-324, 5e-324, -1.7976931348623157e308])).toBe(1e-323);
  });

  it('follow the rules for NaN, infinities and minus zero', () => {
    expect(exactSumOf([NaN, 1])).toBeNaN();
    expect(exactSumOf([Infinity, -Infinity])).toBeNaN();
    expect(exactSumOf([Infinity, -1])).toBe(Infinity);
    expect(exactSumOf([-0, -0])).toBe(-0);
    expect(exactSumOf([-0, 0])).toBe(0);
    expect(exactSumOf([1, -1])).toBe(0);
  });

  it('round half to even, also among subnormals', () => {
    expect(roundToDouble(2n ** 53n + 1n, 0)).toBe(2 ** 53);
    expect(roundToDouble(2n ** 53n + 3n, 0)).toBe(2 ** 53 + 4);
    expect(roundToDouble(1n, -1075)).toBe(0);
    expect(roundToDouble(3n, -1075)).toBe(1e-323);
    expect(roundToDouble(3n, -1076)).toBe(5e-324);
    expect(roundToDouble(2n ** 54n - 1n, 970)).toBe(Infinity);
    expect(roundToDouble(-(2n ** 53n - 1n), 971)).toBe(-1.7976931348623157e308);
  });

  it('round quotients once', () => {
    const random = seededRandom(3);
    for (let i = 0; i < 2_000; i++) {
      const a = Math.floor(random() * 2 ** 53) - 2 ** 52;
      const b = Math.floor(random() * 2 ** 40) + 1;
      expect(roundQuotient(BigInt(a), 0, BigInt(b))).toBe(a / b === 0 ? 0 : a / b);
    }
  });

  it('split a wide sum into parts that add up to it', () => {
    const sum = emptySum();
    for (const value of [1.7976931348623157e308, -3e-324, 12345.678, -1e-200]) addDouble(sum, value);
    const again = emptySum();
    const parts = splitSum(sum);
    for (const part of parts) addSum(again, part);
    expect(parts.length).toBeGreaterThan(4);
    addSum(again, { ...sum, numerator: -sum.numerator });
    expect(again.numerator).toBe(0n);
  });

  it('give the sample variance rounded once', () => {
    const values = [1e8 + 1, 1e8 + 2, 1e8 + 4];
    const sum = emptySum();
    const squares = emptySum();
    for (const value of values) {
      addDouble(sum, value);
      addDoubleSquare(squares, value);
    }
    expect(varianceOf(3n, sum, squares)).toBe(7 / 3);
    expect(varianceOf(1n, sum, squares)).toBeNull();
  });
});
