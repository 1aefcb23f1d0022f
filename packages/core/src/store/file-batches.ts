/** The rows of one data file, batch by batch, checked against what the log says of its bytes. */
import type { Batch } from '../batch/contract.ts';
import { readParquetRows } from '../formats/parquet-reader.ts';
import type { ChunkChecksums } from '../formats/range-file.ts';
import type { Arena } from '../memory/contract.ts';
import type { Fields } from '../schema/types.ts';
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

/**
 * Batches of a file in its order. They are the caller's; leaving early ends the reading.
 *
 * Memory: one file's encoded columns, and two batches.
 * @throws ERR_STORE_CORRUPT, ERR_FILE_NOT_FOUND, ERR_FILE_FORMAT, ERR_IO
 */
export async function* fileBatches(
  options: FileBatchesOptions,
  file: { path: string; checksums: ChunkChecksums },
): AsyncGenerator<Batch, void, undefined> {
  const { arena, owner, fields, columns, batchRows } = options;
  const handoff = new Handoff<Batch>();
  const stop = new AbortController();
  const reading = readParquetRows({
    path: file.path,
    rowGroups: [0],
    columns,
    types: fields,
    batchRows,
    firstRow: 0,
    isLast: true,
    arena,
    owner,
    checksums: file.checksums,
    signal: stop.signal,
    publish: (batch) => (stop.signal.aborted ? batch.release() : handoff.put(batch)),
  }).then(
    () => handoff.end(),
    (error: unknown) => handoff.end({ error }),
  );
  try {
    for (let next = await handoff.take(); next !== undefined; next = await handoff.take()) yield next.value;
  } finally {
    stop.abort();
    handoff.leave();
    await reading;
  }
}
