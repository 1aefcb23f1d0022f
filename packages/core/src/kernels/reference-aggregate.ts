/**
 * The aggregate kernels in plain TypeScript: the twin that tests hold the compiled kernels against, and what the
 * single-threaded reference executor may run on. Sums go through BigInt.
 */
import type { Ptr } from '../memory/contract.ts';
import { KERNEL_TYPE_BYTES } from '../schema/number-types.ts';
import {
  type AggregateKernels,
  type KernelType,
  type OverflowArea,
  type StateArrays,
  SUM_STATE_BYTES,
} from './aggregate-contract.ts';
import { sumToDouble } from './exact-sum.ts';
import { isSet, readValue } from './reference-column.ts';
import { mergeFirst, mergeLast, mergeRows, mergeStates } from './reference-merge.ts';
import {
  binEnds,
  binStarts,
  firstUnordered,
  groupByKeys,
  placeBins,
  placeKeys,
  splitGroups,
} from './reference-order.ts';
import {
  addRow,
  type GroupAccumulator,
  initStates,
  newAccumulator,
  OverflowWriter,
  storeGroup,
} from './reference-states.ts';
import { readSumState } from './sum-state.ts';

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

function roundSums(view: DataView, states: Ptr, count: number, out: Ptr): void {
  for (let i = 0; i < count; i++) {
    view.setFloat64(out + 8 * i, sumToDouble(readSumState(view, states + SUM_STATE_BYTES * i)), true);
  }
}

/** The aggregate kernels in plain TypeScript, over the memory that `memory` gives. */
export function createReferenceAggregates(memory: () => DataView): AggregateKernels {
  return {
    scratchBytes: 0,
    firstUnordered: (...args) => firstUnordered(memory(), ...args),
    binEnds: (...args) => binEnds(memory(), ...args),
    splitGroups: (...args) => splitGroups(memory(), ...args),
    groupByKeys: (...args) => groupByKeys(memory(), ...args),
    placeKeys: (...args) => placeKeys(memory(), ...args),
    placeBins: (...args) => placeBins(memory(), ...args),
    binStarts: (...args) => binStarts(memory(), ...args),
    segmentStates: (type, values, validity, ends, segments, states, overflow) =>
      segmentStates(memory(), type, values, validity, ends, segments, states, overflow),
    groupStates: (type, values, validity, groupIds, rows, groups, states, overflow) =>
      groupStates(memory(), type, values, validity, groupIds, rows, groups, states, overflow),
    roundSums: (states, count, out) => roundSums(memory(), states, count, out),
    initStates: (type, states, from, to) => initStates(memory(), type, states, from, to),
    mergeStates: (...args) => mergeStates(memory(), ...args),
    mergeRows: (...args) => mergeRows(memory(), ...args),
    mergeFirst: (...args) => mergeFirst(memory(), ...args),
    mergeLast: (...args) => mergeLast(memory(), ...args),
  };
}
