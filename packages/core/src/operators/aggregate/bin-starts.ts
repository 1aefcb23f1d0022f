/** The first column of the output: where each row's bin starts, in the type of the ordered column. */
import type { DraftColumn } from '../../batch/alloc-batch.ts';
import { PipelineError } from '../../errors.ts';
import type { KernelType } from '../../kernels/aggregate-contract.ts';
import type { Kernels } from '../../kernels/vector-contract.ts';
import type { Ptr } from '../../memory/contract.ts';
import { KERNEL_TYPE_BYTES } from '../../schema/number-types.ts';
import type { ArenaViews } from './arena-views.ts';
import type { LevelPlan } from './state-plan.ts';
import { isFloat, isUnsigned, valueTypeOf } from './value-type.ts';

/** Writes the starts of the bins (i64 numbers at `bins`) of the given slots (u32), whose bins ascend. */
export function writeBinStarts(
  draft: DraftColumn,
  plan: LevelPlan,
  bins: Ptr,
  slots: Ptr,
  rows: number,
  kernels: Kernels,
  views: ArenaViews,
): void {
  const { u32, i64 } = views;
  const { kernel } = valueTypeOf(draft.type);
  if (plan.labelOf === undefined && (kernel === 'i64' || kernel === 'u64')) {
    // They ascend: what is between the first and the last fits if these do.
    for (const row of rows === 0 ? [] : [0, rows - 1]) {
      const slot = u32[(slots >>> 2) + row] as number;
      checkRange(draft, kernel, labelOf(plan, i64[bins / 8 + slot] as bigint), plan);
    }
    kernels.binStarts(bins, slots, rows, plan.every, plan.origin, draft.values);
    return;
  }
  let from = 0;
  while (from < rows) {
    const slot = u32[(slots >>> 2) + from] as number;
    const to = endOfBin(from, rows, (row) => (bins >>> 2) + 2 * (u32[(slots >>> 2) + row] as number), views);
    const start = labelOf(plan, i64[bins / 8 + slot] as bigint);
    fillStarts(draft, kernel, start, from, to, views, plan);
    from = to;
  }
}

/** Where the bin of element `from` ends, of `count` whose bins ascend; `binAt` gives the word at which an element's bin (i64) lies. */
export function endOfBin(from: number, count: number, binAt: (element: number) => number, { i32 }: ArenaViews): number {
  const at = binAt(from);
  const isSame = (element: number): boolean => {
    const other = binAt(element);
    return i32[other] === i32[at] && i32[other + 1] === i32[at + 1];
  };
  let low = from + 1;
  for (let high = count; low < high; ) {
    // Most lie in one bin: the last is the first that is looked at.
    const middle = high === count ? count - 1 : (low + high) >>> 1;
    if (isSame(middle)) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** What stands in the output for a bin. */
export function labelOf(plan: LevelPlan, bin: bigint): bigint {
  return plan.labelOf?.(bin) ?? bin * plan.every + plan.origin;
}

function fillStarts(
  draft: DraftColumn,
  kernel: KernelType,
  start: bigint,
  from: number,
  to: number,
  views: ArenaViews,
  plan: LevelPlan,
): void {
  const bytes = KERNEL_TYPE_BYTES[kernel];
  if (kernel === 'f64') views.f64.fill(Number(start), draft.values / 8 + from, draft.values / 8 + to);
  else {
    checkRange(draft, kernel, start, plan);
    if (bytes === 8) {
      views.i64.fill(BigInt.asIntN(64, start), draft.values / 8 + from, draft.values / 8 + to);
      return;
    }
    const value = Number(start);
    for (let row = from; row < to; row++) writeNarrow(views.data, kernel, draft.values + bytes * row, value);
  }
}

function writeNarrow(data: DataView, kernel: KernelType, at: Ptr, value: number): void {
  if (kernel === 'f32') data.setFloat32(at, value, true);
  else if (kernel === 'i32' || kernel === 'u32') data.setInt32(at, value | 0, true);
  else if (kernel === 'i16' || kernel === 'u16') data.setInt16(at, value, true);
  else data.setInt8(at, value);
}

/** A bin can start before the smallest value that its type holds. */
function checkRange(draft: DraftColumn, kernel: KernelType, start: bigint, plan: LevelPlan): void {
  if (isFloat(kernel)) return;
  const bits = BigInt(8 * KERNEL_TYPE_BYTES[kernel]);
  const isInside = isUnsigned(kernel)
    ? start >= 0n && start < 1n << bits
    : start >= -(1n << (bits - 1n)) && start < 1n << (bits - 1n);
  if (isInside) return;
  throw new PipelineError(
    'ERR_INTEGER_OVERFLOW',
    `a bin of "${plan.aggregation.name}" starts at ${start}, which ${draft.type} cannot hold`,
    {
      value: String(start),
      expected: draft.type,
      hint: 'cast the ordered column to int64 before aggStream, or choose another origin',
    },
  );
}
