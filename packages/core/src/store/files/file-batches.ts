/** The rows of one data file, batch by batch, checked against what the log says of its bytes. */
import type { Batch } from '../../batch/contract.ts';
import { makeBatch } from '../../batch/make-batch.ts';
import { rowsToBatch } from '../../batch/rows-to-batch.ts';
import { type ParquetInfo, readParquetInfo } from '../../formats/parquet-info.ts';
import { readParquetRows } from '../../formats/parquet-reader.ts';
import type { ChunkChecksums } from '../../formats/range-file.ts';
import type { Arena } from '../../memory/contract.ts';
import { fieldIndex } from '../../schema/fields.ts';
import type { Fields } from '../../schema/types.ts';
import { Handoff } from './handoff.ts';

export interface FileBatchesOptions {
  arena: Arena;
  owner: number;
  /** Of the dataset: types to deliver. */
  fields: Fields;
  /** To deliver, in this order. */
  columns: readonly string[];
  batchRows: number;
}

/** A data file; those of others have no checksums. */
export interface ReadableFile {
  path: string;
  checksums?: ChunkChecksums;
}

/** Columns of the file to read, and those that it was written without. */
function splitColumns(info: ParquetInfo, columns: readonly string[]): { present: string[]; missing: string[] } {
  const names = new Set([...info.fields, ...info.unsupported].map((field) => field.name));
  return { present: columns.filter((name) => names.has(name)), missing: columns.filter((name) => !names.has(name)) };
}

/** Puts columns without a value between those of a batch, which it takes over. */
function withMissing(options: FileBatchesOptions, batch: Batch, missing: readonly string[]): Batch {
  const { arena, owner, fields, columns } = options;
  const wanted = columns.map((name) => fields[fieldIndex(fields, name)] as Fields[number]);
  const empty = wanted.filter((field) => missing.includes(field.name)).map((field) => ({ ...field, nullable: true }));
  const nothing = new Array<null>(batch.rows).fill(null);
  const nulls = rowsToBatch(arena, owner, empty, Object.fromEntries(empty.map(({ name }) => [name, nothing])));
  try {
    const all = wanted.map(({ name }) => (missing.includes(name) ? nulls : batch).column(name));
    return makeBatch(arena, owner, wanted, all, batch.rows, batch.inputs);
  } finally {
    nulls.release();
    batch.release();
  }
}

/**
 * Batches of a file in its order. They are the caller's; leaving early ends the reading. Columns that the file was written
 * without are null.
 *
 * Memory: one row group's encoded columns, and two batches.
 * @throws ERR_STORE_CORRUPT, ERR_FILE_NOT_FOUND, ERR_FILE_FORMAT, ERR_IO
 */
export async function* fileBatches(
  options: FileBatchesOptions,
  file: ReadableFile,
): AsyncGenerator<Batch, void, undefined> {
  const { arena, owner, fields, columns, batchRows } = options;
  const info = await readParquetInfo(file.path);
  const { present, missing } = splitColumns(info, columns);
  const [counted] = present.length > 0 ? present : info.fields.map((field) => field.name);
  const handoff = new Handoff<Batch>();
  const stop = new AbortController();
  const reading = readParquetRows({
    path: file.path,
    rowGroups: info.rowGroups.map((group) => group.index),
    columns: present.length > 0 || counted === undefined ? present : [counted],
    types: fields,
    batchRows,
    firstRow: 0,
    isLast: true,
    arena,
    owner,
    ...(file.checksums === undefined ? {} : { checksums: file.checksums }),
    signal: stop.signal,
    publish: (batch) => (stop.signal.aborted ? batch.release() : handoff.put(batch)),
  }).then(
    () => handoff.end(),
    (error: unknown) => handoff.end({ error }),
  );
  try {
    for (let next = await handoff.take(); next !== undefined; next = await handoff.take())
      yield missing.length === 0 ? next.value : withMissing(options, next.value, missing);
  } finally {
    stop.abort();
    handoff.leave();
    await reading;
  }
}
