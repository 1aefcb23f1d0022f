/**
 * A SumState as the nearest double without going through BigInt: a keyed aggregate finishes millions of them. Only the top
 * 96 bits and whether anything is below them matter for rounding; what this does not cover goes the long way.
 */
import { SUM_PAIR, sumToDouble } from '../../kernels/exact-sum.ts';
import { readSumState } from '../../kernels/sum-state.ts';
import type { Ptr } from '../../memory/contract.ts';
import type { ArenaViews } from './arena-views.ts';

const SUM_SPECIAL = 7;
const DIGITS = 8;
const digits = new Uint32Array(DIGITS);
const power = new Float64Array(1);
const powerWords = new Uint32Array(power.buffer);

/** 2^exponent for a normal result. */
function powerOfTwo(exponent: number): number {
  powerWords[0] = 0;
  powerWords[1] = (exponent + 1023) << 20;
  return power[0] as number;
}

/** Copies the 256-bit magnitude to `digits`; true when the sum is negative. */
function loadMagnitude(u32: Uint32Array, at: number): boolean {
  const isNegative = ((u32[at + DIGITS - 1] as number) & 0x8000_0000) !== 0;
  let carry = 1;
  for (let i = 0; i < DIGITS; i++) {
    const digit = u32[at + i] as number;
    if (!isNegative) {
      digits[i] = digit;
      continue;
    }
    const inverted = (~digit >>> 0) + carry;
    digits[i] = inverted;
    carry = inverted > 0xffff_ffff ? 1 : 0;
  }
  return isNegative;
}

function isAnySetBelow(top: number): boolean {
  for (let i = 0; i < top; i++) if (digits[i] !== 0) return true;
  return false;
}

/** The value of the SumState at `ptr`, rounded once, half to even. */
export function roundSumState(views: ArenaViews, ptr: Ptr): number {
  const { u32, i32, f64 } = views;
  const word = ptr >>> 2;
  const flags = u32[word + 1] as number;
  if ((flags & (SUM_SPECIAL | SUM_PAIR)) === SUM_PAIR)
    return (f64[ptr / 8 + 1] as number) + (f64[ptr / 8 + 2] as number);
  if ((flags & SUM_SPECIAL) !== 0) return sumToDouble(readSumState(views.data, ptr));
  const isNegative = loadMagnitude(u32, word + 2);
  let top = DIGITS - 1;
  while (top > 0 && digits[top] === 0) top--;
  const high = digits[top] as number;
  const exponent = (i32[word] as number) + 32 * (top - 2);
  // Zero (which has a sign), or a result near the ends of the range.
  if (high === 0 || exponent < -1000 || exponent > 850) return sumToDouble(readSumState(views.data, ptr));
  const shift = Math.clz32(high);
  const middle = top >= 1 ? (digits[top - 1] as number) : 0;
  const low = top >= 2 ? (digits[top - 2] as number) : 0;
  const first = shift === 0 ? high : ((high << shift) | (middle >>> (32 - shift))) >>> 0;
  const second = shift === 0 ? middle : ((middle << shift) | (low >>> (32 - shift))) >>> 0;
  const third = (low << shift) >>> 0;
  let kept = first * 2 ** 21 + (second >>> 11);
  const rest = second & 0x7ff;
  const isAboveHalf = rest > 0x400 || (rest === 0x400 && (third !== 0 || isAnySetBelow(top - 2)));
  if (isAboveHalf || (rest === 0x400 && kept % 2 === 1)) kept += 1;
  const value = kept * powerOfTwo(exponent + 43 - shift);
  return isNegative ? -value : value;
}
