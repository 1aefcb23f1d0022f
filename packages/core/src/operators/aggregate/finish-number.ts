/** From states to results: sums rounded or checked, means, deviations. One value a slot. */
import { addSum, type ExactSum, SUM_NOT_MINUS_ZERO, sumToDouble, varianceOf } from '../../kernels/exact-sum.ts';
import { readInt128, readSumState } from '../../kernels/sum-state.ts';
import type { Ptr } from '../../memory/contract.ts';
import type { ArenaViews } from './arena-views.ts';
import { squaresBytes, sumBytes } from './packet.ts';
import { roundSumState } from './round-sum.ts';
import type { NeedStates } from './state-table.ts';
import { isFloat } from './value-type.ts';

const EXACT = 2 ** 53;

/** Results of one column's states. Make a new one after the table has changed. */
export class NumberResults {
  readonly #states: NeedStates;
  readonly #views: ArenaViews;
  readonly #counts: number;
  readonly #sums: Ptr;
  readonly #squares: Ptr;
  readonly #isFloat: boolean;
  readonly #squareBytes: number;

  constructor(states: NeedStates, views: ArenaViews) {
    const area = states.area(0).states;
    this.#states = states;
    this.#views = views;
    this.#counts = area.count >>> 2;
    this.#sums = area.sum;
    this.#squares = area.sumSquares;
    this.#isFloat = isFloat(states.need.value.kernel);
    this.#squareBytes = squaresBytes(states.need);
  }

  count(slot: number): number {
    const { u32 } = this.#views;
    return (u32[this.#counts + 2 * slot + 1] as number) * 2 ** 32 + (u32[this.#counts + 2 * slot] as number);
  }

  /** The sum as a double: exact where it is an integer below 2^53, else rounded once. */
  sum(slot: number): number {
    if (!this.#isFloat) return this.#integer(this.#sums + 16 * slot);
    if (this.#states.wideSums.has(slot)) return sumToDouble(this.#exactSum(slot));
    return roundSumState(this.#views, this.#sums + sumBytes(this.#states.need) * slot);
  }

  /** True when a part of the sum outgrew its state. */
  isWide(slot: number): boolean {
    return this.#states.wideSums.has(slot);
  }

  /** An integer sum as it is. */
  integerSum(slot: number): bigint {
    return readInt128(this.#views.data, this.#sums + 16 * slot);
  }

  /** True when the integer sum fits int64, or uint64 when `isUnsigned`; it then lies in the low half of its state. */
  fitsInt64(slot: number, isUnsigned: boolean): boolean {
    const { i32 } = this.#views;
    const word = (this.#sums >>> 2) + 4 * slot;
    const sign = isUnsigned ? 0 : (i32[word + 1] as number) >> 31;
    return i32[word + 2] === sign && i32[word + 3] === sign;
  }

  integerSumAt(slot: number): Ptr {
    return this.#sums + 16 * slot;
  }

  mean(slot: number): number {
    return this.sum(slot) / this.count(slot);
  }

  /** Sample variance, rounded once. The slot has two values or more. */
  variance(slot: number): number {
    const count = this.count(slot);
    if (!this.#isFloat && !this.#states.wideSquares.has(slot)) {
      const sum = this.#integer(this.#sums + 16 * slot);
      const squares = this.#integerSquares(this.#squares + this.#squareBytes * slot);
      // Everything below 2^53 is exact in doubles, and one division rounds once.
      if (Math.abs(sum) < 2 ** 26 && count * squares < EXACT && count < 2 ** 26) {
        return (count * squares - sum * sum) / (count * (count - 1));
      }
    }
    return varianceOf(BigInt(count), this.#exactSum(slot), this.#exactSquares(slot)) as number;
  }

  /** An i128 as a double: exact below 2^53, else rounded. */
  #integer(ptr: Ptr): number {
    const { i32, u32 } = this.#views;
    const word = ptr >>> 2;
    const high = i32[word + 1] as number;
    const sign = high >> 31;
    if (i32[word + 2] === sign && i32[word + 3] === sign && high >= -(2 ** 20) && high < 2 ** 20) {
      return high * 2 ** 32 + (u32[word] as number);
    }
    return Number(readInt128(this.#views.data, ptr));
  }

  /** A sum of squares of integers as a double: exact below 2^53, else rounded. */
  #integerSquares(ptr: Ptr): number {
    return this.#squareBytes === 16 ? this.#integer(ptr) : roundSumState(this.#views, ptr);
  }

  #exactSum(slot: number): ExactSum {
    if (!this.#isFloat) return { numerator: this.integerSum(slot), exponent: 0, flags: SUM_NOT_MINUS_ZERO };
    return this.#withWide(this.#sums + sumBytes(this.#states.need) * slot, this.#states.wideSums.get(slot));
  }

  #exactSquares(slot: number): ExactSum {
    const ptr = this.#squares + this.#squareBytes * slot;
    if (this.#squareBytes !== 16) return this.#withWide(ptr, this.#states.wideSquares.get(slot));
    return { numerator: readInt128(this.#views.data, ptr), exponent: 0, flags: SUM_NOT_MINUS_ZERO };
  }

  #withWide(ptr: Ptr, wide: ExactSum | undefined): ExactSum {
    const sum = readSumState(this.#views.data, ptr);
    if (wide !== undefined) addSum(sum, wide);
    return sum;
  }
}
