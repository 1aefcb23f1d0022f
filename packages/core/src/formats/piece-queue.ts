/**
 * Decoded batches that wait to be copied out. The library cuts batches where it likes; this cuts them again where logical
 * batches end, taking as many decoded batches, or parts of them, as one output needs, so that every output is one copy.
 */
import { type ForeignArray, type ForeignField, type Piece, readForeignArray, readForeignField } from './c-data.ts';
import { callLibrary, type DecodedBatch, type ParquetLibrary } from './parquet-library.ts';

interface Held {
  struct: ForeignArray;
  fields: ForeignField[];
  rows: number;
  taken: number;
  bytes: number;
  free(): void;
}

/** One column of what `take` gives: its pieces and how the library laid them out. */
export interface TakenColumn {
  field: ForeignField;
  pieces: Piece[];
}

export class PieceQueue {
  /** Rows held and not yet taken. */
  rows = 0;
  /** Bytes that the library holds for them. */
  bytes = 0;
  readonly #library: ParquetLibrary;
  readonly #held: Held[] = [];
  #spent: Held[] = [];

  constructor(library: ParquetLibrary) {
    this.#library = library;
  }

  /** Takes over a decoded batch. */
  add(batch: DecodedBatch): void {
    const bytes = batch.getArrayMemorySize();
    const exported = callLibrary(this.#library, () => batch.intoFFI());
    const view = new DataView(this.#library.memory());
    const struct = readForeignArray(view, exported.arrayAddr());
    const { children } = readForeignField(view, exported.schemaAddr());
    this.#held.push({ struct, fields: children, rows: struct.length, taken: 0, bytes, free: () => exported.free() });
    this.rows += struct.length;
    this.bytes += bytes;
  }

  /** The next `rows` rows of the named columns (undefined for one that was not decoded). Valid until `release`. */
  take(rows: number, names: readonly string[]): (TakenColumn | undefined)[] {
    const columns = names.map((): TakenColumn | undefined => undefined);
    let wanted = rows;
    while (wanted > 0) {
      const head = this.#held[0];
      if (head === undefined) break;
      const count = Math.min(wanted, head.rows - head.taken);
      names.forEach((name, i) => {
        const index = head.fields.findIndex((field) => field.name === name);
        const [field, array] = [head.fields[index], head.struct.children[index]];
        if (field === undefined || array === undefined) return;
        const column = (columns[i] ??= { field, pieces: [] });
        column.pieces.push({ array, from: head.struct.offset + head.taken, rows: count });
      });
      head.taken += count;
      wanted -= count;
      this.rows -= count;
      if (head.taken === head.rows) this.#spent.push(...this.#held.splice(0, 1));
    }
    return columns;
  }

  /** Gives back what has been taken whole. */
  release(): void {
    for (const batch of this.#spent) {
      this.bytes -= batch.bytes;
      batch.free();
    }
    this.#spent = [];
  }

  /** Gives back everything. After a panic there is nothing to give back to. */
  close(isAlive: boolean): void {
    this.#spent.push(...this.#held.splice(0));
    if (isAlive) this.release();
    this.rows = 0;
  }
}
