/**
 * Batches on disk, for operators that hold more than their share: written straight from shared memory, read straight back
 * into it. A lane gets one `Spill`; an operator makes files with it, appends batches, reads them in any order, and deletes
 * each file as soon as it has read what it needs.
 *
 * What is *not* here: deciding when to spill (the operator and the governor do), and what outlives a run (nothing does).
 */
import type { Batch } from '../batch/contract.ts';
import type { Arena } from '../memory/contract.ts';
import type { Fields } from '../schema/types.ts';

/** Some bytes in a file. Plain data. */
export interface SpilledBytes {
  offset: number;
  bytes: number;
  /** CRC-32 of these bytes. */
  checksum: number;
}

/**
 * One batch in a file: dictionaries and record batch, one after the other. Plain data. `offset` is a multiple of 64 in a file of batches alone;
 * a read needs a slab of `bytes` (the descriptor comes on top).
 */
export interface SpillPosition extends SpilledBytes {
  rows: number;
  inputs: number;
  /** Where the buffers are, as text: an operator may keep very many positions. */
  layout: string;
}

/** An Arrow IPC stream on disk that one operator of one lane writes and reads. */
export interface SpillFile {
  readonly path: string;
  readonly fields: Fields;
  /** Bytes on disk. */
  readonly bytes: number;
  /**
   * Writes a batch, which stays the caller's, at the end of the file. Resolves when the system has taken it; waits and tries
   * again for a while when the disk is full. Never allocates slabs. Calls must not overlap.
   * @throws ERR_SPILL_LIMIT, ERR_SPILL_DISK, ERR_ABORTED
   */
  append(batch: Batch): Promise<SpillPosition>;
  /**
   * Reads a batch into one new slab charged to `owner`.
   * @throws ERR_SPILL_CORRUPT naming file and offset, ERR_SPILL_DISK, ERR_MEMORY_EXHAUSTED
   */
  read(position: SpillPosition, arena: Arena, owner: number): Batch;
  /**
   * Writes bytes that are no batch, views of shared memory or others, at the end of the file. A file has batches or bytes: readers of Arrow
   * streams understand the former only.
   * @throws as `append`
   */
  appendBytes(view: Uint8Array): Promise<SpilledBytes>;
  /** Fills a view of exactly that many bytes. @throws ERR_SPILL_CORRUPT naming file and offset, ERR_SPILL_DISK */
  readBytes(saved: SpilledBytes, into: Uint8Array): void;
  /** Keeps it on disk beyond `delete`, as it is now: see `Spill.keep`. */
  keep(): SpilledFile;
  /** Closes and removes the file; its bytes count against the limit no more. Does nothing the second time. */
  delete(): void;
}

/**
 * A spill file that is kept beyond the operator that wrote it: `delete` only closes it, and whoever asked removes it and takes these bytes
 * off the account. Plain data.
 */
export interface SpilledFile {
  path: string;
  /** Its length when it was kept; an operator may have appended since. */
  bytes: number;
}

/** What a lane gives its operators to spill with. */
export interface Spill {
  /** A new, empty file for batches of these columns. Nothing is on disk before the first `append`. `name` is for people. */
  createFile(arena: Arena, fields: Fields, name: string): SpillFile;
  /** Opens a file that another lane wrote and that is kept; appending goes on behind the bytes named. It stays kept. */
  reopen(arena: Arena, kept: SpilledFile, fields: Fields, name: string): SpillFile;
  /** Bytes that were written through this object, also of files that are gone. */
  readonly spilledBytes: number;
  /** Deletes every file that is still there. */
  close(): void;
}

/** A disk that is slow to take bytes: the writer waits, and says so. */
export interface SpillAlert {
  /** What happened, to which file, and what is done about it, as one sentence. */
  message: string;
  file: string;
}

/** Bytes on disk of all spilling of a run, over its threads. */
export interface SpillAccount {
  /** Adds (or takes away) bytes, and returns what it comes to. Atomic over threads. */
  add(bytes: number): number;
}

/** The file system, as far as spilling needs it. Tests give their own. */
export interface SpillDisk {
  /** Makes a folder that only its owner may enter, with its parents; it may be there. */
  makeFolder(path: string): void;
  /** Makes a file that must not be there, for reading and writing. */
  open(path: string): number;
  /** Opens a file that is there, for reading and writing. */
  reopen(path: string): number;
  /** Writes some of the views, one after the other; returns how many bytes. */
  write(fd: number, views: readonly Uint8Array[], position: number): number;
  /** Reads into the view; returns how many bytes, 0 at the end of the file. */
  read(fd: number, view: Uint8Array, position: number): number;
  close(fd: number): void;
  remove(path: string): void;
}
