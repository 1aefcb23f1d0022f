/**
 * What runs inside a lane. A stage is a tree of operators that push batches to each other in the same thread; the last
 * ones push into the stage's outputs. Everything is synchronous unless user code is not: each call returns either
 * nothing or a promise, and the caller awaits only a promise, so that fused built-in operators cost no microtask.
 *
 * Ownership: `push` takes over the caller's reference. An operator releases its input or passes it on.
 */
import type { Batch } from '../batch/contract.ts';
import type { Kernels } from '../kernels/vector-contract.ts';
import type { Arena } from '../memory/contract.ts';
import type { FlushReason } from '../plan/logical.ts';
import type { Fields } from '../schema/types.ts';
import type { Spill } from '../spill/contract.ts';
import type { AutoLimit } from './auto-limit.ts';
import type { SnapshotReader, SnapshotWriter } from './snapshot-contract.ts';

export type MaybePromise = void | Promise<void>;

/** Where an operator puts its results: the next operator of the stage, several of them, or an edge. */
export interface Output {
  push(batch: Batch): MaybePromise;
}

/** One operator of one lane. Calls never overlap: the lane awaits each before the next. */
export interface Operator {
  /** Takes one batch (owned). `batch.inputs` tells how many logical inputs end with it. `input`: which one, where there are several. */
  push(batch: Batch, input?: number): MaybePromise;
  /** No more comes of one of several inputs. Called once for each of them, before `end`. */
  endInput?(input: number): MaybePromise;
  /**
   * Operators with several inputs: the one without which it cannot go on; never one that has ended. The lane waits for that one, and gives it
   * others only where they must not be kept waiting; what it cannot use yet the operator holds.
   */
  wants?(): number;
  /** Emit what is held, because of `reason`; what later input can still change stays. */
  flush(reason: FlushReason): MaybePromise;
  /** No input follows: emit everything. Called once, after the last `push`. The lane then calls `end` downstream. */
  end(): MaybePromise;
  /**
   * The morsel is over: partial halves emit their states now, so that the packet of this sequence is whole.
   * Only called in stages with morsels; operators without per-morsel state leave it out.
   */
  endMorsel?(): MaybePromise;
  /**
   * Of a join that lanes share: takes right rows while the lane waits for something else, until that has come; rejects as that does. Calls of
   * others may come meanwhile.
   */
  takeWhile?(pending: Promise<void>): Promise<void>;
  /** What it holds, for `job.state()`. Undefined when it never holds anything. */
  held?(): HeldState | undefined;
  /** Milliseconds on the context's clock at which an interval trigger is due; the lane then calls `flush('interval')`. */
  dueAt?(): number | undefined;
  /**
   * Nothing is kept from one batch (in a stage of several lanes: from one morsel) to the next: after a crash a new operator simply goes on.
   * Without it and without `snapshot`, a crash starts the whole run again.
   */
  readonly isStateless?: boolean;
  /** User code that declares neither: it may have done what must not be done twice, so a crash fails the run. */
  readonly isLostInCrash?: boolean;
  /** Its state as plain data and saved parts: see `snapshot-contract.ts`. Called between two batches. */
  snapshot?(writer: SnapshotWriter): unknown;
  /** Takes up the state that another thread's operator of the same spec had. Called at most once, before anything is pushed. */
  restore?(saved: never, reader: SnapshotReader): MaybePromise;
  /** Release everything held. Called once on every path, also after a failure. */
  close(): void;
}

/** What a buffer holds against its triggers. */
export interface HeldState {
  inputs: number;
  rows: number;
  bytes: number;
}

/** Where bytes are counted that user code keeps. */
export interface KeptAccount {
  /** @throws ERR_MEMORY_EXHAUSTED when there is no room; nothing is counted then */
  grow(bytes: number): void;
  shrink(bytes: number): void;
}

/** The right rows of a join that several lanes share: each of them gets all. */
export interface SideRows {
  /** The next batches, the caller's from now on; undefined while there are none. @throws ERR_ABORTED when the run is stopping */
  poll(): Batch[] | 'end' | undefined;
  /** Resolves when `poll` has something. It need not be waited for to its end. @throws ERR_ABORTED */
  arrival(): Promise<void>;
}

/** What a lane gives its operators. */
export interface OperatorContext {
  arena: Arena;
  /** The kernels over this arena, one instance a thread: compiled in the lanes, the plain twins in tests and by choice. */
  kernels: Kernels;
  /** Name of the node, for errors. */
  name: string;
  /** Whom allocations are charged to. */
  owner: number;
  /** Number of this lane in its stage, from 0. Partial halves put it into their packets, for the final half to tell them apart. */
  lane: number;
  inputFields: Fields;
  /** By output port. */
  outputFields: Record<string, Fields>;
  /** Outputs by port. Every port of the operator is there, unused ones discard. */
  outputs: Record<string, Output>;
  /** Cuts of emissions can be observed downstream (P2): flush only on own triggers and at the end. */
  emissionsVisible: boolean;
  /** Nobody can tell in which order it gives the rows of one bin. */
  tiesUnseen?: boolean;
  /** Bytes of shared memory that it may hold, for operators that can spill. */
  shareBytes?: number;
  /** Of a join that the lanes of its stage share. */
  side?: SideRows;
  /** Its limit, where the governor chooses that. */
  autoLimit?: AutoLimit;
  /** Where it may put what does not fit. Absent where nothing can be spilled. */
  spill?: Spill;
  /** Where it counts what code of users keeps. */
  keptAccount?: KeptAccount;
  /** To be awaited before each call of code of users with a batch: the lane may have to wait until there is memory for it. */
  beforeUserCall?(): MaybePromise;
  /** Says that code of users has not released what it kept. */
  onKeptLeft?(batches: number, bytes: number): void;
  now(): number;
  signal: AbortSignal;
  /** Counts a flush and its reason; the lane adds it to the run's statistics and emits the event. */
  onFlush(reason: FlushReason, held: HeldState): void;
  /** Counts rows that came too late and were left out. */
  onLate?(rows: number): void;
  /** Says that no further row can change what it gives. */
  onEnough?(): void;
  /** Row position of the batch being pushed, when the source can tell, for error messages. */
  position(): { file?: string; row?: number /** Rows of the morsel that starts at `row`. */; rows?: number };
}
