/** Tables of keys in snapshots: keys in the order of their numbers, so that a new table gives them the same numbers. */
import type { KeyTable } from '../../kernels/key-table.ts';
import type { Arena } from '../../memory/contract.ts';
import type { SavedBytes, SavedList, SnapshotReader, SnapshotWriter } from '../snapshot-contract.ts';
import type { KeyIndex } from './key-index.ts';
import { PIECE_ROWS } from './piece-rows.ts';

/** Keys that are written together: int64 each, or offsets into texts. */
interface SavedPiece {
  count: number;
  keys: SavedBytes;
  texts: SavedBytes | undefined;
}

export interface SavedTable {
  nullId: number | undefined;
  pieces: SavedList;
}

export type SavedKeys = SavedTable[];

/** Who allocates what restoring needs for a moment. */
interface Place {
  arena: Arena;
  owner: number;
}

export async function saveTable(table: KeyTable, { buffer }: Arena, writer: SnapshotWriter): Promise<SavedTable> {
  const pieces: SavedPiece[] = [];
  for (let from = 0; from < table.size; from += PIECE_ROWS) {
    const count = Math.min(PIECE_ROWS, table.size - from);
    if (table.isText) {
      const offsets = new Uint32Array(buffer, table.keys + 4 * from, count + 1);
      const [first, end] = [offsets[0] as number, offsets[count] as number];
      const keys = await writer.bytes(new Uint8Array(buffer, table.keys + 4 * from, 4 * (count + 1)));
      pieces.push({ count, keys, texts: await writer.bytes(new Uint8Array(buffer, table.bytes + first, end - first)) });
    } else {
      const keys = await writer.bytes(new Uint8Array(buffer, table.keys + 8 * from, 8 * count));
      pieces.push({ count, keys, texts: undefined });
    }
  }
  return { nullId: table.nullId, pieces: await writer.list(pieces) };
}

/** Into a table without keys. @throws ERR_SPILL_CORRUPT, ERR_SPILL_DISK, ERR_MEMORY_EXHAUSTED */
export function restoreTable(
  table: KeyTable,
  { nullId, pieces }: SavedTable,
  place: Place,
  reader: SnapshotReader,
): void {
  for (const piece of reader.list<SavedPiece>(pieces)) {
    const at = nullId === undefined ? -1 : nullId - table.size;
    encodePiece(table, piece, at >= 0 && at < piece.count ? at : undefined, place, reader);
  }
}

function encodePiece(
  table: KeyTable,
  { count, keys, texts }: SavedPiece,
  nullAt: number | undefined,
  { arena, owner }: Place,
  reader: SnapshotReader,
): void {
  const bits = Math.ceil((count + 1) / 64) * 8;
  const idsAt = Math.ceil(keys.bytes / 8) * 8;
  const bitsAt = idsAt + Math.ceil((4 * count) / 8) * 8;
  const textAt = bitsAt + bits;
  const slab = arena.alloc(textAt + (texts?.bytes ?? 0) + 64, owner);
  try {
    reader.bytes(keys, arena.bytesAt(slab, keys.bytes));
    const validity = nullAt === undefined ? 0 : slab + bitsAt;
    if (nullAt !== undefined) {
      const bitmap = arena.bytesAt(validity, bits).fill(255);
      bitmap[nullAt >>> 3] = (bitmap[nullAt >>> 3] as number) & ~(1 << (nullAt & 7));
    }
    if (texts === undefined) return table.encodeInt64(slab, validity, count, slab + idsAt);
    if (texts.bytes > 0) reader.bytes(texts, arena.bytesAt(slab + textAt, texts.bytes));
    const offsets = arena.uint32At(slab, count + 1);
    const first = offsets[0] as number;
    for (let index = 0; index <= count; index++) offsets[index] = (offsets[index] as number) - first;
    table.encodeText(slab, slab + textAt, validity, count, slab + idsAt);
  } finally {
    arena.release(slab);
  }
}

export async function saveKeys(index: KeyIndex, { arena }: Place, writer: SnapshotWriter): Promise<SavedKeys> {
  const saved: SavedTable[] = [];
  for (const table of index.tables) saved.push(await saveTable(table, arena, writer));
  return saved;
}

/** Into an index without keys. @throws as `restoreTable` */
export function restoreKeys(index: KeyIndex, saved: SavedKeys, place: Place, reader: SnapshotReader): void {
  for (const [step, table] of index.tables.entries()) restoreTable(table, saved[step] as SavedTable, place, reader);
}
