/** Which rows of which dataset a command is to read. */
import { type Dataset, type DatasetReadOptions, type OrderedBound, PipelineError } from '@spillway/core';
import { isTimestamp, parseType } from '@spillway/core/values';
import { nameHint } from '@spillway/core/words';
import { UsageError } from '../exit-codes.ts';
import { oneKey, openExisting } from './open-existing.ts';

export interface RowsOptions {
  from?: string;
  to?: string;
  columns?: string[];
  /** Of the dataset; default the newest. */
  at?: string;
  datasetVersion?: number;
}

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

/** @throws ERR_COLUMN_UNKNOWN */
function checkColumns(dataset: Dataset, columns: readonly string[] = []): void {
  const known = dataset.fields.map(({ name }) => name);
  for (const name of columns) {
    if (known.includes(name)) continue;
    const detail = { column: name, hint: nameHint(name, known) };
    throw new PipelineError('ERR_COLUMN_UNKNOWN', `the dataset has no column "${name}"`, detail);
  }
}

/**
 * The dataset that a key names, or a part of it, and what to read of it.
 * @throws UsageError, ERR_STORE_NOT_FOUND, ERR_COLUMN_UNKNOWN, and what opening a dataset throws
 */
export async function rowsOf(
  path: string,
  key: Readonly<Record<string, string>>,
  options: RowsOptions,
  cwd: string,
): Promise<{ dataset: Dataset; range: Pick<DatasetReadOptions, 'from' | 'to' | 'columns'> }> {
  const store = await openExisting(path, cwd);
  const dataset = await store.dataset(await oneKey(store, key), {
    ...(options.datasetVersion !== undefined && { version: options.datasetVersion }),
    ...(options.at !== undefined && { at: options.at }),
  });
  const from = boundOf(options.from, dataset, '--from');
  const to = boundOf(options.to, dataset, '--to');
  checkColumns(dataset, options.columns);
  const range = {
    ...(from !== undefined && { from }),
    ...(to !== undefined && { to }),
    ...(options.columns !== undefined && { columns: options.columns }),
  };
  return { dataset, range };
}
