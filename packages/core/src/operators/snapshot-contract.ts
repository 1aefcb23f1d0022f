/**
 * Operator snapshots: what an operator would need to go on in another thread, after this one has died. Taken at a barrier,
 * between two batches, when nothing is on its way to the operator; the operator then goes on as if nothing had happened.
 *
 * A snapshot is plain data (what `structuredClone` takes), small, since the main thread keeps it on its heap: counters, a few
 * values, the names of saved parts. Whatever grows with the rows is a saved part on disk, which is written straight from shared
 * memory: batches (`batch`), bytes of tables (`bytes`), and spill files that are there already (`file`: nothing is copied,
 * the file is kept as long as the snapshot is). So a snapshot allocates no slab, and next to nothing on the heap.
 *
 * A saved part may be restored more than once (a run may crash twice after one barrier), so reading it changes nothing.
 */
import type { Batch } from '../batch/contract.ts';
import type { Fields } from '../schema/types.ts';
import type { Spill, SpilledBytes, SpilledFile, SpillFile, SpillPosition } from '../spill/contract.ts';

/** A batch of a snapshot. Plain data. */
export interface SavedBatch {
  path: string;
  position: SpillPosition;
}

/** Bytes of a snapshot. Plain data. */
export interface SavedBytes extends SpilledBytes {
  path: string;
}

/** A list of plain data of a snapshot, on disk in parts. Plain data. */
export type SavedList = readonly SavedBytes[];

/** Takes the parts of one lane's snapshot that are not small. Calls must not overlap. */
export interface SnapshotWriter {
  /** For operators that were given nowhere to spill: files that are made with it are kept with `file`, and deleted, like any others. */
  readonly spill: Spill;
  /** Keeps the content of a batch, which stays the caller's. @throws ERR_SPILL_LIMIT, ERR_SPILL_DISK, ERR_ABORTED */
  batch(batch: Batch): Promise<SavedBatch>;
  /** Keeps bytes of shared memory, or any others. @throws as `batch` */
  bytes(view: Uint8Array): Promise<SavedBytes>;
  /** Keeps a list that grows with the rows: of plain data, as the places of blocks in a file. @throws as `batch` */
  list(items: Iterable<unknown>): Promise<SavedList>;
  /** Keeps a spill file as it is now. The operator may go on appending to it, and `delete` it when it needs it no more. */
  file(file: SpillFile): SpilledFile;
}

/** Gives the saved parts back, in a new thread. */
export interface SnapshotReader {
  /** As of the writer. */
  readonly spill: Spill;
  /** Reads a batch into a new slab charged to `owner`. @throws ERR_SPILL_CORRUPT, ERR_SPILL_DISK, ERR_MEMORY_EXHAUSTED */
  batch(saved: SavedBatch, fields: Fields, owner: number): Batch;
  /** Fills a view of exactly that many bytes. @throws ERR_SPILL_CORRUPT, ERR_SPILL_DISK */
  bytes(saved: SavedBytes, into: Uint8Array): void;
  /** What was given to the writer's `list`. @throws as `bytes` */
  list<T>(saved: SavedList): T[];
  /** A file as it was when it was kept: what was appended later is not in it. */
  file(saved: SpilledFile, fields: Fields, name: string): SpillFile;
}

/**
 * How an operator comes through the death of its thread:
 * `stateless`: a new one in its place goes on; `snapshot`: a new one is given the snapshot of the last barrier; `from-start`: only
 * when the run begins again at its start; `never`: user code that says nothing of its state, so that the crash fails the run.
 */
export type Recovery = 'stateless' | 'snapshot' | 'from-start' | 'never';
