/** Batches as they come, until there are enough of them to be sorted together. */
import type { Batch } from '../../batch/contract.ts';
import type { Fields } from '../../schema/types.ts';
import type { OperatorContext } from '../contract.ts';
import { PIECE_ROWS } from '../held-batches.ts';
import type { SavedBatch, SnapshotReader, SnapshotWriter } from '../snapshot-contract.ts';
import { gatherRows, textBytes } from './gather-rows.ts';
import { BatchKeys, type KeyPlan } from './key-words.ts';
import { Selection } from './selection.ts';
import { RowKeys, type RowRefs, SortScratch } from './sort-rows.ts';

/** Small batches cost more than their rows: no more of them than this wait for others. */
const MOST_BATCHES = 512;

export interface SavedGroup {
  batches: SavedBatch[];
  /** Rows of the first that were taken. */
  taken: number;
  rows: number;
  bytes: number;
}

/**
 * Holds input batches and gives sorted copies of at most 65,536 rows and about `mostBytes` each. Copies, so that what a
 * sort holds is its own: a batch may be a small slice of a large slab.
 */
export class InputGroup {
  readonly #context: OperatorContext;
  readonly #fields: Fields;
  readonly #plan: KeyPlan;
  readonly #mostBytes: number;
  #batches: Batch[] = [];
  /** Rows of the first batch that were taken already. */
  #taken = 0;
  #words = new Uint32Array(0);
  #refs: RowRefs = { count: 0, slots: new Uint32Array(0), rows: new Uint32Array(0) };
  #sorted: RowRefs = this.#refs;
  #starts = new Uint32Array(0);
  readonly #scratch = new SortScratch();
  rows = 0;
  /** Logical bytes of the rows that wait. */
  bytes = 0;

  constructor(context: OperatorContext, fields: Fields, plan: KeyPlan, mostBytes: number) {
    this.#context = context;
    this.#fields = fields;
    this.#plan = plan;
    this.#mostBytes = mostBytes;
  }

  get isFull(): boolean {
    return this.rows >= PIECE_ROWS || this.bytes >= this.#mostBytes || this.#batches.length >= MOST_BATCHES;
  }

  /** Bytes of the next copy, about. */
  get nextBytes(): number {
    return (this.bytes * this.#nextRows) / Math.max(1, this.rows);
  }

  get #nextRows(): number {
    const rowBytes = this.bytes / Math.max(1, this.rows);
    return Math.max(1, Math.min(this.rows, PIECE_ROWS, Math.floor(this.#mostBytes / Math.max(1, rowBytes))));
  }

  /** Takes over a batch. */
  add(batch: Batch): void {
    if (batch.rows === 0) {
      batch.release();
      return;
    }
    this.bytes += batch.logicalBytes;
    this.rows += batch.rows;
    this.#batches.push(batch);
  }

  /** The next rows, sorted, as one batch of its own. There must be some. */
  takeSorted(): Batch {
    const refs = this.#takeRefs(this.#nextRows);
    const { arena } = this.#context;
    const keys = this.#batches.map((batch) => new BatchKeys(arena, this.#plan, batch));
    const { width } = this.#plan;
    if (this.#words.length < refs.count * width) this.#words = new Uint32Array(refs.count * width);
    for (let from = 0; from < refs.count; ) {
      const slot = refs.slots[from] as number;
      let to = from;
      while (to < refs.count && refs.slots[to] === slot) to++;
      (keys[slot] as BatchKeys).load(refs.rows[from] as number, to - from, this.#words, from * width);
      from = to;
    }
    const rowKeys = new RowKeys(this.#plan, keys, refs, this.#words, this.#scratch);
    const sorted = this.#gather(rowKeys.isSorted() ? refs : this.#reorder(refs, rowKeys.sort()));
    this.#drop(refs.count, sorted);
    return sorted;
  }

  #takeRefs(count: number): RowRefs {
    if (this.#refs.slots.length < count) {
      this.#refs = { count: 0, slots: new Uint32Array(count), rows: new Uint32Array(count) };
      this.#sorted = { count: 0, slots: new Uint32Array(count), rows: new Uint32Array(count) };
      this.#starts = new Uint32Array(count + 1);
    }
    const refs = this.#refs;
    refs.count = 0;
    for (let slot = 0, row = this.#taken; refs.count < count; slot++, row = 0) {
      const batch = this.#batches[slot] as Batch;
      for (; row < batch.rows && refs.count < count; row++) {
        refs.slots[refs.count] = slot;
        refs.rows[refs.count++] = row;
      }
    }
    return refs;
  }

  #reorder(refs: RowRefs, order: Uint32Array): RowRefs {
    const sorted = this.#sorted;
    sorted.count = refs.count;
    for (let index = 0; index < refs.count; index++) {
      const at = order[index] as number;
      sorted.slots[index] = refs.slots[at] as number;
      sorted.rows[index] = refs.rows[at] as number;
    }
    return sorted;
  }

  #gather(refs: RowRefs): Batch {
    const { arena } = this.#context;
    const selection = new Selection(refs, 0, refs.count, this.#starts);
    const texts = textBytes(arena, this.#fields, this.#batches, selection);
    return gatherRows(this.#context, this.#fields, this.#batches, selection, texts);
  }

  /** Releases batches of which all rows were taken. */
  #drop(rows: number, copy: Batch): void {
    this.rows -= rows;
    this.bytes = this.rows === 0 ? 0 : this.bytes - copy.logicalBytes;
    this.#taken += rows;
    while (this.#batches.length > 0 && this.#taken >= (this.#batches[0] as Batch).rows) {
      const [batch] = this.#batches.splice(0, 1) as [Batch];
      this.#taken -= batch.rows;
      batch.release();
    }
  }

  /** What waits, as it came. */
  async save(writer: SnapshotWriter): Promise<SavedGroup> {
    const batches: SavedBatch[] = [];
    for (const batch of this.#batches) batches.push(await writer.batch(batch));
    return { batches, taken: this.#taken, rows: this.rows, bytes: this.bytes };
  }

  restore(saved: SavedGroup, reader: SnapshotReader): void {
    const { owner } = this.#context;
    this.#batches = saved.batches.map((batch) => reader.batch(batch, this.#fields, owner));
    this.#taken = saved.taken;
    this.rows = saved.rows;
    this.bytes = saved.bytes;
  }

  close(): void {
    for (const batch of this.#batches.splice(0)) batch.release();
  }
}
