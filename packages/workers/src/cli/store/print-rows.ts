/** `spillway cat`: the rows of a dataset, in order, on standard output. */
import type { Dataset, DatasetReadOptions } from '@spillway/core';
import { createArena, csvHeader, rowTextOf, rowWriter } from '@spillway/core/values';
import type { CommonOptions, Context } from '../context.ts';
import { UsageError } from '../exit-codes.ts';
import type { Results } from '../surroundings.ts';
import { type RowsOptions, rowsOf } from './which-rows.ts';

export interface CatOptions extends CommonOptions, RowsOptions {
  format: 'csv' | 'json' | 'arrow';
  header: boolean;
  limit?: number;
}

const BATCH_ROWS = 16_384;
/** Rows that are written together. */
const PIECE_ROWS = 1024;

/** Rows as CSV or JSON, some at a time, so that the first are seen at once. */
async function printText(
  dataset: Dataset,
  options: CatOptions,
  range: DatasetReadOptions,
  context: Context,
): Promise<void> {
  const { results } = context;
  const arena = createArena();
  let left = options.limit ?? Infinity;
  if (options.format === 'csv' && options.header) {
    const columns = options.columns ?? dataset.fields.map(({ name }) => name);
    await results.write(csvHeader(columns));
  }
  for await (const batch of dataset.batches(arena, range)) {
    try {
      const rows = Math.min(left, batch.rows);
      const textOf = rowWriter(arena, batch, rowTextOf(options.format));
      for (let row = 0; row < rows; row += PIECE_ROWS)
        await results.write(textOf(row, Math.min(rows, row + PIECE_ROWS)));
      left -= rows;
    } finally {
      batch.release();
    }
    if (left === 0) return;
  }
}

/** An Arrow IPC stream. */
async function printArrow(
  dataset: Dataset,
  options: CatOptions,
  range: DatasetReadOptions,
  { results }: Context,
): Promise<void> {
  if (results.isTerminal)
    throw new UsageError(
      '--format arrow writes bytes, which are nothing for a terminal: add > rows.arrows, or | a program',
    );
  const { fieldsToArrow, loadArrow } = await import('@spillway/core/arrow');
  const arrow = await loadArrow();
  const writer = new arrow.RecordBatchStreamWriter();
  const chosen = options.columns?.map((name) => dataset.fields.find((field) => field.name === name));
  const fields = (chosen ?? dataset.fields).filter((field) => field !== undefined);
  writer.reset(undefined, fieldsToArrow(arrow, fields));
  const drain = drainOf(writer, results);
  let left = options.limit ?? Infinity;
  for await (const batch of dataset.read(range)) {
    const rows = batch.numRows > left ? batch.slice(0, left) : batch;
    left -= rows.numRows;
    writer.write(rows);
    await drain();
    if (left === 0) break;
  }
  writer.finish();
  await drain();
}

/** Writes out what a writer has queued so far: it would queue without end. */
function drainOf(writer: AsyncIterable<Uint8Array>, results: Results): () => Promise<void> {
  const bytes = writer[Symbol.asyncIterator]();
  let next = bytes.next();
  return async () => {
    for (;;) {
      // What is queued is there before the next turn of the event loop.
      const turn = new Promise<undefined>((resolve) => setImmediate(resolve, undefined));
      const got = await Promise.race([next, turn]);
      if (got === undefined || got.done === true) return;
      await results.write(got.value);
      next = bytes.next();
    }
  };
}

/** @throws UsageError, and what reading a dataset throws */
export async function printRows(
  path: string,
  key: Readonly<Record<string, string>>,
  options: CatOptions,
  context: Context,
): Promise<void> {
  // Before the first byte is written.
  const { dataset, range } = await rowsOf(path, key, options, context.cwd);
  const read: DatasetReadOptions = { ...range, batchRows: BATCH_ROWS };
  await (options.format === 'arrow' ? printArrow : printText)(dataset, options, read, context);
}
