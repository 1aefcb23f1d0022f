/** A set of keys of rows, in shared memory: texts that are equal for equal values (see `row-keys.ts`). */
import { allocBatch } from '../../batch/alloc-batch.ts';
import type { Batch, Column } from '../../batch/contract.ts';
import { encodeStrings } from '../../batch/utf8.ts';
import { KeyTable } from '../../kernels/key-table.ts';
import { hashBytes } from '../../kernels/unique-sketch.ts';
import type { Fields } from '../../schema/types.ts';
import { restoreTable, type SavedTable, saveTable } from '../aggregate/saved-keys.ts';
import type { OperatorContext } from '../contract.ts';
import { PIECE_ROWS } from '../held-batches.ts';
import type { SnapshotReader, SnapshotWriter } from '../snapshot-contract.ts';
import { keyReader } from './row-keys.ts';

/** Columns of keys that are written down. */
export const KEY_FIELDS: Fields = [{ name: 'key', type: 'binary', nullable: false }];

/** Rows whose keys were not there before, and a hash of each of these keys. */
export interface NewRows {
  rows: number[];
  hashes: number[];
}

export class KeySet {
  readonly #context: OperatorContext;
  readonly #table: KeyTable;

  constructor(context: OperatorContext) {
    this.#context = context;
    this.#table = new KeyTable(context.arena, context.kernels, context.owner, true);
  }

  get size(): number {
    return this.#table.size;
  }

  get bytes(): number {
    return this.#table.heldBytes;
  }

  /** Adds the keys of a batch, which stays the caller's. @throws ERR_MEMORY_EXHAUSTED */
  take(batch: Batch, positions: readonly number[]): NewRows {
    const { arena, owner } = this.#context;
    const keyOf = keyReader(arena, batch, positions);
    const { bytes, offsets } = encodeStrings(Array.from({ length: batch.rows }, (_, row) => keyOf(row)));
    const textAt = 8 * offsets.length;
    const slab = arena.alloc(textAt + bytes.length + 16, owner);
    try {
      arena.int32At(slab, offsets.length).set(offsets);
      arena.bytesAt(slab + textAt, bytes.length).set(bytes);
      const rows = this.#encode(slab, slab + textAt, batch.rows, slab + 4 * offsets.length);
      return { rows, hashes: rows.map((row) => hashOf(bytes, offsets[row] as number, offsets[row + 1] as number)) };
    } finally {
      arena.release(slab);
    }
  }

  /** Adds keys that were written down. */
  add(keys: Batch): void {
    const { arena, owner } = this.#context;
    const { offsets, values } = keys.columns[0] as Column;
    const ids = arena.alloc(4 * Math.max(1, keys.rows), owner);
    try {
      this.#encode(offsets, values, keys.rows, ids);
    } finally {
      arena.release(ids);
    }
  }

  /** All keys as batches of `KEY_FIELDS`, each the caller's, with their hashes. */
  *written(): Generator<{ batch: Batch; hashes: number[] }, void> {
    const { arena, owner } = this.#context;
    const at = this.#table.keys >>> 2;
    for (let from = 0; from < this.size; from += PIECE_ROWS) {
      const rows = Math.min(PIECE_ROWS, this.size - from);
      const starts = new Uint32Array(arena.buffer, 4 * (at + from), rows + 1);
      const [first, end] = [starts[0] as number, starts[rows] as number];
      const draft = allocBatch(arena, owner, KEY_FIELDS, rows, { variableBytes: [end - first], validity: 'none' });
      const [column] = draft.columns;
      const offsets = arena.int32At(column?.offsets as number, rows + 1);
      for (let row = 0; row <= rows; row++) offsets[row] = (starts[row] as number) - first;
      arena.u8.copyWithin(column?.values as number, this.#table.bytes + first, this.#table.bytes + end);
      const hashes = Array.from({ length: rows }, (_, row) =>
        hashOf(arena.u8, this.#table.bytes + (starts[row] as number), this.#table.bytes + (starts[row + 1] as number)),
      );
      yield { batch: draft.finish(rows, 0), hashes };
    }
  }

  save(writer: SnapshotWriter): Promise<SavedTable> {
    return saveTable(this.#table, this.#context.arena, writer);
  }

  /** Into a set without keys. */
  restore(saved: SavedTable, reader: SnapshotReader): void {
    restoreTable(this.#table, saved, this.#context, reader);
  }

  /** Forgets all keys, and gives back their memory. */
  clear(): void {
    this.#table.shrink();
  }

  close(): void {
    this.#table.release();
  }

  /** Numbers of the keys that are new: ids are given out in the order of first appearance. */
  #encode(offsets: number, values: number, rows: number, ids: number): number[] {
    let seen = this.#table.size;
    this.#table.encodeText(offsets, values, 0, rows, ids);
    const idOf = this.#context.arena.uint32At(ids, rows);
    const fresh: number[] = [];
    for (let row = 0; row < rows; row++) {
      if (idOf[row] !== seen) continue;
      fresh.push(row);
      seen += 1;
    }
    return fresh;
  }
}

const hash = { high: 0, low: 0 };

function hashOf(bytes: Uint8Array, from: number, to: number): number {
  hashBytes(bytes, from, to - from, hash);
  return hash.low >>> 0;
}
