/** What a final half would hold at most with one more packet, so that it goes to disk before, not in the middle. */
import type { Workspace } from '../arena-views.ts';
import type { KeyIndex } from '../key-index.ts';
import type { Level } from '../level.ts';
import { newKeys, type PacketSizes } from '../packet.ts';
import { grownSlots } from '../state-table.ts';

/** Bytes of a slot, and of a key, that sorting needs. */
const SORT_SLOT_BYTES = 24;
const SORT_KEY_BYTES = 16;

/** Bytes, states, keys and scratch. Coarser levels are counted as if everything were rolled up, which comes before it is written. */
export function roomFor(
  sizes: PacketSizes,
  roots: readonly Level[],
  index: KeyIndex | undefined,
  workspace: Workspace,
): number {
  let bytes = workspace.bytes();
  let most = 0;
  const keys = index === undefined ? 1 : index.size + newKeys(sizes);
  const visit = (level: Level, more: number): void => {
    const { size, capacity, slotBytes } = level.table;
    const slots = size + more;
    most = Math.max(most, slots);
    // Columns grow one by one: each is there twice for a moment.
    if (slots > capacity) bytes += (grownSlots(slots, capacity) - capacity / 2) * slotBytes;
    for (const child of level.children) visit(child, child.slotsFrom(level, keys) + more);
  };
  for (const [position, root] of roots.entries()) {
    const { groups, textBytes } = sizes.roots[position] as PacketSizes['roots'][number];
    visit(root, groups);
    for (const length of textBytes) bytes += 2 * length;
  }
  if (index === undefined) return bytes;
  return bytes + index.bytesWith(sizes) - index.heldBytes + most * SORT_SLOT_BYTES + keys * SORT_KEY_BYTES;
}
