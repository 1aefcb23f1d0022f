/**
 * Batches that an operator has put on disk, each read and given up by itself. A file is given up for a new one at a size, and removed with its
 * last batch, so that what is needed no more leaves the disk. `save` makes lists of batches, those in memory too, a part of a snapshot.
 */
import type { Batch } from '../batch/contract.ts';
import type { Arena } from '../memory/contract.ts';
import type { Fields } from '../schema/types.ts';
import type { Spill, SpilledFile, SpillFile, SpillPosition } from '../spill/contract.ts';
import type { SavedBatch, SavedList, SnapshotReader, SnapshotWriter } from './snapshot-contract.ts';

const FILE_BYTES = 64 * 2 ** 20;

/** A file and how many of its batches are still held. */
interface BatchFile {
  file: SpillFile;
  batches: number;
}

export interface BatchOnDisk {
  on: BatchFile;
  position: SpillPosition;
}

export type BatchPlace = { batch: Batch } | BatchOnDisk;

/** Batches as plain data, in their order. */
export interface SavedPlaces {
  files: SpilledFile[];
  places: SavedList;
}

type SavedPlace = { batch: SavedBatch } | { file: number; position: SpillPosition };

export interface BatchFilesOptions {
  arena: Arena;
  owner: number;
  fields: Fields;
  /** Absent where nothing can be spilled: then nothing may be written. */
  spill?: Spill | undefined;
  /** Of the operator. */
  name: string;
}

export class BatchFiles {
  readonly #options: BatchFilesOptions;
  readonly #files: Set<BatchFile> = new Set();
  #open: BatchFile | undefined;

  constructor(options: BatchFilesOptions) {
    this.#options = options;
  }

  get canWrite(): boolean {
    return this.#options.spill !== undefined;
  }

  /** Writes a batch, which stays the caller's. @throws ERR_SPILL_LIMIT, ERR_SPILL_DISK, ERR_ABORTED */
  async write(batch: Batch): Promise<BatchOnDisk> {
    const { arena, fields, spill, name } = this.#options;
    this.#open ??= this.#added((spill as Spill).createFile(arena, fields, name));
    const on = this.#open;
    const position = await on.file.append(batch);
    on.batches += 1;
    if (on.file.bytes >= FILE_BYTES) this.#open = undefined;
    return { on, position };
  }

  /** A new batch, the caller's. @throws ERR_SPILL_CORRUPT, ERR_SPILL_DISK, ERR_MEMORY_EXHAUSTED */
  read({ on, position }: BatchOnDisk): Batch {
    const { arena, owner } = this.#options;
    return on.file.read(position, arena, owner);
  }

  /** It is needed no more. */
  drop({ on }: BatchOnDisk): void {
    on.batches -= 1;
    if (on.batches > 0) return;
    on.file.delete();
    this.#files.delete(on);
    if (this.#open === on) this.#open = undefined;
  }

  /** For a snapshot: files are kept, batches in memory written. Everything stays as it is. */
  async save(places: Iterable<BatchPlace>, writer: SnapshotWriter): Promise<SavedPlaces> {
    const files = [...this.#files];
    const numbers = new Map(files.map((on, index) => [on, index]));
    const saved: SavedPlace[] = [];
    for (const place of places) {
      if ('batch' in place) saved.push({ batch: await writer.batch(place.batch) });
      else saved.push({ file: numbers.get(place.on) as number, position: place.position });
    }
    return { files: files.map(({ file }) => writer.file(file)), places: await writer.list(saved) };
  }

  /** The same batches, in the same order: those that were in memory are again. */
  restore(saved: SavedPlaces, reader: SnapshotReader): BatchPlace[] {
    const { fields, owner, name } = this.#options;
    const files = saved.files.map((kept) => this.#added(reader.file(kept, fields, name)));
    const places = reader.list<SavedPlace>(saved.places);
    const counts = new Map<number, number>();
    for (const place of places) if ('file' in place) counts.set(place.file, (counts.get(place.file) ?? 0) + 1);
    for (const [number, on] of files.entries()) {
      on.batches = counts.get(number) ?? 0;
      if (on.batches > 0) continue;
      on.file.delete();
      this.#files.delete(on);
    }
    let layout = '';
    return places.map((place) => {
      if ('batch' in place) return { batch: reader.batch(place.batch, fields, owner) };
      // One text for all that lie alike, as when they were written.
      if (place.position.layout !== layout) layout = place.position.layout;
      return { on: files[place.file] as BatchFile, position: { ...place.position, layout } };
    });
  }

  close(): void {
    for (const { file } of this.#files) file.delete();
    this.#files.clear();
    this.#open = undefined;
  }

  #added(file: SpillFile): BatchFile {
    const added = { file, batches: 0 };
    this.#files.add(added);
    return added;
  }
}
