/**
 * The aggregate kernels in plain TypeScript: the twin that tests hold the compiled kernels against, and what the
 * single-threaded reference executor may run on. Sums go through BigInt.
 */
import type { Ptr } from '../memory/contract.ts';
import type { AggregateKernels, KernelType, OverflowArea, StateArrays } from './aggregate-contract.ts';
import { SUM_STATE_BYTES } from './aggregate-contract.ts';
import {
  addDouble,
  addDoubleSquare,
  addSum,
  type ExactSum,
  emptySum,
  SUM_NOT_MINUS_ZERO,
  sumToDouble,
} from './exact-sum.ts';
import { isFloatType, isSet, isUnsignedType, KERNEL_TYPE_BYTES, readValue } from './reference-column.ts';
import { binEnds, firstUnordered } from './reference-order.ts';
import {
  fitsSumState,
  OVERFLOW_OF_SQUARES,
  OVERFLOW_OF_SUM,
  type OverflowRecord,
  readInt128,
  readSumState,
  splitSum,
  writeInt128,
  writeOverflowRecord,
  writeSumState,
} from './sum-state.ts';

const NO_ROW = 0xffff_ffff;

/** What one group has seen so far. */
interface GroupAccumulator {
  count: number;
  sum: ExactSum;
  squares: ExactSum;
  min: number | bigint | undefined;
  max: number | bigint | undefined;
  first: number;
  last: number;
}

function newAccumulator(): GroupAccumulator {
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
function smaller(held: number | bigint | undefined, value: number | bigint): number | bigint {
  if (held === undefined || isNaNValue(held)) return value;
  return !isNaNValue(value) && precedes(value, held) ? value : held;
}

function larger(held: number | bigint | undefined, value: number | bigint): number | bigint {
  if (held === undefined || isNaNValue(held)) return value;
  return !isNaNValue(value) && precedes(held, value) ? value : held;
}

function addRow(
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
function sumIsState(type: KernelType): boolean {
  return isFloatType(type);
}

function squaresAreStates(type: KernelType): boolean {
  return isFloatType(type) || KERNEL_TYPE_BYTES[type] === 8;
}

function writeExtreme(view: DataView, type: KernelType, ptr: Ptr, value: number | bigint): void {
  if (isFloatType(type)) view.setFloat64(ptr, value as number, true);
  else view.setBigUint64(ptr, BigInt.asUintN(64, BigInt(value)), true);
}

function readExtreme(view: DataView, type: KernelType, ptr: Ptr): number | bigint {
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
class OverflowWriter {
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

function storeGroup(
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

function segmentStates(
  view: DataView,
  type: KernelType,
  values: Ptr,
  validity: Ptr,
  ends: Ptr,
  segments: number,
  states: StateArrays,
  area: OverflowArea,
): number {
  const overflow = new OverflowWriter(view, area);
  const width = KERNEL_TYPE_BYTES[type];
  let row = 0;
  for (let segment = 0; segment < segments; segment++) {
    const group = newAccumulator();
    const end = view.getUint32(ends + 4 * segment, true);
    for (; row < end; row++) {
      if (isSet(view, validity, row)) addRow(group, type, readValue(view, type, values + row * width), row, states);
    }
    storeGroup(view, type, states, segment, group, overflow);
  }
  return overflow.result();
}

function groupStates(
  view: DataView,
  type: KernelType,
  values: Ptr,
  validity: Ptr,
  groupIds: Ptr,
  rows: number,
  groups: number,
  states: StateArrays,
  area: OverflowArea,
): number {
  const overflow = new OverflowWriter(view, area);
  const width = KERNEL_TYPE_BYTES[type];
  const seen = new Map<number, GroupAccumulator>();
  for (let row = 0; row < rows; row++) {
    if (!isSet(view, validity, row)) continue;
    const id = view.getUint32(groupIds + 4 * row, true);
    let group = seen.get(id);
    if (group === undefined) seen.set(id, (group = newAccumulator()));
    addRow(group, type, readValue(view, type, values + row * width), row, states);
  }
  const none = newAccumulator();
  for (let id = 0; id < groups; id++) storeGroup(view, type, states, id, seen.get(id) ?? none, overflow);
  return overflow.result();
}

function initStates(view: DataView, type: KernelType, states: StateArrays, from: number, to: number): void {
  const none = newAccumulator();
  const overflow = new OverflowWriter(view, { records: 0, capacity: 0 });
  for (let index = from; index < to; index++)
    storeGroup(view, type, { ...states, first: 0, last: 0 }, index, none, overflow);
}

/** Merges one SumState, or leaves the target as it is and records the source when the two do not fit together. */
function mergeSum(
  view: DataView,
  source: Ptr,
  target: Ptr,
  group: number,
  which: 0 | 1,
  overflow: OverflowWriter,
): void {
  const part = readSumState(view, source);
  const held = readSumState(view, target);
  const merged = { ...held };
  addSum(merged, part);
  if (fitsSumState(merged)) {
    writeSumState(view, target, merged);
    return;
  }
  writeSumState(view, target, { ...held, flags: held.flags | part.flags });
  overflow.write({ group, which, part: { ...part, flags: 0 } });
}

function mergeElement(
  view: DataView,
  type: KernelType,
  source: StateArrays,
  from: number,
  target: StateArrays,
  to: number,
  overflow: OverflowWriter,
): void {
  if (target.count !== 0) {
    const ptr = target.count + 8 * to;
    view.setBigUint64(ptr, view.getBigUint64(ptr, true) + view.getBigUint64(source.count + 8 * from, true), true);
  }
  if (target.min !== 0) {
    const ptr = target.min + 8 * to;
    writeExtreme(
      view,
      type,
      ptr,
      smaller(readExtreme(view, type, ptr), readExtreme(view, type, source.min + 8 * from)),
    );
  }
  if (target.max !== 0) {
    const ptr = target.max + 8 * to;
    writeExtreme(view, type, ptr, larger(readExtreme(view, type, ptr), readExtreme(view, type, source.max + 8 * from)));
  }
  if (target.sum !== 0) {
    const bytes = sumIsState(type) ? SUM_STATE_BYTES : 16;
    const [a, b] = [source.sum + bytes * from, target.sum + bytes * to];
    if (sumIsState(type)) mergeSum(view, a, b, to, OVERFLOW_OF_SUM, overflow);
    else writeInt128(view, b, readInt128(view, a) + readInt128(view, b));
  }
  if (target.sumSquares !== 0) {
    const bytes = squaresAreStates(type) ? SUM_STATE_BYTES : 16;
    const [a, b] = [source.sumSquares + bytes * from, target.sumSquares + bytes * to];
    if (squaresAreStates(type)) mergeSum(view, a, b, to, OVERFLOW_OF_SQUARES, overflow);
    else writeInt128(view, b, readInt128(view, a) + readInt128(view, b));
  }
}

/** Copies of the wanted target elements, so that a merge without room can be taken back. */
function targetBackup(view: DataView, target: StateArrays, type: KernelType, targets: Ptr, count: number): () => void {
  const bytes: Record<string, number> = {
    count: 8,
    min: 8,
    max: 8,
    sum: sumIsState(type) ? SUM_STATE_BYTES : 16,
    sumSquares: squaresAreStates(type) ? SUM_STATE_BYTES : 16,
  };
  const memory = new Uint8Array(view.buffer);
  const kept: [Ptr, Uint8Array][] = [];
  for (const [name, width] of Object.entries(bytes)) {
    const base = target[name as keyof StateArrays];
    if (base === 0) continue;
    for (let i = 0; i < count; i++) {
      const ptr = base + width * view.getUint32(targets + 4 * i, true);
      kept.push([ptr, memory.slice(ptr, ptr + width)]);
    }
  }
  return () => {
    for (const [ptr, content] of kept) memory.set(content, ptr);
  };
}

function mergeStates(
  view: DataView,
  type: KernelType,
  source: StateArrays,
  targets: Ptr,
  count: number,
  target: StateArrays,
  area: OverflowArea,
): number {
  const overflow = new OverflowWriter(view, area);
  const restore = targetBackup(view, target, type, targets, count);
  for (let i = 0; i < count; i++) {
    mergeElement(view, type, source, i, target, view.getUint32(targets + 4 * i, true), overflow);
  }
  const result = overflow.result();
  if (result < 0) restore();
  return result;
}

function roundSums(view: DataView, states: Ptr, count: number, out: Ptr): void {
  for (let i = 0; i < count; i++) {
    view.setFloat64(out + 8 * i, sumToDouble(readSumState(view, states + SUM_STATE_BYTES * i)), true);
  }
}

/** The aggregate kernels in plain TypeScript, over the memory that `memory` gives. */
export function createReferenceAggregates(memory: () => DataView): AggregateKernels {
  return {
    scratchBytes: 0,
    firstUnordered: (type, values, rows, previous) => firstUnordered(memory(), type, values, rows, previous),
    binEnds: (values, rows, origin, every, bins, ends, capacity) =>
      binEnds(memory(), values, rows, origin, every, bins, ends, capacity),
    segmentStates: (type, values, validity, ends, segments, states, overflow) =>
      segmentStates(memory(), type, values, validity, ends, segments, states, overflow),
    groupStates: (type, values, validity, groupIds, rows, groups, states, overflow) =>
      groupStates(memory(), type, values, validity, groupIds, rows, groups, states, overflow),
    roundSums: (states, count, out) => roundSums(memory(), states, count, out),
    initStates: (type, states, from, to) => initStates(memory(), type, states, from, to),
    mergeStates: (type, source, targets, count, target, overflow) =>
      mergeStates(memory(), type, source, targets, count, target, overflow),
  };
}
