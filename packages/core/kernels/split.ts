// Numbers the groups of a batch: bin by bin, and within a bin the keys in order of first sight; and finds the slots of groups that are merged, by
// key or by bin.

/** See `groupByKeys` in src/kernels/aggregate-contract.ts. */
export function groupByKeys(keyIds: usize, rows: u32, keys: u32, lastGroups: usize, stamp: i32, groupKeys: usize): i32 {
  let left = keys;
  for (let row: u32 = 0; row < rows && left > 0; row++) {
    const last = lastGroups + (<usize>load<u32>(keyIds + (<usize>row << 2)) << 2);
    if (load<i32>(last) >= stamp) continue;
    store<i32>(last, stamp);
    left--;
  }
  if (left > 0) return 0;
  for (let key: u32 = 0; key < keys; key++) store<u32>(groupKeys + (<usize>key << 2), key);
  return 1;
}

/** See `splitGroups` in src/kernels/aggregate-contract.ts. */
export function splitGroups(
  keyIds: usize, binEnds: usize, bins: u32, lastGroups: usize, stamp: i32, groupIds: usize, groupKeys: usize, groupEnds: usize,
): i32 {
  let groups = 0;
  let row: u32 = 0;
  for (let bin: u32 = 0; bin < bins; bin++) {
    const end = load<u32>(binEnds + (<usize>bin << 2));
    const floor = groups;
    for (; row < end; row++) {
      const offset = <usize>row << 2;
      const key = load<u32>(keyIds + offset);
      const last = lastGroups + (<usize>key << 2);
      let group = load<i32>(last) - stamp;
      if (group < floor) {
        group = groups++;
        store<i32>(last, stamp + group);
        store<u32>(groupKeys + (<usize>group << 2), key);
      }
      store<i32>(groupIds + offset, group);
    }
    store<u32>(groupEnds + (<usize>bin << 2), <u32>groups);
  }
  return groups;
}

/** See `placeKeys` in src/kernels/aggregate-contract.ts. */
export function placeKeys(
  keys: usize, count: u32, slotOf: usize, slotKeys: usize, first: u32, size: u32, targets: usize,
): u32 {
  let slots = size;
  for (let i: u32 = 0; i < count; i++, keys += 4, targets += 4) {
    const key = load<u32>(keys);
    const at = slotOf + (<usize>key << 2);
    let slot = load<u32>(at);
    if (slot < first || slot >= slots || load<u32>(slotKeys + (<usize>slot << 2)) != key) {
      slot = slots++;
      store<u32>(at, slot);
      store<u32>(slotKeys + (<usize>slot << 2), key);
    }
    store<u32>(targets, slot);
  }
  return slots;
}

/** See `placeBins` in src/kernels/aggregate-contract.ts. */
export function placeBins(
  bins: usize, count: u32, ratio: i64, whole: i64, rest: i64, slotBins: usize, first: u32, size: u32, targets: usize,
): i32 {
  let slots = size;
  let open = i64.MIN_VALUE;
  if (slots > first) open = load<i64>(slotBins + (<usize>(slots - 1) << 3));
  for (let i: u32 = 0; i < count; i++, bins += 8, targets += 4) {
    const own = load<i64>(bins);
    let bin = own + whole;
    if (ratio != 1) {
      let part = own / ratio;
      let left = own - part * ratio;
      if (left < 0) {
        left += ratio;
        part--;
      }
      // Written so that it fits where `left + rest` does not.
      bin = part + whole + <i64>(left >= ratio - rest);
    }
    if (bin < open) return -1;
    if (slots == first || bin != open) {
      store<i64>(slotBins + (<usize>slots << 3), bin);
      open = bin;
      slots++;
    }
    store<u32>(targets, slots - 1);
  }
  return <i32>slots;
}
