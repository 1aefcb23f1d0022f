/** Looking whether a dataset is what its log says: every file there and unchanged, every row counted and in order. */
import { stat } from 'node:fs/promises';
import type { Column } from '../batch/contract.ts';
import { PipelineError } from '../errors.ts';
import { OrderCheck } from '../formats/order-check.ts';
import { compareOrdered, type OrderedValue, showOrdered } from '../formats/ordered-value.ts';
import { createArena } from '../memory/process-arena.ts';
import { fieldIndex } from '../schema/fields.ts';
import type { TypeText } from '../schema/types.ts';
import type { Dataset } from './dataset.ts';
import type { DatasetFile } from './files/dataset-file.ts';
import { fileBatches } from './files/file-batches.ts';
import { damagedCheckpoints } from './log/delta-log.ts';
import type { VerifyProblem, VerifyResult } from './verify-result.ts';

const BATCH_ROWS = 65_536;

async function sizeProblem(file: { path: string; bytes: number }): Promise<string | undefined> {
  try {
    const { size } = await stat(file.path);
    return size === file.bytes ? undefined : `it has ${size} bytes, the log says ${file.bytes}`;
  } catch {
    return 'it is missing';
  }
}

/** What is wrong with one file, read whole. */
async function problemOf(dataset: Dataset, file: DatasetFile, type: TypeText): Promise<string | undefined> {
  const wrongSize = await sizeProblem(file);
  if (wrongSize !== undefined) return wrongSize;
  const arena = createArena();
  const order = new OrderCheck(arena, dataset.orderedOn, type, file.path);
  const columns = dataset.fields.map(({ name }) => name);
  const ordered = columns.indexOf(dataset.orderedOn);
  let rows = 0;
  try {
    const source = { arena, owner: 0, fields: dataset.fields, columns, batchRows: BATCH_ROWS };
    for await (const batch of fileBatches(source, file)) {
      try {
        order.check(batch.columns[ordered] as Column, rows);
        rows += batch.rows;
      } finally {
        batch.release();
      }
    }
  } catch (error) {
    if (error instanceof PipelineError) return error.message;
    throw error;
  }
  if (rows !== file.rows) return `it has ${rows} rows, the log says ${file.rows}`;
  return boundsProblem(file, order, type);
}

function boundsProblem(file: DatasetFile, { first, last }: OrderCheck, type: TypeText): string | undefined {
  const differs = (a: OrderedValue, b: OrderedValue | undefined): boolean =>
    b === undefined || compareOrdered(a, b) !== 0;
  if (!differs(file.min, first) && !differs(file.max, last)) return undefined;
  const show = (value: OrderedValue | undefined): string =>
    value === undefined ? 'nothing' : showOrdered(value, type);
  return `it has rows from ${show(first)} to ${show(last)}, the log says ${show(file.min)} to ${show(file.max)}`;
}

/** See `Dataset.verify`. */
export async function verifyDataset(dataset: Dataset): Promise<VerifyResult> {
  const problems: VerifyProblem[] = [];
  const type = dataset.fields[fieldIndex(dataset.fields, dataset.orderedOn)]?.type ?? 'int64';
  const files = dataset.files();
  for (const [i, file] of files.entries()) {
    const before = files[i - 1];
    if (before !== undefined && compareOrdered(before.max, file.min) > 0)
      problems.push({
        file: file.path,
        problem: `it begins at ${showOrdered(file.min, type)}, before the end of the file before it, ${showOrdered(before.max, type)}`,
      });
    const problem = await problemOf(dataset, file, type);
    if (problem !== undefined) problems.push({ file: file.path, problem });
  }
  for (const file of dataset.foreignFiles()) {
    const problem = await sizeProblem(file);
    if (problem !== undefined) problems.push({ file: file.path, problem });
  }
  const count = files.length + dataset.foreignFiles().length;
  return { ok: problems.length === 0, version: dataset.version, files: count, rows: dataset.rows, problems };
}

/**
 * See `Store.verify`.
 * @param table its folder
 * @param newest the last version that the log names
 */
export async function verifyNewest(
  table: string,
  open: (version: number) => Promise<Dataset>,
  newest: number,
): Promise<VerifyResult> {
  const damaged = await damagedCheckpoints(table);
  const problems: VerifyProblem[] = damaged.map(({ path, problem }) => ({ file: path, problem }));
  for (let version = newest; version >= 0; version -= 1) {
    try {
      const dataset = await open(version);
      const found = await verifyDataset(dataset);
      return { ...found, ok: found.ok && problems.length === 0, problems: [...problems, ...found.problems] };
    } catch (error) {
      if (!(error instanceof PipelineError)) throw error;
      if (problems.every(({ problem }) => problem !== error.message))
        problems.push({ file: error.file, problem: error.message });
    }
  }
  return { ok: false, version: -1, files: 0, rows: 0, problems };
}
