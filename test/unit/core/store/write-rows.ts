import { randomUUID } from 'node:crypto';
import type { Dataset, DatasetKey, Fields, WriteMode, WriteSettings } from '@spillway/core';
import {
  batchToRows,
  type CommitSummary,
  checkFileSink,
  commitSink,
  createArena,
  discardSink,
  type FileSinkSpec,
  keyToPath,
  openFileSink,
  readParquetRows,
  rowsToBatch,
  type StagedSink,
  stagingPath,
} from '@spillway/core/internal';

export type Row = Record<string, unknown>;

/** How a test writes; the rest is as most tests want it. */
export interface WriteOptions extends WriteSettings {
  mode?: WriteMode;
  orderedOn?: string;
  metadata?: Record<string, string>;
  /** Rows of each batch that is pushed. */
  batchRows?: number;
  memoryLimitBytes?: number;
}

export function storeSpec(root: string, key: DatasetKey, options: WriteOptions = {}): FileSinkSpec {
  const {
    mode = 'merge',
    orderedOn = 'ts',
    rowGroupTarget = 1_000_000,
    batchRows: _,
    memoryLimitBytes: __,
    ...rest
  } = options;
  return { type: 'store', root, key: { ...key }, path: keyToPath(key), mode, orderedOn, rowGroupTarget, ...rest };
}

/** Stages rows as a codec thread does. Nothing is committed. */
export async function stageRows(
  spec: FileSinkSpec,
  fields: Fields,
  rows: Row[],
  options: WriteOptions = {},
): Promise<StagedSink> {
  const arena = createArena({ debug: true });
  const staging = stagingPath(spec, randomUUID());
  const limit = options.memoryLimitBytes === undefined ? {} : { memoryLimitBytes: options.memoryLimitBytes };
  const sink = await openFileSink({ spec, fields, arena, staging, ...limit });
  try {
    const step = options.batchRows ?? 1000;
    for (let at = 0; at < rows.length; at += step)
      await sink.push(rowsToBatch(arena, 1, fields, rows.slice(at, at + step)));
    const staged = await sink.end();
    if (arena.usedSlabs() !== 0) throw new Error(`${arena.usedSlabs()} slabs are still in use`);
    return staged;
  } catch (error) {
    await sink.abort();
    await discardSink(spec, staging);
    throw error;
  }
}

/** Checks, stages and commits rows, as a run does; discards them when the commit fails. */
export async function writeRows(
  root: string,
  key: DatasetKey,
  fields: Fields,
  rows: Row[],
  options: WriteOptions = {},
): Promise<CommitSummary> {
  const spec = storeSpec(root, key, options);
  const complete = await checkFileSink(spec, fields);
  return commitStaged(complete, await stageRows(complete, fields, rows, options));
}

/** Commits what is staged; discards it when that fails. */
export async function commitStaged(spec: FileSinkSpec, staged: StagedSink): Promise<CommitSummary> {
  try {
    return await commitSink(staged);
  } catch (error) {
    await discardSink(spec, staged.staging);
    throw error;
  }
}

/** All rows of a dataset as the engine sees them (`Dataset.read` goes through apache-arrow's types). */
export async function readRows(dataset: Dataset): Promise<Row[]> {
  const rows: Row[] = [];
  for (const file of dataset.files()) {
    const columns = dataset.fields.map((field) => field.name);
    const arena = createArena();
    await readParquetRows({
      path: file.path,
      rowGroups: [0],
      columns,
      types: dataset.fields,
      batchRows: 1000,
      firstRow: 0,
      isLast: true,
      arena,
      owner: 1,
      orderedOn: dataset.orderedOn,
      checksums: file.checksums,
      publish: (batch) => {
        rows.push(...batchToRows(batch));
        batch.release();
      },
    });
  }
  return rows;
}
