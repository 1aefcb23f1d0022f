/**
 * Sorting the rows of a file that is not in order, within bounded memory: rows that fit together are sorted, and written down as a run where there
 * are more; runs are merged as they are read. Equal rows stay as they came, because a run is merged before those behind it.
 *
 * Memory: `RUN_BYTES` of rows twice while runs are made; then a row group of each of `FAN_IN` runs, and a few batches.
 */
import { rm } from 'node:fs/promises';

import { concatBatches } from '../../batch/concat-batches.ts';
import type { Batch, Column } from '../../batch/contract.ts';
import { sliceBatch } from '../../batch/slice-batch.ts';
import { rowComparer } from '../../formats/ordered-value.ts';
import { instantiateKernels } from '../../kernels/compiled-kernels.ts';
import { gatherBatch } from '../../kernels/gather.ts';
import { fieldIndex } from '../../schema/fields.ts';
import type { Fields } from '../../schema/types.ts';
import { parseChecksums } from '../files/checksum-text.ts';
import type { StagedFile } from '../files/dataset-file.ts';
import { type FileBatchesOptions, fileBatches } from '../files/file-batches.ts';
import { RowGroupFiles } from '../files/row-group-files.ts';
import { type BatchRun, mergeRows } from '../merge/merge-rows.ts';

/** Where and how a file is sorted. */
export interface SortPlace {
  /** Of the runs; asked for only where there are some. It is not removed. */
  folder(): string;
  /** Begins their names. */
  prefix: string;
  /** Logical bytes of a run at most. */
  runBytes?: number;
}

/** Of rows that are sorted at a time. */
export const RUN_BYTES: number = 16 * 2 ** 20;
/** Runs that are merged at a time. */
const FAN_IN = 16;
/** Rows of a run that are decoded from one row group, and of a batch: a run that is read takes little. */
const RUN_GROUP_ROWS = 65_536;
const BATCH_ROWS = 8192;

type Ordered = AsyncGenerator<Batch, void, undefined>;

export class ForeignSort {
  readonly #source: FileBatchesOptions;
  readonly #wanted: Fields;
  readonly #orderedOn: string;
  readonly #place: SortPlace;
  #runs: StagedFile[][] = [];
  #count = 0;

  constructor(source: FileBatchesOptions, orderedOn: string, place: SortPlace) {
    this.#source = source;
    this.#wanted = source.columns.map((name) => source.fields[fieldIndex(source.fields, name)] as Fields[number]);
    this.#orderedOn = orderedOn;
    this.#place = place;
  }

  /** All rows of a file in order. The batches are the caller's. @throws ERR_MEMORY_EXHAUSTED, ERR_IO, and what reading throws */
  async *rows(path: string): Ordered {
    try {
      const last = await this.#makeRuns(path);
      if (this.#runs.length === 0) return yield* this.#slices(last);
      if (last !== undefined) await this.#keep(this.#slices(last));
      while (this.#runs.length > FAN_IN) await this.#mergePass();
      yield* this.#merged(this.#runs);
    } finally {
      await this.#remove(this.#runs);
    }
  }

  /** Writes runs; gives the last one as it is. */
  async #makeRuns(path: string): Promise<Batch | undefined> {
    const { runBytes = RUN_BYTES } = this.#place;
    let batches: Batch[] = [];
    let bytes = 0;
    try {
      for await (const batch of fileBatches(this.#source, { path })) {
        batches.push(batch);
        bytes += batch.logicalBytes;
        if (bytes < runBytes) continue;
        const run = this.#sorted(batches);
        [batches, bytes] = [[], 0];
        await this.#keep(this.#slices(run));
      }
      return batches.length === 0 ? undefined : this.#sorted(batches.splice(0));
    } catch (error) {
      for (const batch of batches) batch.release();
      throw error;
    }
  }

  /** The rows of these batches as one, sorted stably. Takes the batches over. */
  #sorted(batches: readonly Batch[]): Batch {
    const { arena, owner } = this.#source;
    const wanted = this.#wanted;
    let all: Batch;
    try {
      all = concatBatches(arena, owner, wanted, batches);
    } finally {
      for (const batch of batches) batch.release();
    }
    try {
      const indices = arena.alloc(Math.max(4, 4 * all.rows), owner);
      try {
        const compare = rowComparer(arena, all.columns[fieldIndex(wanted, this.#orderedOn)] as Column);
        // Not in the arena: a view on shared memory is not sorted in place by every engine.
        const order = Uint32Array.from({ length: all.rows }, (_, row) => row).sort((a, b) => compare(a, b) || a - b);
        new Uint32Array(arena.buffer, indices, all.rows).set(order);
        return gatherBatch({ arena, kernels: instantiateKernels(arena), owner }, all, wanted, indices, all.rows);
      } finally {
        arena.release(indices);
      }
    } finally {
      all.release();
    }
  }

  /** A batch in small ones. Takes it over. */
  async *#slices(sorted: Batch | undefined): Ordered {
    if (sorted === undefined) return;
    const { arena, owner, batchRows } = this.#source;
    try {
      for (let row = 0; row < sorted.rows; row += batchRows)
        yield sliceBatch(arena, owner, sorted, row, Math.min(batchRows, sorted.rows - row));
    } finally {
      sorted.release();
    }
  }

  /** Writes a run behind the others. */
  async #keep(rows: Ordered): Promise<void> {
    this.#runs.push(await this.#write(rows));
  }

  async #write(rows: Ordered): Promise<StagedFile[]> {
    const { arena } = this.#source;
    const { folder, prefix } = this.#place;
    this.#count += 1;
    const files = new RowGroupFiles({
      arena,
      fields: this.#wanted,
      orderedOn: this.#orderedOn,
      target: RUN_GROUP_ROWS,
      folder: folder(),
      prefix: `${prefix}${this.#count}-`,
    });
    try {
      for await (const batch of rows) {
        try {
          await files.push(batch);
        } finally {
          batch.release();
        }
      }
      return await files.end();
    } catch (error) {
      await files.abort();
      throw error;
    }
  }

  /** Neighbouring runs become one. */
  async #mergePass(): Promise<void> {
    const merged: StagedFile[][] = [];
    while (this.#runs.length > 0) {
      const some = this.#runs.slice(0, FAN_IN);
      const one = await this.#write(this.#merged(some));
      await this.#remove(this.#runs.splice(0, FAN_IN));
      merged.push(one);
    }
    this.#runs = merged;
  }

  async *#run(files: readonly StagedFile[]): Ordered {
    const source = { ...this.#source, batchRows: Math.min(BATCH_ROWS, this.#source.batchRows) };
    for (const { path, checksums } of files) yield* fileBatches(source, { path, checksums: parseChecksums(checksums) });
  }

  #merged(runs: readonly (readonly StagedFile[])[]): BatchRun & Ordered {
    const [first, ...others] = runs;
    if (others.length === 0) return this.#run(first ?? []);
    const middle = runs.length >>> 1;
    const { arena, owner } = this.#source;
    const options = {
      arena,
      kernels: instantiateKernels(arena),
      owner,
      fields: this.#wanted,
      orderedOn: this.#orderedOn,
    };
    return mergeRows(options, this.#merged(runs.slice(0, middle)), this.#merged(runs.slice(middle)));
  }

  async #remove(runs: readonly (readonly StagedFile[])[]): Promise<void> {
    for (const { path } of runs.flat()) await rm(path, { force: true });
  }
}
