// Order: is a column sorted, and where do its bins end.

/** True when some value among rows [1, n) of `values` is less than the one before it. Vector where there is a comparison. */
function hasDescent<T>(values: usize, n: i32): bool {
  let i = 1;
  let at = values + sizeof<T>();
  if (sizeof<T>() == 8) {
    let found = i64x2.splat(0);
    const flip = i64x2.splat(isSigned<T>() || isFloat<T>() ? 0 : 0x8000000000000000);
    for (; i + 4 <= n; i += 4, at += 32) {
      const a = v128.load(at - 8);
      const b = v128.load(at);
      const c = v128.load(at + 8);
      const d = v128.load(at + 16);
      if (isFloat<T>()) {
        found = v128.or(found, v128.or(f64x2.lt(b, a), f64x2.lt(d, c)));
      } else if (isSigned<T>()) {
        found = v128.or(found, v128.or(i64x2.gt_s(a, b), i64x2.gt_s(c, d)));
      } else {
        found = v128.or(found, i64x2.gt_s(v128.xor(a, flip), v128.xor(b, flip)));
        found = v128.or(found, i64x2.gt_s(v128.xor(c, flip), v128.xor(d, flip)));
      }
    }
    if (v128.any_true(found)) return true;
  } else if (sizeof<T>() == 4) {
    let found = i32x4.splat(0);
    for (; i + 4 <= n; i += 4, at += 16) {
      const a = v128.load(at - 4);
      const b = v128.load(at);
      found = v128.or(found, isFloat<T>() ? f32x4.lt(b, a) : isSigned<T>() ? i32x4.lt_s(b, a) : i32x4.lt_u(b, a));
    }
    if (v128.any_true(found)) return true;
  }
  for (; i < n; i++, at += sizeof<T>()) if (load<T>(at) < load<T>(at - sizeof<T>())) return true;
  return false;
}

/** First row i in [1, n) whose value is less than that of row i − 1, or −1. */
function firstDescent<T>(values: usize, n: i32): i32 {
  for (let start = 0; start < n - 1; start += 1023) {
    const rows = min<i32>(1024, n - start);
    const base = values + <usize>start * sizeof<T>();
    if (!hasDescent<T>(base, rows)) continue;
    for (let i = 1; i < rows; i++) {
      const at = base + <usize>i * sizeof<T>();
      if (load<T>(at) < load<T>(at - sizeof<T>())) return start + i;
    }
  }
  return -1;
}

export function firstUnordered(type: i32, values: usize, rows: i32): i32 {
  switch (type) {
    case 0: return firstDescent<i8>(values, rows);
    case 1: return firstDescent<i16>(values, rows);
    case 2: return firstDescent<i32>(values, rows);
    case 3: return firstDescent<i64>(values, rows);
    case 4: return firstDescent<u8>(values, rows);
    case 5: return firstDescent<u16>(values, rows);
    case 6: return firstDescent<u32>(values, rows);
    case 7: return firstDescent<u64>(values, rows);
    case 8: return firstDescent<f32>(values, rows);
    default: return firstDescent<f64>(values, rows);
  }
}

// @ts-ignore: decorator
@inline
function floorDivide(a: i64, b: i64): i64 {
  const quotient = a / b;
  return a - quotient * b < 0 ? quotient - 1 : quotient;
}

/** First row in [from, rows) whose value is more than `last`: steps that double, then halves. */
function rowAfter(values: usize, from: u32, rows: u32, last: i64): u32 {
  let step: u32 = 1;
  let low = from;
  let high = from + 1;
  while (high < rows && load<i64>(values + (<usize>high << 3)) <= last) {
    low = high;
    step <<= 1;
    high = rows - low > step ? low + step : rows;
  }
  // Row `low` is at or before `last`, row `high` behind it or the end.
  while (high - low > 1) {
    const middle = low + ((high - low) >> 1);
    if (load<i64>(values + (<usize>middle << 3)) <= last) low = middle;
    else high = middle;
  }
  return high;
}

export function binEnds(
  values: usize, rows: u32, origin: i64, every: i64, bins: usize, ends: usize, capacity: u32,
): i32 {
  // origin = shift · every + offset, so that no difference of two int64 is ever taken.
  const shift = floorDivide(origin, every);
  const offset = origin - shift * every;
  let count: u32 = 0;
  let row: u32 = 0;
  while (row < rows) {
    if (count == capacity) return -1;
    const value = load<i64>(values + (<usize>row << 3));
    const floor = floorDivide(value, every);
    const within = value - floor * every;
    const isBelow = within < offset;
    const since = isBelow ? within - offset + every : within - offset;
    const left = every - 1 - since;
    const last = left > i64.MAX_VALUE - max<i64>(value, 0) ? i64.MAX_VALUE : value + left;
    row = rowAfter(values, row, rows, last);
    store<i64>(bins + (<usize>count << 3), floor - shift - <i64>isBelow);
    store<u32>(ends + (<usize>count << 2), row);
    count++;
  }
  return <i32>count;
}

/** See `binStarts` in src/kernels/aggregate-contract.ts. */
export function binStarts(bins: usize, slots: usize, rows: u32, every: i64, origin: i64, out: usize): void {
  for (let row: u32 = 0; row < rows; row++, slots += 4, out += 8) {
    store<i64>(out, load<i64>(bins + (<usize>load<u32>(slots) << 3)) * every + origin);
  }
}
