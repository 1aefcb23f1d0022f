/** Tasks of the codec pool. Plain data: it crosses threads. */
import type { MessagePort } from 'node:worker_threads';
import type { Fields } from '@spillway/core';
import type {
  FileSinkSpec,
  ForeignTask,
  MergeTask,
  OrderedValue,
  PoolPlace,
  Ptr,
  SinkMark,
  StagedSink,
} from '@spillway/core/internal';
import type { RingHandle } from '../channels/ring.ts';
import type { Outcome } from '../control/outcome.ts';

interface TaskBase {
  /** Whom allocations are charged to. */
  owner: number;
  /** The run's memory pool. */
  pool: PoolPlace;
  fields: Fields;
}

/** Reads row groups of a file and publishes its batches under numbers that are known before. */
export interface ReadTask extends TaskBase {
  type: 'read';
  path: string;
  rowGroups: number[];
  columns: string[];
  batchRows: number;
  /** Packets end at multiples of these rows of the source: a whole part of `batchRows`. */
  packetRows: number;
  /** Row of the whole source at which the first one starts. */
  sourceRow: number;
  rows: number;
  isLast: boolean;
  firstSequence: number;
  packets: number;
  /** Packets before this one were published by an earlier attempt. */
  skipBelow: number;
  /** Of the source: see `SourceGate`. */
  gate: Ptr;
  orderedOn?: string;
  /** Of the file's column chunks, for files of a store. */
  checksums?: string;
  rings: RingHandle[];
}

/** First and last value of the ordered column, for checking one task's rows against the next's. */
export interface ReadResult {
  first: OrderedValue | undefined;
  last: OrderedValue | undefined;
}

/** Takes an edge to its end and writes its rows to staged files. One task a sink, as long as the run. */
export interface WriteTask extends TaskBase {
  type: 'write';
  /** Slot of statistics. */
  actor: Ptr;
  edge: number;
  ring: RingHandle;
  sink: FileSinkSpec;
  /** Where the rows wait for the commit. */
  staging: string;
  /** Uncompressed bytes after which a row group is closed, whatever its rows. */
  memoryLimitBytes: number;
  /** Commands (`WriterControl`), by comlink. */
  control: MessagePort;
  /** What the sink goes on from. */
  from?: SinkMark;
  /** Checkpoints that survive a power cut will name what is staged. */
  isNamed: boolean;
}

/** A sink that had taken its whole edge. Plain data. */
export interface EndedMark {
  type: 'ended';
  staged: StagedSink;
}

/** Commands to a sink that is writing. */
export interface WriterControl {
  /** Puts on the disk what has come so far: see `FileSink.mark`. */
  mark(needed: number, handsOver: boolean): Promise<Outcome<SinkMark | EndedMark>>;
}

/** Puts a sink's staged rows between those stored, when the run commits. */
export interface MergeCodecTask extends TaskBase {
  type: 'merge';
  task: MergeTask;
}

/** Puts the rows of a file that another program added in order, so that they can be merged. */
export interface StageForeignTask extends TaskBase {
  type: 'stageForeign';
  task: ForeignTask;
}

/** Writes the checkpoint of a version that was committed. */
export interface CheckpointTask extends TaskBase {
  type: 'checkpoint';
  table: string;
  version: number;
}

/** Loads what the other tasks need, so that a thread is all there before the first row is read. */
export interface WarmTask {
  type: 'warm';
}

export type CodecTask = ReadTask | WriteTask | MergeCodecTask | StageForeignTask | CheckpointTask | WarmTask;
