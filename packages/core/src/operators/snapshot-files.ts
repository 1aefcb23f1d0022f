/**
 * Where the saved parts of snapshots lie: in spill files that are kept. One lane has one writer for each barrier; it writes
 * one file for each set of columns, and one for bytes.
 */
import { deserialize, serialize } from 'node:v8';
import type { Batch } from '../batch/contract.ts';
import type { Arena } from '../memory/contract.ts';
import type { Fields } from '../schema/types.ts';
import type { Spill, SpilledFile, SpillFile } from '../spill/contract.ts';
import type { SavedBatch, SavedBytes, SavedList, SnapshotReader, SnapshotWriter } from './snapshot-contract.ts';

/** What is kept of a lane at a barrier. Plain data. */
export interface SavedChain {
  /** By operator; undefined for those without state. */
  operators: unknown[];
  /** All files that saved parts lie in. */
  files: SpilledFile[];
  /** Where they lie now, by the path that the snapshot names: of one that another process has taken. */
  places?: ReadonlyMap<string, string>;
}

/** Items of a list that are written together: what passes over the heap at once. */
const ITEMS_AT_ONCE = 512;

export class SnapshotFiles implements SnapshotWriter {
  readonly spill: Spill;
  readonly #arena: Arena;
  readonly #name: string;
  /** By columns, as text: handles of equal batches may have lists of their own. */
  readonly #made: Map<string, SpillFile> = new Map();
  readonly #kept: Map<string, SpilledFile> = new Map();

  /** @param name of the stage, for refusals */
  constructor(arena: Arena, spill: Spill, name: string) {
    this.#arena = arena;
    this.spill = spill;
    this.#name = name;
  }

  async batch(batch: Batch): Promise<SavedBatch> {
    const file = this.#fileOf(batch.fields);
    return { path: file.path, position: await file.append(batch) };
  }

  async bytes(view: Uint8Array): Promise<SavedBytes> {
    const file = this.#fileOf(BYTES);
    return { path: file.path, ...(await file.appendBytes(view)) };
  }

  async list(items: Iterable<unknown>): Promise<SavedList> {
    const parts: SavedBytes[] = [];
    let some: unknown[] = [];
    for (const item of items) {
      some.push(item);
      if (some.length < ITEMS_AT_ONCE) continue;
      parts.push(await this.bytes(serialize(some)));
      some = [];
    }
    if (some.length > 0) parts.push(await this.bytes(serialize(some)));
    return parts;
  }

  file(file: SpillFile): SpilledFile {
    const kept = file.keep();
    this.#kept.set(kept.path, kept);
    return kept;
  }

  /** All is written. Closes the files, and says which ones are kept. */
  finish(): SpilledFile[] {
    for (const file of this.#made.values()) {
      if (file.bytes > 0) this.file(file);
      file.delete();
    }
    return [...this.#kept.values()];
  }

  /** Closes and removes what was written, after a failure. */
  discard(): void {
    for (const file of this.#made.values()) file.delete();
  }

  #fileOf(fields: Fields): SpillFile {
    const key = JSON.stringify(fields);
    const made = this.#made.get(key) ?? this.spill.createFile(this.#arena, fields, this.#name);
    this.#made.set(key, made);
    return made;
  }
}

/** Of a file that holds no batches. */
const BYTES: Fields = [];

export class SnapshotSource implements SnapshotReader {
  readonly spill: Spill;
  readonly #arena: Arena;
  readonly #name: string;
  readonly #kept: ReadonlyMap<string, SpilledFile>;
  readonly #places: ReadonlyMap<string, string>;
  readonly #open: Map<string, SpillFile> = new Map();

  constructor(
    arena: Arena,
    spill: Spill,
    name: string,
    files: readonly SpilledFile[],
    places: SavedChain['places'] = new Map(),
  ) {
    this.#places = places;
    this.#arena = arena;
    this.spill = spill;
    this.#name = name;
    this.#kept = new Map(files.map((file) => [file.path, file]));
  }

  batch(saved: SavedBatch, fields: Fields, owner: number): Batch {
    return this.#fileOf(saved.path, fields).read(saved.position, this.#arena, owner);
  }

  bytes(saved: SavedBytes, into: Uint8Array): void {
    this.#fileOf(saved.path, BYTES).readBytes(saved, into);
  }

  list<T>(saved: SavedList): T[] {
    return saved.flatMap((part) => {
      const view = new Uint8Array(part.bytes);
      this.bytes(part, view);
      return deserialize(view) as T[];
    });
  }

  file(saved: SpilledFile, fields: Fields, name: string): SpillFile {
    return this.spill.reopen(this.#arena, { ...saved, path: this.#placeOf(saved.path) }, fields, name);
  }

  /** Closes the files of batches and bytes; those that operators took over stay open. */
  close(): void {
    for (const file of this.#open.values()) file.delete();
  }

  #placeOf(path: string): string {
    return this.#places.get(path) ?? path;
  }

  /** A file of batches is opened for the columns of its first one: they are the same for all. */
  #fileOf(path: string, fields: Fields): SpillFile {
    const bytes = this.#kept.get(path)?.bytes ?? 0;
    const kept = { path: this.#placeOf(path), bytes };
    const open = this.#open.get(path) ?? this.spill.reopen(this.#arena, kept, fields, this.#name);
    this.#open.set(path, open);
    return open;
  }
}
