/** Writing datasets as a store of the Python library OUPS, which opens it, merges into it and reads it. */
import { rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';

import type { Batch, Column } from '../../batch/contract.ts';
import { PipelineError } from '../../errors.ts';
import { makeFolder } from '../../formats/durable-file.ts';
import { fileError, throwIfStopped } from '../../formats/file-error.ts';
import { type OrderedValue, orderedValue } from '../../formats/ordered-value.ts';
import { ParquetWriter } from '../../formats/parquet-writer.ts';
import type { Arena } from '../../memory/contract.ts';
import { createArena } from '../../memory/process-arena.ts';
import { fieldIndex } from '../../schema/fields.ts';
import type { Dataset } from '../dataset.ts';
import { DEFAULT_TARGET } from '../files/row-group-target.ts';
import { type DatasetKey, showKey } from '../keys/key-path.ts';
import type { KeySchema } from '../keys/key-schema.ts';
import { removeEmptyFolders } from '../sinks/sink-commit.ts';
import type { Store } from '../store.ts';
import { MOST_FILES, OPDMD_SUFFIX, type OpdmdGroup, oupsFile, writeOpdmd } from './opdmd-file.ts';
import { oupsKeys, oupsPath } from './oups-keys.ts';
import { fromTexts } from './oups-metadata.ts';
import { oupsColumns, pandasMetadata, toOupsValue } from './oups-types.ts';

/** Options of `exportOups`. */
export interface ExportOupsOptions {
  /** Only datasets with these values in their keys. Default: all. */
  match?: DatasetKey;
  /**
   * How their keys are laid out there, as the class of keys in Python says; the separator is `-` when left out. Default: as in
   * the store, or, where that says nothing, one level with the values in the order of their fields' names.
   */
  keys?: KeySchema;
  /** Stops between two batches; datasets that are written stay, of the one at work nothing does. */
  signal?: AbortSignal;
  /** Called when a dataset is written. */
  onDataset?: (transfer: OupsTransfer) => void;
}

/** A dataset that went from a store to another. */
export interface OupsTransfer {
  key: DatasetKey;
  /** Absolute path of its folder at its new place. */
  path: string;
  rows: number;
  rowGroups: number;
  /** Metadata that could not come along because it is objects of Python: their types by name. */
  objects: Readonly<Record<string, string>>;
}

const OWNER = 0;
const BATCH_ROWS = 65_536;

/** Writes one dataset's row groups, each as a file. */
class GroupWriter {
  readonly groups: OpdmdGroup[] = [];
  rows = 0;
  readonly #arena: Arena;
  readonly #dataset: Dataset;
  readonly #folder: string;
  readonly #ordered: number;
  readonly #stored: ReturnType<typeof oupsColumns>;
  #writer: ParquetWriter | undefined;
  #min: OrderedValue = 0;
  #max: OrderedValue = 0;

  constructor(arena: Arena, dataset: Dataset, folder: string) {
    this.#arena = arena;
    this.#dataset = dataset;
    this.#folder = folder;
    this.#ordered = fieldIndex(dataset.fields, dataset.orderedOn);
    this.#stored = oupsColumns(dataset.fields);
  }

  /** Encodes a batch and releases it. */
  async push(batch: Batch): Promise<void> {
    try {
      if (batch.rows === 0) return;
      const column = batch.columns[this.#ordered] as Column;
      if (this.#writer === undefined) this.#min = orderedValue(this.#arena, column, 0);
      this.#max = orderedValue(this.#arena, column, batch.rows - 1);
      this.#writer ??= await this.#open();
      await this.#writer.push(batch);
      this.rows += batch.rows;
    } finally {
      batch.release();
    }
  }

  #open(): Promise<ParquetWriter> {
    const fileId = this.groups.length;
    if (fileId === MOST_FILES) throw this.#tooMany();
    const { fields } = this.#dataset;
    const pandas = pandasMetadata(fields);
    return ParquetWriter.open({
      path: oupsFile(this.#folder, fileId),
      fields,
      stored: this.#stored,
      compression: 'none',
      rowGroupRows: 2 ** 31,
      arena: this.#arena,
      isPlain: true,
      ...(pandas === undefined ? {} : { metadata: { pandas } }),
    });
  }

  #tooMany(): PipelineError {
    return new PipelineError(
      'ERR_STORE_UNSUPPORTED',
      `dataset ${showKey(this.#dataset.key)} has over ${MOST_FILES} row groups, which is more than OUPS can number`,
      { file: this.#dataset.path, hint: 'make its row groups larger: write it with a larger rowGroupTarget' },
    );
  }

  /** Ends the row group at hand. */
  async cut(): Promise<void> {
    const writer = this.#writer;
    this.#writer = undefined;
    if (writer === undefined) return;
    const { rows } = await writer.end();
    const type = this.#dataset.fields[this.#ordered]?.type ?? 'int64';
    const [min, max] = [toOupsValue(this.#min, type), toOupsValue(this.#max, type)];
    this.groups.push({ fileId: this.groups.length, rows, min, max });
  }

  async abort(): Promise<void> {
    await this.#writer?.abort();
  }

  /** Rows of the row group at hand. */
  get openRows(): number {
    return this.#writer?.rows ?? 0;
  }
}

/** Row groups stay as they are; rows of files that other programs added go between them, and the cuts are new then. */
async function writeGroups(arena: Arena, dataset: Dataset, writer: GroupWriter, signal?: AbortSignal): Promise<void> {
  if (dataset.foreignFiles().length > 0) {
    for await (const batch of dataset.batches(arena, {})) {
      await writer.push(batch);
      throwIfStopped(signal, dataset.path);
      if (writer.openRows >= DEFAULT_TARGET) await writer.cut();
    }
    return writer.cut();
  }
  const { fileBatches } = await import('../files/file-batches.ts');
  const columns = dataset.fields.map((field) => field.name);
  const source = { arena, owner: OWNER, fields: dataset.fields, columns, batchRows: BATCH_ROWS };
  for (const file of dataset.files()) {
    for await (const batch of fileBatches(source, file)) {
      await writer.push(batch);
      throwIfStopped(signal, dataset.path);
    }
    await writer.cut();
  }
}

function taken(path: string, key: DatasetKey): PipelineError {
  return new PipelineError('ERR_STORE_CONFLICT', `dataset ${showKey(key)} is there already: ${path}`, {
    file: path,
    hint: 'export to another folder, or remove the dataset there first',
  });
}

async function exists(path: string): Promise<boolean> {
  const { stat } = await import('node:fs/promises');
  try {
    await stat(path);
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return false;
    throw await fileError(path, error);
  }
}

/** Files come first and the list of them last: without the list, no reader knows the dataset. */
async function exportDataset(
  dataset: Dataset,
  root: string,
  folder: string,
  signal: AbortSignal | undefined,
): Promise<OupsTransfer> {
  const arena = createArena();
  const writer = new GroupWriter(arena, dataset, folder);
  const { orderedOn, fields, key } = dataset;
  try {
    await makeFolder(folder);
    await writeGroups(arena, dataset, writer, signal);
  } catch (error) {
    await writer.abort();
    for (const { fileId } of writer.groups) await rm(oupsFile(folder, fileId), { force: true });
    await removeEmptyFolders(root, folder);
    throw error;
  }
  const orderedType = fields[fieldIndex(fields, orderedOn)]?.type ?? 'int64';
  const metadata = fromTexts(dataset.metadata);
  await writeOpdmd(`${folder}${OPDMD_SUFFIX}`, { groups: writer.groups, orderedType, orderedOn, metadata });
  return { key, path: folder, rows: writer.rows, rowGroups: writer.groups.length, objects: {} };
}

/** See `exportOups` in `deferred.ts`. */
export async function exportOups(store: Store, path: string, options: ExportOupsOptions = {}): Promise<OupsTransfer[]> {
  const schema = options.keys ?? store.keys;
  const toPath = schema === undefined ? oupsPath : (key: DatasetKey): string => oupsKeys(schema).toPath(key);
  const root = resolve(path);
  // All are checked before the first is written.
  const all: { dataset: Dataset; folder: string }[] = [];
  for (const key of await store.datasets(options.match)) {
    const dataset = await store.dataset(key);
    const folder = join(root, ...toPath(key).split('/'));
    oupsColumns(dataset.fields);
    const twin = all.find((other) => other.folder === folder);
    if ((await exists(`${folder}${OPDMD_SUFFIX}`)) || twin !== undefined) throw taken(folder, key);
    all.push({ dataset, folder });
  }
  const written: OupsTransfer[] = [];
  for (const { dataset, folder } of all) {
    throwIfStopped(options.signal, dataset.path);
    const transfer = await exportDataset(dataset, root, folder, options.signal);
    written.push(transfer);
    options.onDataset?.(transfer);
  }
  return written;
}
