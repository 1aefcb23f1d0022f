import {
  type Batch,
  batchToRows,
  createArena,
  type ReadParquetRequest,
  type ReadParquetResult,
  readParquetInfo,
  readParquetRows,
} from '@spillway/core/internal';

/** What a test got out of `readParquetRows`: rows as objects, and how they were cut. */
export interface ReadOutcome {
  rows: Record<string, unknown>[];
  cuts: { rows: number; inputs: number }[];
  result: ReadParquetResult;
  /** Slabs still in use afterwards. */
  leaked: number;
}

/** Reads row groups (all of them, all columns, unless said otherwise) and takes the batches apart. */
export async function readAll(path: string, request: Partial<ReadParquetRequest> = {}): Promise<ReadOutcome> {
  const arena = createArena({ debug: true });
  const info = await readParquetInfo(path);
  const rows: Record<string, unknown>[] = [];
  const cuts: ReadOutcome['cuts'] = [];
  const result = await readParquetRows({
    path,
    rowGroups: info.rowGroups.map((group) => group.index),
    columns: info.fields.map((field) => field.name),
    batchRows: 65_536,
    firstRow: 0,
    isLast: true,
    arena,
    owner: 1,
    publish: (batch: Batch) => {
      for (const row of batchToRows(batch)) rows.push(row);
      cuts.push({ rows: batch.rows, inputs: batch.inputs });
      batch.release();
    },
    ...request,
  });
  return { rows, cuts, result, leaked: arena.usedSlabs() };
}
