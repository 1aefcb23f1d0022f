/**
 * Sinks that write files, on a codec thread: they take batches to the end of their edge and leave staged files behind. The
 * main thread then commits all of them or discards them (`sink-commit.ts`), so that a run that fails leaves nothing.
 */
import type { Batch } from '../../batch/contract.ts';
import { PipelineError } from '../../errors.ts';
import { isOrderable, type OrderedValue } from '../../formats/ordered-value.ts';
import type { Arena } from '../../memory/contract.ts';
import type { SinkSpec } from '../../plan/logical.ts';
import { fieldIndex } from '../../schema/fields.ts';
import type { Fields } from '../../schema/types.ts';
import type { StagedFile } from '../files/dataset-file.ts';
import { KeyedSink } from './keyed-sink.ts';
import { OneFileSink } from './one-file-sink.ts';
import { PartsSink } from './parts-sink.ts';
import { StoreSink } from './store-sink.ts';

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

/**
 * Refuses an order that rows cannot have.
 * @throws ERR_OPTIONS, ERR_COLUMN_UNKNOWN, ERR_TYPE_UNSUPPORTED
 */
export function checkOrder(spec: StoreSpec, fields: Fields): void {
  if (spec.orderedOn === '') {
    throw new PipelineError('ERR_OPTIONS', 'toStore: the rows have no known order', {
      hint: "name the column that they ascend on: { orderedOn: 'ts' }",
    });
  }
  const type = fields[fieldIndex(fields, spec.orderedOn)]?.type ?? 'binary';
  if (isOrderable(type)) return;
  throw new PipelineError('ERR_TYPE_UNSUPPORTED', `rows cannot be ordered on "${spec.orderedOn}", which is ${type}`, {
    column: spec.orderedOn,
    expected: 'a timestamp, date, number or utf8 column',
    hint: 'choose another orderedOn column',
  });
}

/**
 * Opens a sink. What it leaves behind is under `staging` alone.
 *
 * Memory: the encoded pages of one row group and 4 MiB; batches are released as soon as they are encoded. With `duplicatesOn`
 * also a copy of a batch and the rows of one ordered value.
 * @throws ERR_IO, ERR_OPTIONS (no ordered column), ERR_COLUMN_UNKNOWN, ERR_TYPE_UNSUPPORTED
 */
export async function openFileSink(options: FileSinkOptions): Promise<FileSink> {
  const { spec, fields, from } = options;
  if (spec.type === 'store') {
    checkOrder(spec, fields);
    return StoreSink.open(options, spec, from?.type === 'store' ? from : undefined);
  }
  const { parts, keys } = spec;
  if (keys !== undefined) return KeyedSink.open(options, { ...spec, keys }, from?.type === 'file' ? from : undefined);
  if (parts !== undefined) return PartsSink.open(options, { ...spec, parts }, from?.type === 'file' ? from : undefined);
  return OneFileSink.open(options, spec.format, from?.type === 'file' ? from : undefined);
}
