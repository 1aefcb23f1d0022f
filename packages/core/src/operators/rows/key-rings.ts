import type { Batch } from '../../batch/contract.ts';
import { TAKE_NOTHING } from '../../kernels/vector-contract.ts';
import type { FieldSpec } from '../../schema/types.ts';
import type { Workspace } from '../aggregate/arena-views.ts';
import { KeyIndex } from '../aggregate/key-index.ts';
import { restoreKeys, type SavedKeys, saveKeys } from '../aggregate/saved-keys.ts';
import { valueTypeOf } from '../aggregate/value-type.ts';
import type { OperatorContext } from '../contract.ts';
import type { SavedBytes, SnapshotReader, SnapshotWriter } from '../snapshot-contract.ts';

export interface SavedRings {
  keys: SavedKeys | undefined;
  ring: SavedBytes;
  seen: SavedBytes;
}

/** Numbers of the last so many rows of each key; without columns of keys all rows are of one. */
export class KeyRings {
  readonly #rows: number;
  readonly #context: OperatorContext;
  readonly #workspace: Workspace;
  readonly #index: KeyIndex | undefined;
  /** By key: numbers of its last rows, as a ring of `rows`, and how many it has had. */
  #ring = new Uint32Array(0);
  #seen = new Float64Array(0);
  #keys = 0;

  constructor(by: readonly string[], rows: number, context: OperatorContext, workspace: Workspace) {
    this.#rows = rows;
    this.#context = context;
    this.#workspace = workspace;
    const plans = by.map((name) => {
      const input = context.inputFields.findIndex((field) => field.name === name);
      return { input, name, value: valueTypeOf((context.inputFields[input] as FieldSpec).type) };
    });
    this.#index = plans.length === 0 ? undefined : new KeyIndex(plans, context.kernels, workspace);
  }

  /** Room for so many numbers. */
  get size(): number {
    return this.#keys * this.#rows;
  }

  /**
   * Adds the rows of a batch, numbered from `first`; tells of each, by its row in the batch, the number of the one so many before it
   * (`TAKE_NOTHING` where its key has not had so many).
   */
  add(batch: Batch, first: number, tell: (row: number, before: number) => void): void {
    const rows = this.#rows;
    const ids = this.#idsOf(batch);
    for (let row = 0; row < batch.rows; row++) {
      const id = ids?.[row] ?? 0;
      const seen = this.#seen[id] as number;
      const at = id * rows + (seen % rows);
      tell(row, seen >= rows ? (this.#ring[at] as number) : TAKE_NOTHING);
      this.#ring[at] = first + row;
      this.#seen[id] = seen + 1;
    }
  }

  #idsOf(batch: Batch): Uint32Array | undefined {
    const ids = this.#index === undefined ? 0 : this.#workspace.scratch(4 * Math.max(1, batch.rows));
    this.#index?.encode(batch, ids);
    this.#grow(this.#index?.size ?? 1);
    return this.#index === undefined ? undefined : new Uint32Array(this.#context.arena.buffer, ids, batch.rows);
  }

  #grow(keys: number): void {
    this.#keys = keys;
    if (keys <= this.#seen.length) return;
    const room = Math.max(keys, 2 * this.#seen.length);
    const [ring, seen] = [new Uint32Array(room * this.#rows), new Float64Array(room)];
    ring.set(this.#ring);
    seen.set(this.#seen);
    this.#ring = ring;
    this.#seen = seen;
  }

  /** Places of the ring that hold something, key by key. */
  *#places(): Generator<number> {
    for (let id = 0; id < this.#keys; id++) {
      const count = Math.min(this.#rows, this.#seen[id] as number);
      for (let at = 0; at < count; at++) yield id * this.#rows + at;
    }
  }

  /** The numbers that are held. */
  numbers(): Uint32Array {
    return Uint32Array.from(this.#places(), (at) => this.#ring[at] as number);
  }

  /** Rows have other numbers now. */
  renumber(numberOf: (row: number) => number): void {
    for (const at of this.#places()) this.#ring[at] = numberOf(this.#ring[at] as number);
  }

  async save(writer: SnapshotWriter): Promise<SavedRings> {
    return {
      keys: this.#index && (await saveKeys(this.#index, this.#workspace, writer)),
      ring: await writer.bytes(new Uint8Array(this.#ring.buffer, 0, 4 * this.size)),
      seen: await writer.bytes(new Uint8Array(this.#seen.buffer, 0, 8 * this.#keys)),
    };
  }

  /** Into rings without keys. */
  restore({ keys, ring, seen }: SavedRings, reader: SnapshotReader): void {
    if (this.#index !== undefined && keys !== undefined) restoreKeys(this.#index, keys, this.#workspace, reader);
    this.#ring = new Uint32Array(ring.bytes / 4);
    this.#seen = new Float64Array(seen.bytes / 8);
    reader.bytes(ring, new Uint8Array(this.#ring.buffer));
    reader.bytes(seen, new Uint8Array(this.#seen.buffer));
    this.#keys = this.#seen.length;
  }
}
