/** TypeScript twin of merging states. */
import type { Ptr } from '../memory/contract.ts';
import { KERNEL_TYPE_BYTES } from '../schema/number-types.ts';
import { type KernelType, type StateArrays, SUM_STATE_BYTES } from './aggregate-contract.ts';
import { addDouble, addSum, type ExactSum, emptySum } from './exact-sum.ts';
import { isSet, readValue } from './reference-column.ts';
import {
  larger,
  OverflowWriter,
  readExtreme,
  smaller,
  squaresAreStates,
  sumIsState,
  writeExtreme,
} from './reference-states.ts';
import type { Twin } from './reference-twin.ts';
import {
  fitsSumState,
  OVERFLOW_OF_SQUARES,
  OVERFLOW_OF_SUM,
  readInt128,
  readSumState,
  writeInt128,
  writeSumState,
} from './sum-state.ts';

/** Adds to one SumState, or leaves the target as it is and records the part when the two do not fit together. */
function mergeSum(
  view: DataView,
  part: ExactSum,
  target: Ptr,
  group: number,
  which: 0 | 1,
  overflow: OverflowWriter,
): void {
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
    if (sumIsState(type)) mergeSum(view, readSumState(view, a), b, to, OVERFLOW_OF_SUM, overflow);
    else writeInt128(view, b, readInt128(view, a) + readInt128(view, b));
  }
  if (target.sumSquares !== 0) {
    const bytes = squaresAreStates(type) ? SUM_STATE_BYTES : 16;
    const [a, b] = [source.sumSquares + bytes * from, target.sumSquares + bytes * to];
    if (squaresAreStates(type)) mergeSum(view, readSumState(view, a), b, to, OVERFLOW_OF_SQUARES, overflow);
    else writeInt128(view, b, readInt128(view, a) + readInt128(view, b));
  }
}

export const mergeStates: Twin<'mergeStates'> = (view, type, source, targets, count, target, area) => {
  const overflow = new OverflowWriter(view, area);
  for (let i = 0; i < count; i++) {
    mergeElement(view, type, source, i, target, view.getUint32(targets + 4 * i, true), overflow);
  }
  return overflow.result();
};

function mergeRow(
  view: DataView,
  type: KernelType,
  at: Ptr,
  { count, sum, min, max, first, last }: StateArrays,
  to: number,
  overflow: OverflowWriter,
): void {
  const width = KERNEL_TYPE_BYTES[type];
  const before = view.getBigUint64(count + 8 * to, true);
  view.setBigUint64(count + 8 * to, before + 1n, true);
  if ((sum | min | max | first | last) === 0) return;
  const value = readValue(view, type, at);
  const memory = new Uint8Array(view.buffer);
  if (first !== 0 && before === 0n) memory.copyWithin(first + width * to, at, at + width);
  if (last !== 0) memory.copyWithin(last + width * to, at, at + width);
  for (const [ptr, better] of [
    [min, smaller],
    [max, larger],
  ] as const)
    if (ptr !== 0) writeExtreme(view, type, ptr + 8 * to, better(readExtreme(view, type, ptr + 8 * to), value));
  if (sum === 0) return;
  if (!sumIsState(type)) {
    writeInt128(view, sum + 16 * to, readInt128(view, sum + 16 * to) + BigInt(value));
    return;
  }
  const part = emptySum();
  addDouble(part, value as number);
  mergeSum(view, part, sum + SUM_STATE_BYTES * to, to, OVERFLOW_OF_SUM, overflow);
}

export const mergeRows: Twin<'mergeRows'> = (view, type, values, validity, targets, rows, target, area) => {
  const overflow = new OverflowWriter(view, area);
  for (let row = 0; row < rows; row++) {
    if (!isSet(view, validity, row)) continue;
    const at = values + KERNEL_TYPE_BYTES[type] * row;
    mergeRow(view, type, at, target, view.getUint32(targets + 4 * row, true), overflow);
  }
  return overflow.result();
};

export const mergeFirst: Twin<'mergeFirst'> = (view, width, counts, values, targets, count, heldCounts, held) => {
  const memory = new Uint8Array(view.buffer);
  const taken = new Set<number>();
  for (let i = 0; i < count; i++) {
    const slot = view.getUint32(targets + 4 * i, true);
    if (view.getBigUint64(counts + 8 * i, true) === 0n || view.getBigUint64(heldCounts + 8 * slot, true) !== 0n)
      continue;
    if (!taken.has(slot)) memory.copyWithin(held + width * slot, values + width * i, values + width * (i + 1));
    taken.add(slot);
  }
};

export const mergeLast: Twin<'mergeLast'> = (view, width, counts, values, targets, count, held) => {
  const memory = new Uint8Array(view.buffer);
  for (let i = 0; i < count; i++) {
    const slot = view.getUint32(targets + 4 * i, true);
    if (view.getBigUint64(counts + 8 * i, true) !== 0n)
      memory.copyWithin(held + width * slot, values + width * i, values + width * (i + 1));
  }
};
