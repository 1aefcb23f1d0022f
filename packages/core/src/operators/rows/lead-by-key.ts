import type { Batch } from '../../batch/contract.ts';
import { emptyBatch } from '../../batch/make-batch.ts';
import { TAKE_NOTHING } from '../../kernels/vector-contract.ts';
import type { FlushReason } from '../../plan/logical.ts';
import type { ShiftSpec } from '../../plan/steps/specs.ts';
import { Workspace } from '../aggregate/arena-views.ts';
import type { HeldState, MaybePromise, Operator, OperatorContext, Output } from '../contract.ts';
import { RightRows, type SavedRightRows } from '../join/right-rows.ts';
import { andThen, pushAll } from '../outputs.ts';
import type { SnapshotReader, SnapshotWriter } from '../snapshot-contract.ts';
import { KeyRings, type SavedRings } from './key-rings.ts';
import { RowWords, type SavedWords } from './row-words.ts';
import { ShiftedColumns } from './shifted-columns.ts';

/** Rows that go on at once. */
const MOST_ROWS = 16_384;
/** Part of the share for rows that wait; what leaves, and is read for that, takes some as well. */
const WAITING_PART = 1 / 2;
const DEFAULT_SHARE_BYTES = 64 * 2 ** 20;

interface SavedLead {
  rings: SavedRings;
  rows: SavedRightRows;
  after: SavedWords;
  head: number;
  first: number;
}

/**
 * `lead` with `by`: rows leave in the order in which they came, so each waits for a later row of its key and for the rows before it. All that
 * wait lie in one list, on disk beyond the share, and the values of a later row are taken from there too.
 *
 * Memory: the share, one batch, 4 bytes for each row that waits, and 4 × `rows` + 8 bytes with the key itself for each key.
 */
export class LeadByKey implements Operator {
  readonly #context: OperatorContext;
  readonly #output: Output;
  readonly #shifted: ShiftedColumns;
  readonly #workspace: Workspace;
  readonly #rings: KeyRings;
  readonly #rows: RightRows;
  readonly #limitBytes: number;
  /** How far the row after each lies away, by the row's number in the stream; 0 until that has come. */
  readonly #after: RowWords;
  /** Place of the next row to leave. */
  #head = 0;
  /** Number of the row at place 0. */
  #first = 0;

  constructor(spec: ShiftSpec, context: OperatorContext) {
    const { inputFields, shareBytes = DEFAULT_SHARE_BYTES } = context;
    this.#context = context;
    this.#output = context.outputs['out'] as Output;
    this.#shifted = new ShiftedColumns(spec, context);
    this.#workspace = new Workspace(context.arena, context.owner);
    this.#rings = new KeyRings(spec.by, -spec.rows, context, this.#workspace);
    this.#after = new RowWords(context.arena, context.owner);
    this.#limitBytes = Math.min(spec.memoryLimitBytes ?? Infinity, shareBytes) * WAITING_PART;
    this.#rows = new RightRows([...inputFields.keys()], inputFields, context, this.#workspace);
  }

  push(batch: Batch): MaybePromise {
    const { inputs, rows } = batch;
    try {
      this.#look(batch);
    } catch (error) {
      batch.release();
      throw error;
    }
    if (rows === 0) batch.release();
    else this.#rows.add(batch);
    return andThen(pushAll(this.#output, this.#ready(this.#decided(), inputs)), () => {
      this.#letGo();
      return this.#hasToSpill ? this.#rows.spill(this.#roomBytes) : undefined;
    });
  }

  /** What rows may take in memory. */
  get #roomBytes(): number {
    return Math.max(0, this.#limitBytes - this.#after.bytes);
  }

  get #hasToSpill(): boolean {
    return this.#context.spill !== undefined && this.#rows.heldBytes > this.#roomBytes;
  }

  /** Notes of which rows those of a batch are the ones after; it gets the next places. */
  #look(batch: Batch): void {
    const first = this.#rows.end;
    this.#after.growTo(this.#first + first + batch.rows);
    this.#rings.add(batch, first, (row, before) => {
      if (before !== TAKE_NOTHING) this.#after.set(this.#first + before, first + row - before);
    });
  }

  /** The place behind the last row that may leave. */
  #decided(): number {
    let place = this.#head;
    while (place < this.#rows.end && this.#after.get(this.#first + place) > 0) place++;
    return place;
  }

  /** Rows up to a place, in pieces of which the last ends the inputs. */
  *#ready(until: number, inputs: number): Generator<Batch, void> {
    const { arena, owner, outputFields } = this.#context;
    if (this.#head === until && inputs > 0) yield emptyBatch(arena, owner, outputFields['out'] ?? [], inputs);
    while (this.#head < until) {
      const from = this.#head;
      const to = Math.min(until, from + MOST_ROWS);
      this.#head = to;
      yield this.#piece(from, to, to === until ? inputs : 0);
      this.#rows.dropBefore(this.#head);
    }
  }

  #piece(from: number, to: number, inputs: number): Batch {
    const { u32 } = this.#workspace.views;
    const rows = to - from;
    const places = this.#workspace.scratch(8 * rows);
    const laterPlaces = places + 4 * rows;
    for (let row = 0; row < rows; row++) {
      const place = from + row;
      const distance = this.#after.get(this.#first + place);
      u32[(places >>> 2) + row] = place;
      u32[(laterPlaces >>> 2) + row] = distance === 0 ? TAKE_NOTHING : place + distance;
    }
    const own = this.#rows.gather(places, rows);
    try {
      const later = this.#rows.gather(laterPlaces, rows, this.#shifted.positions);
      return this.#shifted.beside(own.retain(), later, inputs);
    } finally {
      own.release();
    }
  }

  /** Lets go of batches that have left as a whole. Places begin at 0 again when that costs no more than those rows did. */
  #letGo(): void {
    this.#rows.dropBefore(this.#head);
    this.#after.dropBefore(this.#first + this.#head);
    const { start, end } = this.#rows;
    if (start < Math.max(this.#rings.size, end - start)) return;
    const gone = this.#rows.rebase();
    this.#rings.renumber((place) => place - gone);
    this.#head -= gone;
    this.#first += gone;
  }

  /** Only pressure asks for something before the end: memory, which the disk gives. */
  flush(reason: FlushReason): MaybePromise {
    return reason === 'pressure' ? this.#rows.spill(0) : undefined;
  }

  end(): MaybePromise {
    const { end } = this.#rows;
    return this.#head < end ? pushAll(this.#output, this.#ready(end, 1)) : undefined;
  }

  held(): HeldState {
    return { inputs: 0, rows: this.#rows.end - this.#head, bytes: this.#rows.heldBytes };
  }

  async snapshot(writer: SnapshotWriter): Promise<SavedLead> {
    return {
      rings: await this.#rings.save(writer),
      rows: await this.#rows.save(writer),
      after: await this.#after.save(writer),
      head: this.#head,
      first: this.#first,
    };
  }

  restore({ rings, rows, after, head, first }: SavedLead, reader: SnapshotReader): void {
    this.#rings.restore(rings, reader);
    this.#rows.restore(rows, [], reader);
    this.#after.restore(after, reader);
    this.#head = head;
    this.#first = first;
  }

  close(): void {
    this.#rows.close();
    this.#after.close();
    this.#workspace.close();
  }
}
