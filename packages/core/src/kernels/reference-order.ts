/** TypeScript twins of the kernels that look at order: sortedness and bin boundaries. */
import { KERNEL_TYPE_BYTES } from '../schema/number-types.ts';
import { readValue } from './reference-column.ts';
import type { Twin } from './reference-twin.ts';

export const firstUnordered: Twin<'firstUnordered'> = (view, type, values, rows, previous) => {
  const width = KERNEL_TYPE_BYTES[type];
  let before = previous;
  for (let row = 0; row < rows; row++) {
    const value = readValue(view, type, values + row * width);
    if (before !== undefined && value < before) return row;
    before = value;
  }
  return -1;
};

function floorDivide(a: bigint, b: bigint): bigint {
  const quotient = a / b;
  return a % b < 0n ? quotient - 1n : quotient;
}

export const splitGroups: Twin<'splitGroups'> = (
  view,
  keyIds,
  binEnds,
  bins,
  lastGroups,
  stamp,
  groupIds,
  groupKeys,
  groupEnds,
) => {
  let groups = 0;
  let row = 0;
  for (let bin = 0; bin < bins; bin++) {
    const end = view.getUint32(binEnds + 4 * bin, true);
    const floor = groups;
    for (; row < end; row++) {
      const key = view.getUint32(keyIds + 4 * row, true);
      let group = view.getInt32(lastGroups + 4 * key, true) - stamp;
      if (group < floor) {
        group = groups++;
        view.setInt32(lastGroups + 4 * key, stamp + group, true);
        view.setUint32(groupKeys + 4 * group, key, true);
      }
      view.setUint32(groupIds + 4 * row, group, true);
    }
    view.setUint32(groupEnds + 4 * bin, groups, true);
  }
  return groups;
};

export const groupByKeys: Twin<'groupByKeys'> = (view, keyIds, rows, keys, lastGroups, stamp, groupKeys) => {
  const seen = new Set<number>();
  for (let row = 0; row < rows && seen.size < keys; row++) {
    const key = view.getUint32(keyIds + 4 * row, true);
    seen.add(key);
    view.setInt32(lastGroups + 4 * key, stamp, true);
  }
  if (seen.size < keys) return 0;
  for (let key = 0; key < keys; key++) view.setUint32(groupKeys + 4 * key, key, true);
  return 1;
};

export const placeKeys: Twin<'placeKeys'> = (view, keys, count, slotOf, slotKeys, first, size, targets) => {
  let slots = size;
  for (let i = 0; i < count; i++) {
    const key = view.getUint32(keys + 4 * i, true);
    let slot = view.getUint32(slotOf + 4 * key, true);
    if (slot < first || slot >= slots || view.getUint32(slotKeys + 4 * slot, true) !== key) {
      slot = slots++;
      view.setUint32(slotOf + 4 * key, slot, true);
      view.setUint32(slotKeys + 4 * slot, key, true);
    }
    view.setUint32(targets + 4 * i, slot, true);
  }
  return slots;
};

export const placeBins: Twin<'placeBins'> = (view, bins, count, ratio, whole, rest, slotBins, first, size, targets) => {
  let slots = size;
  for (let i = 0; i < count; i++) {
    const bin = floorDivide(view.getBigInt64(bins + 8 * i, true) + rest, ratio) + whole;
    const open = slots > first ? view.getBigInt64(slotBins + 8 * (slots - 1), true) : undefined;
    if (open !== undefined && bin < open) return -1;
    if (bin !== open) view.setBigInt64(slotBins + 8 * slots++, bin, true);
    view.setUint32(targets + 4 * i, slots - 1, true);
  }
  return slots;
};

export const binStarts: Twin<'binStarts'> = (view, bins, slots, rows, every, origin, out) => {
  for (let row = 0; row < rows; row++) {
    const bin = view.getBigInt64(bins + 8 * view.getUint32(slots + 4 * row, true), true);
    view.setBigInt64(out + 8 * row, BigInt.asIntN(64, bin * every + origin), true);
  }
};

export const binEnds: Twin<'binEnds'> = (view, values, rows, origin, every, bins, ends, capacity) => {
  let count = 0;
  let row = 0;
  while (row < rows) {
    if (count === capacity) return -1;
    const bin = floorDivide(view.getBigInt64(values + 8 * row, true) - origin, every);
    const bound = origin + (bin + 1n) * every;
    while (row < rows && view.getBigInt64(values + 8 * row, true) < bound) row++;
    view.setBigInt64(bins + 8 * count, bin, true);
    view.setUint32(ends + 4 * count, row, true);
    count++;
  }
  return count;
};
