/** The order of keys that lie in blocks: texts by their bytes, integers by value, null last, tuples column by column. */
import { isBitSet } from '../../../batch/bitmap.ts';
import { type ArenaViews, compareBytes } from '../arena-views.ts';
import type { KeyColumnArea, PacketLayout } from '../packet.ts';
import type { KeyPlan } from '../state-plan.ts';

/** A group of a block. */
export interface GroupPlace {
  layout: PacketLayout;
  group: number;
}

/** Negative, 0 or positive. */
export function compareGroups(keys: readonly KeyPlan[], views: ArenaViews, a: GroupPlace, b: GroupPlace): number {
  for (const [column, { value }] of keys.entries()) {
    const one = a.layout.keyColumns[column] as KeyColumnArea;
    const other = b.layout.keyColumns[column] as KeyColumnArea;
    const isOneNull = isNull(views, one, a.group);
    const isOtherNull = isNull(views, other, b.group);
    if (isOneNull !== isOtherNull) return isOneNull ? 1 : -1;
    if (isOneNull) continue;
    const difference =
      value.class === 'text'
        ? compareTexts(views, one, a.group, other, b.group)
        : compareIntegers(views, value.kernel === 'u64', one, a.group, other, b.group);
    if (difference !== 0) return difference;
  }
  return 0;
}

function isNull({ u8 }: ArenaViews, { validity }: KeyColumnArea, group: number): boolean {
  return validity !== 0 && !isBitSet(u8, validity * 8 + group);
}

function compareTexts({ u8, u32 }: ArenaViews, one: KeyColumnArea, a: number, other: KeyColumnArea, b: number): number {
  const at = (one.values >>> 2) + a;
  const to = (other.values >>> 2) + b;
  const start = u32[at] as number;
  const otherStart = u32[to] as number;
  return compareBytes(
    u8,
    one.bytes + start,
    (u32[at + 1] as number) - start,
    other.bytes + otherStart,
    (u32[to + 1] as number) - otherStart,
  );
}

function compareIntegers(
  { i32, u32 }: ArenaViews,
  isUnsigned: boolean,
  one: KeyColumnArea,
  a: number,
  other: KeyColumnArea,
  b: number,
): number {
  const at = (one.values >>> 2) + 2 * a;
  const to = (other.values >>> 2) + 2 * b;
  const highs = isUnsigned ? u32 : i32;
  const difference = (highs[at + 1] as number) - (highs[to + 1] as number);
  return difference !== 0 ? difference : (u32[at] as number) - (u32[to] as number);
}
