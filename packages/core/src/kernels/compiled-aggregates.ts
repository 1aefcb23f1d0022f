/** The compiled aggregate kernels behind their contract. */
import type { Ptr } from '../memory/contract.ts';
import type { AggregateKernels, KernelType, StateArrays } from './aggregate-contract.ts';
import { SCRATCH_BYTES, TYPE_CODE } from './compiled-layout.ts';
import type { KernelExports } from './module.ts';
import { readValue } from './reference-column.ts';

interface AggregateExports {
  firstUnordered(type: number, values: Ptr, rows: number): number;
  binEnds(values: Ptr, rows: number, origin: bigint, every: bigint, bins: Ptr, ends: Ptr, capacity: number): number;
  splitGroups(...args: number[]): number;
  groupByKeys(...args: number[]): 0 | 1;
  placeKeys(...args: number[]): number;
  placeBins: AggregateKernels['placeBins'];
  binStarts: AggregateKernels['binStarts'];
  segmentStates(...args: number[]): number;
  groupStates(...args: number[]): number;
  initStates(...args: number[]): void;
  mergeStates(...args: number[]): number;
  mergeRows(...args: number[]): number;
  mergeFirst(...args: number[]): void;
  mergeLast(...args: number[]): void;
  roundSums(states: Ptr, count: number, out: Ptr): void;
}

/** The arrays in the order of the exported functions. */
function statePointers(states: StateArrays): [number, number, number, number, number, number, number] {
  return [states.count, states.sum, states.sumSquares, states.min, states.max, states.first, states.last];
}

function isBelow(view: DataView, type: KernelType, values: Ptr, previous: bigint | number | undefined): boolean {
  return previous !== undefined && readValue(view, type, values) < previous;
}

/** Wraps the exported functions; `memory` gives a view of the arena. */
export function wrapAggregates(exports: KernelExports, memory: () => DataView): AggregateKernels {
  const kernels = exports as unknown as AggregateExports;
  return {
    scratchBytes: SCRATCH_BYTES,
    firstUnordered(type, values, rows, previous) {
      if (rows > 0 && isBelow(memory(), type, values, previous)) return 0;
      return kernels.firstUnordered(TYPE_CODE[type], values, rows);
    },
    binEnds: (values, rows, origin, every, bins, ends, capacity) =>
      kernels.binEnds(values, rows, origin, every, bins, ends, capacity),
    splitGroups: (...args) => kernels.splitGroups(...args),
    groupByKeys: (...args) => kernels.groupByKeys(...args),
    placeKeys: (...args) => kernels.placeKeys(...args) >>> 0,
    placeBins: (...args) => kernels.placeBins(...args),
    binStarts: (...args) => kernels.binStarts(...args),
    segmentStates: (type, values, validity, ends, segments, states, overflow, scratch) =>
      kernels.segmentStates(
        TYPE_CODE[type],
        values,
        validity,
        ends,
        segments,
        ...statePointers(states),
        overflow.records,
        overflow.capacity,
        scratch,
      ),
    groupStates: (type, values, validity, groupIds, rows, groups, states, overflow, scratch) =>
      kernels.groupStates(
        TYPE_CODE[type],
        values,
        validity,
        groupIds,
        rows,
        groups,
        ...statePointers(states),
        overflow.records,
        overflow.capacity,
        scratch,
      ),
    initStates(type, states, from, to) {
      const { count, sum, sumSquares, min, max } = states;
      kernels.initStates(TYPE_CODE[type], count, sum, sumSquares, min, max, from, to);
    },
    ...wrapMerging(kernels),
    roundSums: (states, count, out) => kernels.roundSums(states, count, out),
  };
}

type Merging = Pick<AggregateKernels, 'mergeStates' | 'mergeRows' | 'mergeFirst' | 'mergeLast'>;

function wrapMerging(kernels: AggregateExports): Merging {
  return {
    mergeStates: (type, source, targets, count, target, overflow, scratch) =>
      kernels.mergeStates(
        TYPE_CODE[type],
        ...statePointers(source).slice(0, 5),
        targets,
        count,
        ...statePointers(target).slice(0, 5),
        overflow.records,
        overflow.capacity,
        scratch,
      ),
    mergeRows(type, values, validity, targets, rows, { count, sum, min, max, first, last }, overflow, scratch) {
      const states = [count, sum, min, max, first, last];
      const { records, capacity } = overflow;
      return kernels.mergeRows(TYPE_CODE[type], values, validity, targets, rows, ...states, records, capacity, scratch);
    },
    mergeFirst: (...args) => kernels.mergeFirst(...args),
    mergeLast: (...args) => kernels.mergeLast(...args),
  };
}
