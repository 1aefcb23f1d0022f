/** SumState in memory (layout in the aggregate contract) to and from exact sums. */
import type { Ptr } from '../memory/contract.ts';
import { OVERFLOW_RECORD_BYTES } from './aggregate-contract.ts';
import { addDouble, type ExactSum, emptySum, SUM_PAIR } from './exact-sum.ts';

const DIGIT = 0xffff_ffffn;
/** Bits of one part of a sum that does not fit one state: leaves a sign bit and a digit of room for merges. */
const PART_BITS = 224n;

/** Reads the SumState at `ptr`. */
export function readSumState(view: DataView, ptr: Ptr): ExactSum {
  const flags = view.getUint32(ptr + 4, true);
  if ((flags & SUM_PAIR) !== 0) return readPair(view, ptr, flags);
  let numerator = view.getBigInt64(ptr + 32, true);
  for (let limb = 24; limb >= 8; limb -= 8) numerator = (numerator << 64n) | view.getBigUint64(ptr + limb, true);
  return { numerator, exponent: view.getInt32(ptr, true), flags };
}

function readPair(view: DataView, ptr: Ptr, flags: number): ExactSum {
  const sum = emptySum();
  for (const at of [8, 16]) addDouble(sum, view.getFloat64(ptr + at, true));
  return { ...sum, flags: flags & ~SUM_PAIR };
}

/** Reads a little-endian i128 as an exact sum of integers. */
export function readInt128(view: DataView, ptr: Ptr): bigint {
  return (view.getBigInt64(ptr + 8, true) << 64n) | view.getBigUint64(ptr, true);
}

/** Writes an i128, little-endian. */
export function writeInt128(view: DataView, ptr: Ptr, value: bigint): void {
  view.setBigUint64(ptr, BigInt.asUintN(64, value), true);
  view.setBigInt64(ptr + 8, BigInt.asIntN(64, value >> 64n), true);
}

function writeLimbs(view: DataView, ptr: Ptr, numerator: bigint, exponent: number, flags: number): void {
  view.setInt32(ptr, exponent, true);
  view.setUint32(ptr + 4, flags, true);
  for (let limb = 0n; limb < 4n; limb++) {
    view.setBigUint64(ptr + 8 + 8 * Number(limb), BigInt.asUintN(64, numerator >> (64n * limb)), true);
  }
}

/** Aligns to the 32-bit grid and strips low zero digits: the canonical exponent. */
function canonical(sum: ExactSum): { numerator: bigint; exponent: number } {
  if (sum.numerator === 0n) return { numerator: 0n, exponent: 0 };
  const aligned = Math.floor(sum.exponent / 32) * 32;
  let numerator = sum.numerator << BigInt(sum.exponent - aligned);
  let exponent = aligned;
  while ((numerator & DIGIT) === 0n) {
    numerator >>= 32n;
    exponent += 32;
  }
  return { numerator, exponent };
}

/** True when the sum fits one SumState. */
export function fitsSumState(sum: ExactSum): boolean {
  const { numerator } = canonical(sum);
  return BigInt.asIntN(256, numerator) === numerator;
}

/**
 * Cuts a sum into parts that each fit a SumState, lowest first; at least one. All carry exponent and limbs, the first the
 * flags.
 */
export function splitSum(sum: ExactSum): ExactSum[] {
  const parts: ExactSum[] = [];
  let rest = sum;
  while (!fitsSumState(rest)) {
    const { numerator, exponent } = canonical(rest);
    parts.push({ numerator: BigInt.asUintN(Number(PART_BITS), numerator), exponent, flags: 0 });
    rest = { numerator: numerator >> PART_BITS, exponent: exponent + Number(PART_BITS), flags: 0 };
  }
  parts.push({ ...rest, flags: 0 });
  (parts[0] as ExactSum).flags = sum.flags;
  return parts;
}

/** Writes a sum that fits (see `fitsSumState`) as the canonical SumState at `ptr`. */
export function writeSumState(view: DataView, ptr: Ptr, sum: ExactSum): void {
  const { numerator, exponent } = canonical(sum);
  writeLimbs(view, ptr, numerator, exponent, sum.flags);
}

/** Which of a group's sums an overflow record adds to. */
export const OVERFLOW_OF_SUM = 0;
export const OVERFLOW_OF_SQUARES = 1;

/** One overflow record: a part of a group's sum that its SumState had no room for. */
export interface OverflowRecord {
  group: number;
  which: typeof OVERFLOW_OF_SUM | typeof OVERFLOW_OF_SQUARES;
  part: ExactSum;
}

/** Reads record `index` of an overflow area. */
export function readOverflowRecord(view: DataView, records: Ptr, index: number): OverflowRecord {
  const ptr = records + index * OVERFLOW_RECORD_BYTES;
  const which = view.getUint32(ptr + 4, true) === OVERFLOW_OF_SUM ? OVERFLOW_OF_SUM : OVERFLOW_OF_SQUARES;
  return { group: view.getUint32(ptr, true), which, part: readSumState(view, ptr + 8) };
}

/** Writes record `index` of an overflow area. */
export function writeOverflowRecord(view: DataView, records: Ptr, index: number, record: OverflowRecord): void {
  const ptr = records + index * OVERFLOW_RECORD_BYTES;
  view.setUint32(ptr, record.group, true);
  view.setUint32(ptr + 4, record.which, true);
  writeSumState(view, ptr + 8, record.part);
}
