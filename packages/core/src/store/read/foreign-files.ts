/**
 * Files that another program added to a dataset. Nothing is known of their order, so their rows are put in order when they
 * are read; the next write sorts them in for good.
 */
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { concatBatches } from '../../batch/concat-batches.ts';
import type { Batch, Column } from '../../batch/contract.ts';
import { sliceBatch } from '../../batch/slice-batch.ts';
import { PipelineError } from '../../errors.ts';
import { firstDisorder } from '../../formats/disorder.ts';
import type { OrderedValue } from '../../formats/ordered-value.ts';
import { instantiateKernels } from '../../kernels/compiled-kernels.ts';
import type { Arena } from '../../memory/contract.ts';
import { fieldIndex } from '../../schema/fields.ts';
import type { Fields } from '../../schema/types.ts';
import { runFolder } from '../../spill/run-folder.ts';
import type { StagedFile } from '../files/dataset-file.ts';
import { recordsOf } from '../files/dataset-file.ts';
import { type FileBatchesOptions, fileBatches } from '../files/file-batches.ts';
import { RowGroupFiles } from '../files/row-group-files.ts';
import type { RowGroupTarget } from '../files/row-group-target.ts';
import type { AddAction } from '../log/delta-actions.ts';
import { readBound } from '../log/delta-stats.ts';
import { KeepLast } from '../merge/keep-last.ts';
import { ForeignSort, RUN_BYTES, type SortPlace } from './foreign-sort.ts';

/** A live file that another program added. Plain data. */
export interface ForeignFile {
  /** Absolute. */
  path: string;
  bytes: number;
  /** As its statistics say; 0 when they do not. */
  rows: number;
  /** Bounds of the ordered column, as far as the statistics tell: rounded outwards. */
  min: OrderedValue | undefined;
  max: OrderedValue | undefined;
}

export function foreignFile(table: string, action: AddAction, fields: Fields, orderedOn: string): ForeignFile {
  const type = fields[fieldIndex(fields, orderedOn)]?.type ?? 'int64';
  return {
    path: join(table, decodeURIComponent(action.path)),
    bytes: action.size,
    rows: recordsOf(action),
    min: readBound(action.stats, orderedOn, type, 'min'),
    max: readBound(action.stats, orderedOn, type, 'max'),
  };
}

function nullError(path: string, orderedOn: string): PipelineError {
  return new PipelineError('ERR_INPUT_UNORDERED', `${path}: "${orderedOn}" is null, and the dataset is ordered on it`, {
    file: path,
    column: orderedOn,
    value: 'null',
    hint: 'another program added the file: remove those rows with it',
  });
}

/** Whether the rows of a file ascend already. @throws ERR_INPUT_UNORDERED for nulls */
async function isOrdered(source: FileBatchesOptions, path: string, orderedOn: string): Promise<boolean> {
  let last: Batch | undefined;
  let isAscending = true;
  try {
    for await (const batch of fileBatches({ ...source, columns: [orderedOn] }, { path })) {
      const both = last === undefined ? batch : concatBatches(source.arena, source.owner, batch.fields, [last, batch]);
      last?.release();
      last = undefined;
      if (both !== batch) batch.release();
      const column = both.columns[0] as Column;
      if (column.nullCount > 0) {
        both.release();
        throw nullError(path, orderedOn);
      }
      isAscending &&= firstDisorder(source.arena, column) < 0;
      if (both.rows > 0) last = sliceBatch(source.arena, source.owner, both, both.rows - 1, 1);
      both.release();
    }
  } finally {
    last?.release();
  }
  return isAscending;
}

/**
 * The rows of a file in order. The batches are the caller's.
 *
 * Memory: as reading it, when it is in order; else as `ForeignSort` says.
 * @throws ERR_INPUT_UNORDERED for nulls in the ordered column, ERR_MEMORY_EXHAUSTED, and what reading throws
 */
export async function* orderedForeignRows(
  source: FileBatchesOptions,
  path: string,
  orderedOn: string,
  place: SortPlace,
): AsyncGenerator<Batch, void, undefined> {
  if (await isOrdered(source, path, orderedOn)) yield* fileBatches(source, { path });
  else yield* new ForeignSort(source, orderedOn, place).rows(path);
}

/** For readers, who have no place in the dataset: a folder for temporary files, removed in the end. */
export async function* sortedForeignRows(
  source: FileBatchesOptions,
  path: string,
  orderedOn: string,
): AsyncGenerator<Batch, void, undefined> {
  let folder: string | undefined;
  const place: SortPlace = { folder: () => (folder ??= runFolder(tmpdir())), prefix: 'run-' };
  try {
    yield* orderedForeignRows(source, path, orderedOn, place);
  } finally {
    if (folder !== undefined) await rm(folder, { recursive: true, force: true });
  }
}

/** What to stage of a foreign file. Plain data. */
export interface ForeignTask {
  path: string;
  fields: Fields;
  orderedOn: string;
  duplicatesOn: readonly string[] | undefined;
  target: RowGroupTarget;
  folder: string;
  prefix: string;
  memoryLimitBytes?: number;
}

const BATCH_ROWS = 32_768;

/** Writes the rows of a foreign file as staged files, in order, so that they can be merged as new rows are. */
export async function stageForeign(arena: Arena, owner: number, task: ForeignTask): Promise<StagedFile[]> {
  const { path, fields, orderedOn, duplicatesOn, memoryLimitBytes, ...where } = task;
  const runs = { folder: () => task.folder, prefix: `${task.prefix}run-` };
  const limit = memoryLimitBytes === undefined ? {} : { memoryLimitBytes };
  const files = new RowGroupFiles({ arena, fields, orderedOn, ...where, ...limit });
  const write = async (batch: Batch): Promise<void> => {
    try {
      await files.push(batch);
    } finally {
      batch.release();
    }
  };
  const kernels = instantiateKernels(arena);
  const keeper = duplicatesOn && new KeepLast({ arena, kernels, owner, fields, orderedOn, duplicatesOn, emit: write });
  const columns = fields.map((field) => field.name);
  try {
    for await (const batch of orderedForeignRows(
      { arena, owner, fields, columns, batchRows: BATCH_ROWS },
      path,
      orderedOn,
      { ...runs, ...(memoryLimitBytes !== undefined && { runBytes: Math.min(RUN_BYTES, memoryLimitBytes) }) },
    ))
      await (keeper === undefined ? write(batch) : keeper.push(batch));
    await keeper?.end();
    return await files.end();
  } catch (error) {
    keeper?.abort();
    await files.abort();
    throw error;
  }
}
