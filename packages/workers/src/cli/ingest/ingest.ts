/** `spillway ingest`: files into a dataset of a store, in one commit. */
import { resolve } from 'node:path';
import {
  createPipeline,
  type Dataset,
  openStore,
  PipelineError,
  type RowGroupTarget,
  type Sink,
  type Store,
  type StoreSinkOptions,
  type WriteMode,
} from '@spillway/core';
import { formatBytes, nameHint } from '@spillway/core/words';
import type { Summary } from '../../job/summary.ts';
import type { Context } from '../context.ts';
import { UsageError } from '../exit-codes.ts';
import { withHint } from '../output/retold.ts';
import { amount, grouped } from '../output/text-table.ts';
import { followJob, type JobOptions, summaryText } from '../run/follow-job.ts';
import { printPlan } from '../run/run-module.ts';
import { keyText, typedKey } from '../store/open-existing.ts';
import { isTextFormat } from './file-formats.ts';
import { findFiles } from './find-files.ts';
import { type Files, lookAt, storedName, withColumns } from './ingest-columns.ts';
import { type FileOptions, formatOf, sourceOf } from './read-files.ts';
import { schemaText } from './schema-text.ts';
import { STANDARD_INPUT, spoolInput } from './spool-input.ts';

export interface IngestOptions extends JobOptions, FileOptions {
  store: string;
  key: Record<string, string>;
  orderedOn?: string;
  sort?: boolean;
  mode: WriteMode;
  duplicatesOn?: string[];
  rowGroup?: RowGroupTarget;
  maxOffTarget?: number;
  evolve?: boolean;
  metadata?: Record<string, string>;
  dryRun?: boolean;
}

/** Name of the source in the plan, which says nothing to who ingests. */
const FILES = 'files';

interface Ingest {
  /** What the files are called, where their paths say nothing. */
  label?: string;
  paths: readonly string[];
  options: IngestOptions;
  /** With every column said. */
  files: FileOptions & { columns: string[] };
  store: Store;
  key: Dataset['key'];
  /** The dataset as it is; undefined where there is none yet, or where it is replaced. */
  dataset: Dataset | undefined;
}

/** The dataset that is written, if it is there. */
async function existing(
  store: Store,
  key: Dataset['key'],
  orderedOn: string | undefined,
): Promise<Dataset | undefined> {
  if (!(await store.has(key))) return undefined;
  return store.dataset(key, orderedOn === undefined ? {} : { orderedOn });
}

function storeOptions({ options, key }: Ingest, orderedOn: string): StoreSinkOptions {
  const { mode, duplicatesOn, rowGroup, maxOffTarget, evolve, metadata } = options;
  return {
    name: keyText(key),
    key,
    orderedOn,
    mode,
    ...(duplicatesOn !== undefined && { duplicatesOn: duplicatesOn.join() === 'all' ? [] : duplicatesOn }),
    ...(rowGroup !== undefined && { rowGroupTarget: rowGroup }),
    ...(maxOffTarget !== undefined && { maxOffTargetRowGroups: maxOffTarget }),
    ...(evolve === true && { schemaChange: 'evolve' as const }),
    ...(metadata !== undefined && { metadata }),
  };
}

/** The pipeline: files, sorted where asked for, into the dataset. */
function sinkOf(ingest: Ingest, orderedOn: string): Sink {
  const { memoryLimit, sort } = ingest.options;
  const pipeline = createPipeline(memoryLimit === undefined ? {} : { memoryLimit });
  const files = pipeline.source(sourceOf(ingest.paths, ingest.files, sort === true ? undefined : orderedOn));
  const rows = sort === true ? files.sort({ by: orderedOn as never }) : files;
  const { rename } = ingest.files;
  const named = rename === undefined ? rows : rows.rename(rename as never);
  return named.toStore(ingest.store, storeOptions(ingest, storedName(orderedOn, ingest.files)));
}

/** The column of the files that rows ascend on, asked for or as the dataset has it. @throws UsageError naming the columns */
async function orderedColumn({ options, dataset, paths, files }: Ingest): Promise<string> {
  const known = options.orderedOn ?? dataset?.orderedOn;
  const column = files.columns.find((name) => name === known || storedName(name, files) === known);
  if (column !== undefined) return column;
  if (known !== undefined) {
    const rename =
      options.orderedOn === undefined ? `; if one of them is it: --rename '${files.columns[0]}=${known}'` : '';
    const detail = { column: known, hint: `${nameHint(known, files.columns)}${rename}` };
    throw new PipelineError('ERR_COLUMN_UNKNOWN', `the files have no column "${known}" to be ordered on`, detail);
  }
  const { fields } = await lookAt(
    [
      createPipeline()
        .source(sourceOf(paths, files, undefined))
        .collect(),
    ],
    options,
  );
  const { isNumeric, isTemporal } = await import('@spillway/core/values');
  const columns = fields
    .filter(({ type }) => isNumeric(type) || isTemporal(type))
    .map(({ name, type }) => `${name} (${type})`);
  if (columns.length > 0)
    throw new UsageError(`say which column the rows ascend on, with --ordered-on. There are ${columns.join(', ')}`);
  const all = fields.map(({ name, type }) => `${name} (${type})`).join(', ');
  throw new UsageError(
    `there is no column that rows can be ordered on, of times or of numbers: ${all}. ` +
      "Where a text is one, say so with --schema 'name:type,…' or --time-format",
  );
}

function filesText({ fields, paths, bytes }: Files, { options, dataset, label }: Ingest): string {
  const isGuessed = options.schema === undefined && dataset === undefined && isText(paths, options);
  const what = label ?? (paths.length === 1 ? paths[0] : `${grouped(paths.length)} files`);
  const how = isGuessed ? 'columns, as a sample of the first file suggests' : 'columns';
  return `${what}, ${formatBytes(bytes)}\n${how}: --schema '${schemaText(fields)}'`;
}

/** What to do about rows that are out of order: each file may be in order, and begin before the one before it ends. */
function orderHint({ message }: PipelineError, paths: readonly string[]): string {
  const isBorder = paths.some((path) => message.endsWith(`with which ${path} ends`));
  if (isBorder) return 'the files overlap: --merge-files reads them side by side as one ordered stream; or give --sort';
  return paths.length === 1
    ? 'give --sort, and the rows are sorted on their way'
    : 'give --sort, and the rows are sorted on their way; --merge-files where each file is in order';
}

/** Names that can be stored, for all columns that need some. */
function renameHint({ column = '' }: PipelineError, files: Ingest['files'] | undefined): string {
  const { rename = {}, columns = [column] } = files ?? {};
  const others = columns.filter((name) => /[ ,;{}()\n\t=]/.test(name) && !Object.hasOwn(rename, name));
  const pairs = others.map((name) => `${name}=${name.replaceAll(/[ ,;{}()\n\t=]+/g, '_')}`);
  return `a stored name has no blank and none of , ; { } ( ) = : --rename '${pairs.join(',')}'`;
}

function isText(paths: readonly string[], { format }: FileOptions): boolean {
  return isTextFormat(formatOf(paths, format));
}

/** Refusals of the library, with what to do about them here. */
function toldBetter(
  error: unknown,
  { paths, options, dataset, files }: Omit<Ingest, 'files'> & Partial<Pick<Ingest, 'files'>>,
): unknown {
  if (!(error instanceof PipelineError)) return error;
  if (error.code === 'ERR_INPUT_UNORDERED' && error.value !== 'null' && options.sort !== true)
    return withHint(error, orderHint(error, paths));
  if (error.code === 'ERR_SCHEMA' && error.message.endsWith('cannot be stored under this name'))
    return withHint(error, renameHint(error, files));
  const isSampled = options.schema === undefined && dataset === undefined && isText(paths, options);
  if (error.code === 'ERR_TYPE_UNSUPPORTED' && isSampled)
    return withHint(
      error,
      "types are guessed from a sample, and are text where there are no rows: name them with --schema 'name:type,…', or say how times are written with --time-format",
    );
  return error.stage === FILES ? withHint(error, error.hint) : error;
}

async function runIngest(ingest: Ingest, context: Context): Promise<void> {
  const { options } = ingest;
  const orderedOn = await orderedColumn(ingest);
  const sinks = [sinkOf(ingest, orderedOn)];
  const found = await lookAt(sinks, options);
  if (options.dryRun === true) {
    if (options.json !== true) await context.results.line(`${filesText(found, ingest)}\n`);
    return printPlan(sinks, options, context, { files: found.paths, bytes: found.bytes, columns: found.fields });
  }
  if (options.quiet !== true) context.note(context.noteStyle.dim(filesText(found, ingest)));
  const { summary, endWatching } = await followJob(sinks, options, context);
  await tell(ingest, summary, context);
  await endWatching();
}

/** That rows may be there twice now, which no engine can know. */
const TWICE =
  'rows were put between those that were there, and none took the place of another: what is ingested twice is there twice. ' +
  '--duplicates-on keeps the last of equal rows, --mode append refuses rows that are not later, --mode overwrite replaces all';

/** What the dataset is now. */
async function tell({ store, key, options, dataset }: Ingest, summary: Summary, context: Context): Promise<void> {
  const { version, rows, path } = await store.dataset(key);
  const before = dataset?.rows ?? 0;
  const replaced = Math.max(0, before + summary.rowsOut - rows);
  const counts = [
    ...(before > 0 ? [`${grouped(before)} before`] : []),
    ...(replaced > 0 ? [`${grouped(replaced)} replaced by later ones`] : []),
  ].join(', ');
  if (options.quiet !== true)
    context.note(
      `${summaryText(summary, context)}\n${keyText(key)} is at version ${version}: ${amount(rows, 'row')} in ${path}${counts && `; ${counts}`}`,
    );
  const isAmong = summary.sinks.some(({ overlaps }) => overlaps === true);
  if (isAmong && replaced === 0) context.note(`${context.noteStyle.yellow('warning')}: ${TWICE}`);
  if (options.json === true)
    await context.results.line(JSON.stringify({ ...summary, dataset: { key, version, rows, path } }));
}

/** @throws UsageError, and what reading and writing throw */
async function ingestFiles(
  paths: readonly string[],
  options: IngestOptions,
  context: Context,
  label?: string,
): Promise<void> {
  formatOf(paths, options.format);
  const store = await openStore(resolve(context.cwd, options.store));
  const key = typedKey(store, options.key);
  const dataset = options.mode === 'overwrite' ? undefined : await existing(store, key, options.orderedOn);
  const asked = { paths, options, store, key, dataset, ...(label !== undefined && { label }) };
  let files: Ingest['files'] | undefined;
  try {
    files = await withColumns(paths, options, dataset);
    await runIngest({ ...asked, files }, context);
  } catch (error) {
    throw toldBetter(error, { ...asked, ...(files && { files }) });
  }
}

/** @throws UsageError, and what reading and writing throw */
export async function ingest(files: readonly string[], options: IngestOptions, context: Context): Promise<void> {
  if (!files.includes(STANDARD_INPUT)) return ingestFiles(await findFiles(files, context.cwd), options, context);
  if (files.length > 1) throw new UsageError('- is standard input, which is ingested alone: name it, or files');
  if (options.resume !== undefined)
    throw new UsageError('--resume goes on with files: what came through a pipe cannot be asked for again');
  const spooled = await spoolInput(options, context);
  try {
    await ingestFiles([spooled.path], { ...options, format: options.format ?? spooled.format }, context, spooled.label);
  } catch (error) {
    throw spooled.named(error);
  } finally {
    await spooled.remove();
  }
}
