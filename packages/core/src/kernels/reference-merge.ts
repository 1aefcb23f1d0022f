/** TypeScript twin of merging states. */
import type { Ptr } from '../memory/contract.ts';
import { type KernelType, type OverflowArea, type StateArrays, SUM_STATE_BYTES } from './aggregate-contract.ts';
import { addSum } from './exact-sum.ts';
import {
  larger,
  OverflowWriter,
  readExtreme,
  smaller,
  squaresAreStates,
  sumIsState,
  writeExtreme,
} from './reference-states.ts';
import {
  fitsSumState,
  OVERFLOW_OF_SQUARES,
  OVERFLOW_OF_SUM,
  readInt128,
  readSumState,
  writeInt128,
  writeSumState,
} from './sum-state.ts';

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

export function mergeStates(
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
