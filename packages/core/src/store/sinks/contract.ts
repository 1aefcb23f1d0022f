/** What sinks that write files are given, what they can be asked for, and what they leave behind. */
import type { Batch } from '../../batch/contract.ts';
import type { OrderedValue } from '../../formats/ordered-value.ts';
import type { Arena } from '../../memory/contract.ts';
import type { SinkSpec } from '../../plan/logical.ts';
import type { Fields } from '../../schema/types.ts';
import type { StagedFile } from '../files/dataset-file.ts';

export type FileSinkSpec = Extract<SinkSpec, { type: 'file' | 'store' }>;
export type StoreSpec = Extract<SinkSpec, { type: 'store' }>;

/** What a sink wrote and nothing refers to yet. Plain data. */
export interface StagedSink {
  spec: FileSinkSpec;
  fields: Fields;
  rows: number;
  bytes: number;
  /** Files of a store's dataset, in the order of their rows. A sink of one file has it in the place of `staging`. */
  files: StagedFile[];
  staging: string;
  /** Logical bytes of a row group at most. */
  memoryLimitBytes?: number;
}

export interface FileSinkOptions {
  spec: FileSinkSpec;
  fields: Fields;
  arena: Arena;
  /** Whom copies of batches are charged to. Default 0. */
  owner?: number;
  /** Where to write: what `stagingPath` gives. */
  staging: string;
  /** Uncompressed bytes of a row group after which it is closed, whatever its rows. */
  memoryLimitBytes?: number;
  /** What it goes on from. */
  from?: SinkMark;
  /** Checkpoints that survive a power cut will name what it stages. */
  isNamed?: boolean;
  /** Of a file that is one of several open ones: how many. */
  openFiles?: number;
}

/** What a sink of a store had staged at a barrier. Plain data. */
export interface StoreMark {
  type: 'store';
  rows: number;
  /** Of the sink's marks, from 1. */
  number: number;
  /** The last ordered value. */
  last: OrderedValue | undefined;
  files: StagedFile[];
  /** Rows that later ones may replace, in order. */
  waiting: StagedFile[];
}

/** How far a sink of one file had written it at a barrier. Plain data. */
export interface FileMark {
  type: 'file';
  rows: number;
  number: number;
  /** Bytes that stay. */
  bytes: number;
  /** Places in it that the format has to know. */
  places: number[];
  /** Of a sink of several files: those that have been ended, and the one that `bytes` and `places` are of. */
  parts?: { done: string[]; rowsDone: number; bytesDone: number; open?: { name: string; rows: number; end?: bigint } };
  /** Of a sink of folders by key: each one's own. */
  keys?: { folder: string; mark: FileMark }[];
}

/** Where a sink goes on from after a crash: rows behind it come again, and nothing of them is staged. */
export type SinkMark = StoreMark | FileMark;

/** A sink of one run. Exactly one of `end` and `abort` is called; calls do not overlap. */
export interface FileSink {
  readonly rows: number;
  /** Takes over a batch. Resolves when it is encoded. @throws ERR_INPUT_UNORDERED, ERR_VALUE, ERR_IO */
  push(batch: Batch): Promise<void>;
  /**
   * Puts on the disk what has come, so that a sink that is opened `from` it goes on as this one does.
   * @param needed number of the earliest mark that may still be gone on from; 0 when there is none
   * @param handsOver what a store's dataset can take is the caller's from now on: later marks do not name it, and nothing waits
   * @throws ERR_IO, ERR_VALUE
   */
  mark(needed: number, handsOver: boolean): Promise<SinkMark>;
  /** Writes what is left. */
  end(): Promise<StagedSink>;
  /** Lets go of what is open. What is staged stays: see `discardSink`. */
  abort(): Promise<void>;
}
