/** Dictionary columns of several batches as one: with the dictionary they share, or with one of the texts in use. */
import { allocColumn, type DraftColumn, finishColumn } from '../../batch/alloc-batch.ts';
import { isBitSet } from '../../batch/bitmap.ts';
import type { Column } from '../../batch/contract.ts';
import { emptyColumn } from '../../batch/empty-column.ts';
import { decodeUtf8, encodeStrings } from '../../batch/utf8.ts';
import type { Arena, Ptr } from '../../memory/contract.ts';
import type { Selection } from './selection.ts';

/** A shared dictionary travels on while it is not much larger than the column. */
const LARGE = 2;

function isSame(left: Column, right: Column): boolean {
  return left.length === right.length && left.values === right.values && left.offsets === right.offsets;
}

/** `copyCodes` writes the codes as they are. A new dictionary's slab is added to `made`. */
export function gatherDictionary(
  { arena, owner }: { arena: Arena; owner: number },
  columns: readonly Column[],
  selection: Selection,
  out: DraftColumn,
  made: Ptr[],
  copyCodes: () => void,
): void {
  const shared = columns[0]?.child ?? emptyColumn('utf8');
  const isShared = columns.every((column) => column.child !== undefined && isSame(column.child, shared));
  if (isShared && shared.length <= Math.max(256, selection.count * LARGE)) {
    copyCodes();
    out.child = shared;
    return;
  }
  const texts = recode(arena, columns, selection, out.values);
  const { bytes, offsets } = encodeStrings(texts);
  const { column, slab } = allocColumn(arena, owner, 'utf8', texts.length, { variableBytes: bytes.length });
  made.push(slab);
  arena.i32.set(offsets, column.offsets >>> 2);
  arena.u8.set(bytes, column.values);
  out.child = finishColumn(arena, column, texts.length, slab);
}

/** Writes codes that number the texts in order of first appearance; returns the texts. */
function recode(arena: Arena, columns: readonly Column[], { slots, rows, count }: Selection, target: Ptr): string[] {
  const { i32, u8 } = arena;
  const codes = new Map<string, number>();
  const known = columns.map(() => new Map<number, number>());
  const out = target >>> 2;
  for (let i = 0; i < count; i++) {
    const slot = slots[i] as number;
    const row = rows[i] as number;
    const column = columns[slot] as Column;
    // Codes under nulls are arbitrary and must not be looked up.
    if (column.nullCount > 0 && !isBitSet(u8, column.validity * 8 + row)) {
      i32[out + i] = 0;
      continue;
    }
    const old = i32[(column.values >>> 2) + row] as number;
    let code = (known[slot] as Map<number, number>).get(old);
    if (code === undefined) {
      const text = decodeUtf8(arena, column.child as Column, old);
      code = codes.get(text) ?? codes.size;
      codes.set(text, code);
      (known[slot] as Map<number, number>).set(old, code);
    }
    i32[out + i] = code;
  }
  return [...codes.keys()];
}
