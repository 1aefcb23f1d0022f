// Numbers the groups of a batch: bin by bin, and within a bin the keys in order of first sight.

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
