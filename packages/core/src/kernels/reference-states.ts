/** What the TypeScript twins of the aggregate kernels keep of one group, and how it is laid out as states. */
import type { Ptr } from '../memory/contract.ts';
import { KERNEL_TYPE_BYTES } from '../schema/number-types.ts';
import { type KernelType, type OverflowArea, type StateArrays, SUM_STATE_BYTES } from './aggregate-contract.ts';
import { addDouble, addDoubleSquare, type ExactSum, emptySum, SUM_NOT_MINUS_ZERO } from './exact-sum.ts';
import { isFloatType, isUnsignedType } from './reference-column.ts';
import {
  OVERFLOW_OF_SQUARES,
  OVERFLOW_OF_SUM,
  type OverflowRecord,
  splitSum,
  writeInt128,
  writeOverflowRecord,
  writeSumState,
} from './sum-state.ts';

const NO_ROW = 0xffff_ffff;

/** What one group has seen so far. */
export interface GroupAccumulator {
  count: number;
  sum: ExactSum;
  squares: ExactSum;
  min: number | bigint | undefined;
  max: number | bigint | undefined;
  first: number;
  last: number;
}

export function newAccumulator(): GroupAccumulator {
  return {
    count: 0,
    sum: emptySum(),
    squares: emptySum(),
    min: undefined,
    max: undefined,
    first: NO_ROW,
    last: NO_ROW,
  };
}

/** True when `a` comes before `b`, with −0 before +0. Neither is NaN. */
function precedes(a: number | bigint, b: number | bigint): boolean {
  return a < b || (a === 0 && b === 0 && Object.is(a, -0) && !Object.is(b, -0));
}

function isNaNValue(value: number | bigint | undefined): boolean {
  return typeof value === 'number' && Number.isNaN(value);
}

/** The smaller of two, a NaN or nothing giving way to the other. */
export function smaller(held: number | bigint | undefined, value: number | bigint): number | bigint {
  if (held === undefined || isNaNValue(held)) return value;
  return !isNaNValue(value) && precedes(value, held) ? value : held;
}

export function larger(held: number | bigint | undefined, value: number | bigint): number | bigint {
  if (held === undefined || isNaNValue(held)) return value;
  return !isNaNValue(value) && precedes(held, value) ? value : held;
}

export function addRow(
  group: GroupAccumulator,
  type: KernelType,
  value: number | bigint,
  row: number,
  wanted: StateArrays,
): void {
  group.count++;
  if (group.first === NO_ROW) group.first = row;
  group.last = row;
  group.min = smaller(group.min, value);
  group.max = larger(group.max, value);
  if (isFloatType(type)) {
    if (wanted.sum !== 0) addDouble(group.sum, value as number);
    if (wanted.sumSquares !== 0) addDoubleSquare(group.squares, value as number);
    return;
  }
  const integer = BigInt(value);
  group.sum.numerator += integer;
  if (wanted.sumSquares !== 0) {
    group.squares.numerator += integer * integer;
    group.squares.flags |= SUM_NOT_MINUS_ZERO;
  }
}

/** Bytes of one element of `sum` and of `sumSquares`. */
export function sumIsState(type: KernelType): boolean {
  return isFloatType(type);
}

export function squaresAreStates(type: KernelType): boolean {
  return isFloatType(type) || KERNEL_TYPE_BYTES[type] === 8;
}

export function writeExtreme(view: DataView, type: KernelType, ptr: Ptr, value: number | bigint): void {
  if (isFloatType(type)) view.setFloat64(ptr, value as number, true);
  else view.setBigUint64(ptr, BigInt.asUintN(64, BigInt(value)), true);
}

export function readExtreme(view: DataView, type: KernelType, ptr: Ptr): number | bigint {
  if (isFloatType(type)) return view.getFloat64(ptr, true);
  return isUnsignedType(type) ? view.getBigUint64(ptr, true) : view.getBigInt64(ptr, true);
}

/** Values that min and max start from: what any other value replaces. */
function neutralMin(type: KernelType): number | bigint {
  if (isFloatType(type)) return NaN;
  return isUnsignedType(type) ? 0xffff_ffff_ffff_ffffn : 0x7fff_ffff_ffff_ffffn;
}

function neutralMax(type: KernelType): number | bigint {
  if (isFloatType(type)) return NaN;
  return isUnsignedType(type) ? 0n : -0x8000_0000_0000_0000n;
}

/** Collects what does not fit a state; counts on beyond the capacity, so that the caller can tell. */
export class OverflowWriter {
  readonly view: DataView;
  readonly area: OverflowArea;
  count = 0;

  constructor(view: DataView, area: OverflowArea) {
    this.view = view;
    this.area = area;
  }

  write(record: OverflowRecord): void {
    if (this.count < this.area.capacity) writeOverflowRecord(this.view, this.area.records, this.count, record);
    this.count++;
  }

  result(): number {
    return this.count > this.area.capacity ? -1 : this.count;
  }
}

function storeSum(
  view: DataView,
  ptr: Ptr,
  sum: ExactSum,
  group: number,
  which: 0 | 1,
  overflow: OverflowWriter,
): void {
  const [first, ...rest] = splitSum(sum);
  writeSumState(view, ptr, first as ExactSum);
  for (const part of rest) overflow.write({ group, which, part });
}

export function storeGroup(
  view: DataView,
  type: KernelType,
  states: StateArrays,
  index: number,
  group: GroupAccumulator,
  overflow: OverflowWriter,
): void {
  if (states.count !== 0) view.setBigUint64(states.count + 8 * index, BigInt(group.count), true);
  if (states.sum !== 0) {
    if (sumIsState(type))
      storeSum(view, states.sum + SUM_STATE_BYTES * index, group.sum, index, OVERFLOW_OF_SUM, overflow);
    else writeInt128(view, states.sum + 16 * index, group.sum.numerator);
  }
  if (states.sumSquares !== 0) {
    if (!squaresAreStates(type)) writeInt128(view, states.sumSquares + 16 * index, group.squares.numerator);
    else
      storeSum(view, states.sumSquares + SUM_STATE_BYTES * index, group.squares, index, OVERFLOW_OF_SQUARES, overflow);
  }
  if (states.min !== 0) writeExtreme(view, type, states.min + 8 * index, group.min ?? neutralMin(type));
  if (states.max !== 0) writeExtreme(view, type, states.max + 8 * index, group.max ?? neutralMax(type));
  if (states.first !== 0) view.setUint32(states.first + 4 * index, group.first, true);
  if (states.last !== 0) view.setUint32(states.last + 4 * index, group.last, true);
}

export function initStates(view: DataView, type: KernelType, states: StateArrays, from: number, to: number): void {
  const none = newAccumulator();
  const overflow = new OverflowWriter(view, { records: 0, capacity: 0 });
  for (let index = from; index < to; index++)
    storeGroup(view, type, { ...states, first: 0, last: 0 }, index, none, overflow);
}
