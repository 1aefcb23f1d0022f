/** `spillway cat`: the rows of a dataset, in order, on standard output. */
import { type Dataset, type DatasetReadOptions, type OrderedBound, PipelineError } from '@spillway/core';
import { createArena, csvHeader, isTimestamp, parseType, rowTextOf, rowWriter } from '@spillway/core/values';
import { nameHint } from '@spillway/core/words';
import type { CommonOptions, Context } from '../context.ts';
import { UsageError } from '../exit-codes.ts';
import type { Results } from '../surroundings.ts';
import { oneKey, openExisting } from './open-existing.ts';

export interface CatOptions extends CommonOptions {
  from?: string;
  to?: string;
  columns?: string[];
  format: 'csv' | 'json' | 'arrow';
  header: boolean;
  limit?: number;
  /** Of the dataset; default the newest. */
  at?: string;
  datasetVersion?: number;
}

const BATCH_ROWS = 16_384;
/** Rows that are written together. */
const PIECE_ROWS = 1024;

/** A bound as the ordered column's type has it. @throws UsageError */
function boundOf(text: string | undefined, dataset: Dataset, option: string): OrderedBound | undefined {
  if (text === undefined) return undefined;
  const type = dataset.fields.find(({ name }) => name === dataset.orderedOn)?.type ?? 'int64';
  const { domain, byteWidth } = parseType(type);
  if (domain === 'utf8') return text;
  if (domain === 'temporal') {
    try {
      dataset.range({ from: text });
      return text;
    } catch (cause) {
      const hint = type.startsWith('time') && !isTimestamp(type) ? '09:30:00' : '2024-01-31 or 2024-01-31T09:30:00Z';
      throw new UsageError(`${option} is "${text}", which is no ${type}: write it as ${hint}`, { cause });
    }
  }
  const isNumber = domain === 'float' ? Number.isFinite(Number(text)) && text.trim() !== '' : /^-?\d+$/.test(text);
  if (isNumber) return domain !== 'float' && byteWidth === 8 ? BigInt(text) : Number(text);
  throw new UsageError(`${option} is "${text}", but rows are ordered on ${dataset.orderedOn}, which is ${type}`);
}

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
  const store = await openExisting(path, context.cwd);
  const dataset = await store.dataset(await oneKey(store, key), {
    ...(options.datasetVersion !== undefined && { version: options.datasetVersion }),
    ...(options.at !== undefined && { at: options.at }),
  });
  const from = boundOf(options.from, dataset, '--from');
  const to = boundOf(options.to, dataset, '--to');
  const range: DatasetReadOptions = {
    ...(from !== undefined && { from }),
    ...(to !== undefined && { to }),
    ...(options.columns !== undefined && { columns: options.columns }),
    batchRows: BATCH_ROWS,
  };
  // Before the first byte is written.
  checkColumns(dataset, options.columns);
  await (options.format === 'arrow' ? printArrow : printText)(dataset, options, range, context);
}

/** @throws ERR_COLUMN_UNKNOWN */
function checkColumns(dataset: Dataset, columns: readonly string[] = []): void {
  const known = dataset.fields.map(({ name }) => name);
  for (const name of columns) {
    if (known.includes(name)) continue;
    const detail = { column: name, hint: nameHint(name, known) };
    throw new PipelineError('ERR_COLUMN_UNKNOWN', `the dataset has no column "${name}"`, detail);
  }
}
