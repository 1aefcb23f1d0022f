/**
 * Reading stores of the Python library OUPS (https://github.com/yohplala/oups): folders `NAME` of Parquet files of one row group
 * each, in order, and beside each a file `NAME_opdmd` that lists them.
 */
import { readdir, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { RecordBatch } from 'apache-arrow';

import type { Batch } from '../../batch/contract.ts';
import { PipelineError } from '../../errors.ts';
import { fileError } from '../../formats/file-error.ts';
import { compareOrdered, isOrderable, type OrderedValue } from '../../formats/ordered-value.ts';
import { readParquetInfo } from '../../formats/parquet-info.ts';
import type { Arena } from '../../memory/contract.ts';
import { createArena } from '../../memory/process-arena.ts';
import { fieldIndex } from '../../schema/fields.ts';
import { nameHint } from '../../schema/nearest-name.ts';
import type { Fields } from '../../schema/types.ts';
import { arrowCopies } from '../arrow-copies.ts';
import { type DatasetReadOptions, exactBound } from '../dataset.ts';
import { overlaps, type ValueRange } from '../files/file-pruning.ts';
import { type DatasetKey, type KeyLayout, showKey } from '../keys/key-path.ts';
import type { KeySchema } from '../keys/key-schema.ts';
import { LOG_FOLDER } from '../log/log-listing.ts';
import { OPDMD_SUFFIX, type Opdmd, oupsCorrupt, oupsFile, readOpdmd } from './opdmd-file.ts';
import { oupsKeys } from './oups-keys.ts';
import { splitMetadata } from './oups-metadata.ts';
import { fromBound, withZones } from './oups-types.ts';
import type { PlainValue } from './pickle.ts';

/** Options of `openOupsStore`. */
export interface OpenOupsOptions {
  /**
   * The fields of the keys, as the store's class of keys in Python has them: one level for each folder. The separator is `-`
   * when left out, as there. Without, a key is `{ name }`, with the path of the dataset inside the store.
   */
  keys?: KeySchema;
}

/** One row group of a dataset of OUPS. */
export interface OupsRowGroup {
  /** Absolute path of its file. */
  path: string;
  rows: number;
  /** First and last value of the ordered column. */
  min: OrderedValue;
  max: OrderedValue;
}

const OWNER = 0;
const BATCH_ROWS = 65_536;

function groupsOf(path: string, { groups, boundType, orderedOn }: Opdmd, fields: Fields): OupsRowGroup[] {
  const type = fields[fieldIndex(fields, orderedOn)]?.type ?? 'int64';
  if (!isOrderable(type)) throw oupsCorrupt(path, `it is ordered on "${orderedOn}", which is ${type}`);
  const bound = (value: OrderedValue): OrderedValue => fromBound(value, boundType ?? type, type);
  const all = groups.map(({ fileId, rows, min, max }) => ({
    path: oupsFile(path, fileId),
    rows,
    min: bound(min),
    max: bound(max),
  }));
  const disorder = all.findIndex(({ min }, i) => i > 0 && compareOrdered(all[i - 1]?.max ?? min, min) > 0);
  if (disorder < 0) return all;
  throw oupsCorrupt(path, `row group ${disorder} begins before the end of the one before`);
}

/** A dataset of a store of OUPS, as its list of row groups was when it was opened. Later writes there may remove its files. */
export class OupsDataset {
  readonly key: DatasetKey;
  /** Absolute path of its folder. */
  readonly path: string;
  readonly fields: Fields;
  readonly orderedOn: string;
  /** In order. */
  readonly rowGroups: readonly OupsRowGroup[];
  /** Values that are plain: texts, numbers (Python's int as a bigint), lists and dicts of them. */
  readonly metadata: Readonly<Record<string, PlainValue>>;
  /** Metadata that is objects of Python, which are not read: their types by name. */
  readonly objects: Readonly<Record<string, string>>;

  constructor(key: DatasetKey, path: string, fields: Fields, list: Opdmd) {
    this.key = key;
    this.path = path;
    this.fields = fields;
    this.orderedOn = list.orderedOn;
    this.rowGroups = list.groups.length === 0 ? [] : groupsOf(path, list, fields);
    const { plain, objects } = splitMetadata(list.metadata);
    this.metadata = plain;
    this.objects = objects;
  }

  get rows(): number {
    return this.rowGroups.reduce((sum, { rows }) => sum + rows, 0);
  }

  /**
   * Rows in order, as batches of their own memory. Files outside the range are not opened.
   *
   * Memory: one file's encoded columns, and two batches.
   * @throws ERR_COLUMN_UNKNOWN, ERR_VALUE, ERR_EXPRESSION, ERR_TYPE_UNSUPPORTED, ERR_SCHEMA (a file with other columns), ERR_STORE_CORRUPT, ERR_FILE_NOT_FOUND, ERR_FILE_FORMAT, ERR_IO
   */
  async *read(options: DatasetReadOptions = {}): AsyncGenerator<RecordBatch, void, undefined> {
    yield* arrowCopies(this.batches(createArena(), options));
  }

  /** As `read`, in an arena. The batches are the caller's. */
  async *batches(arena: Arena, options: DatasetReadOptions = {}): AsyncGenerator<Batch, void, undefined> {
    const { readRows } = await import('../read/read-rows.ts');
    const columns = options.columns ?? this.fields.map((field) => field.name);
    for (const name of columns) fieldIndex(this.fields, name);
    const range = this.#range(options);
    for (const group of this.rowGroups.filter((each) => overlaps(each, range))) {
      await this.#check(group);
      yield* readRows({
        arena,
        owner: OWNER,
        fields: this.fields,
        orderedOn: this.orderedOn,
        files: [{ path: group.path }],
        foreign: [],
        columns,
        range,
        where: options.where?.node,
        batchRows: options.batchRows ?? BATCH_ROWS,
      });
    }
  }

  #range({ from, to }: DatasetReadOptions): ValueRange {
    const type = this.fields.find((field) => field.name === this.orderedOn)?.type ?? 'int64';
    return { from: exactBound(from, type, 'from'), to: exactBound(to, type, 'to') };
  }

  /** A file that was exchanged since would be read as something else. */
  async #check({ path, rows }: OupsRowGroup): Promise<void> {
    const info = await readParquetInfo(path);
    if (info.rows !== rows) throw oupsCorrupt(path, `it has ${info.rows} rows, the list of row groups says ${rows}`);
    const found = withZones(info.fields, info.metadata['pandas']);
    for (const { name, type } of this.fields) {
      const other = found.find((field) => field.name === name)?.type;
      if (other === type) continue;
      throw new PipelineError(
        'ERR_SCHEMA',
        `${path}: column "${name}" is ${other ?? 'missing'}, the dataset has ${type}`,
        {
          file: path,
          column: name,
          expected: type,
          value: other ?? 'missing',
          hint: 'write the dataset again in Python, with one type for the column',
        },
      );
    }
  }

  /** For people. */
  toString(): string {
    return `${showKey(this.key)}, of OUPS`;
  }
}

/** A store of OUPS, for reading. Made by `openOupsStore`. */
export class OupsStore {
  /** Absolute path of the folder. */
  readonly root: string;
  readonly #layout: KeyLayout;

  constructor(root: string, layout: KeyLayout) {
    this.root = root;
    this.#layout = layout;
  }

  /**
   * Keys of all datasets, in the order of their paths. Those that are not keys of the given fields are left out, as OUPS does.
   * @param match only those with these values
   */
  async datasets(match: DatasetKey = {}): Promise<DatasetKey[]> {
    const keys = (await datasetPaths(this.root)).map((path) => this.#layout.toKey(path));
    const wanted = Object.entries(match);
    return keys
      .filter((key) => key !== undefined)
      .filter((key) => wanted.every(([field, value]) => key[field] === value));
  }

  /** Path of a dataset's folder inside the store. @throws ERR_KEY */
  pathOf(key: DatasetKey): string {
    return this.#layout.toPath(key);
  }

  /**
   * Opens a dataset.
   * @throws ERR_KEY, ERR_STORE_NOT_FOUND (with the nearest key), ERR_STORE_CONFLICT (a process of Python has it open), ERR_STORE_CORRUPT, ERR_FILE_NOT_FOUND, ERR_FILE_FORMAT, ERR_IO
   */
  async dataset(key: DatasetKey): Promise<OupsDataset> {
    const path = join(this.root, ...this.pathOf(key).split('/'));
    if ((await modified(`${path}${OPDMD_SUFFIX}`)) === undefined) {
      const known = (await this.datasets()).map(showKey);
      throw new PipelineError('ERR_STORE_NOT_FOUND', `${this.root} has no dataset ${showKey(key)}`, {
        file: path,
        hint: nameHint(showKey(key), known),
      });
    }
    await checkLock(path);
    const list = await readOpdmd(`${path}${OPDMD_SUFFIX}`);
    const first = list.groups[0];
    if (first === undefined) return new OupsDataset({ ...key }, path, [], list);
    const info = await readParquetInfo(oupsFile(path, first.fileId));
    return new OupsDataset({ ...key }, path, withZones(info.fields, info.metadata['pandas']), list);
  }
}

/** Milliseconds of a file's last change; undefined when there is none. */
async function modified(path: string): Promise<number | undefined> {
  try {
    return (await stat(path)).mtimeMs;
  } catch (error) {
    if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR'))
      return undefined;
    throw await fileError(path, error);
  }
}

/** OUPS holds a lock as long as a dataset is open; the time of the file is when it runs out. */
async function checkLock(path: string): Promise<void> {
  const lock = `${path}.lock`;
  const until = await modified(lock);
  if (until === undefined || until <= Date.now()) return;
  throw new PipelineError('ERR_STORE_CONFLICT', `${path} is open in a process of Python`, {
    file: lock,
    hint: `close the dataset there, or wait until ${new Date(until).toISOString()}, when its lock runs out`,
  });
}

/** Paths of all datasets below a folder, with `/` between the levels, in order. */
async function datasetPaths(root: string): Promise<string[]> {
  const found: string[] = [];
  const walk = async (levels: readonly string[]): Promise<void> => {
    const folder = join(root, ...levels);
    let entries: { name: string; isFolder: boolean }[];
    try {
      const read = await readdir(folder, { withFileTypes: true });
      entries = read.map((entry) => ({ name: entry.name, isFolder: entry.isDirectory() }));
    } catch (error) {
      throw await fileError(folder, error);
    }
    for (const { name, isFolder } of entries) {
      if (!isFolder && name.endsWith(OPDMD_SUFFIX) && name !== OPDMD_SUFFIX)
        found.push([...levels, name.slice(0, -OPDMD_SUFFIX.length)].join('/'));
      if (isFolder && !name.startsWith('.')) await walk([...levels, name]);
    }
  };
  await walk([]);
  return found.sort();
}

/** See `openOupsStore` in `deferred.ts`. */
export async function openOupsStore(path: string, options: OpenOupsOptions = {}): Promise<OupsStore> {
  if (typeof path !== 'string' || path === '')
    throw new PipelineError('ERR_OPTIONS', `openOupsStore: the path is ${JSON.stringify(path)}`, {
      hint: "write await openOupsStore('./store')",
    });
  const root = resolve(path);
  const paths = await datasetPaths(root);
  const names = paths.length > 0 ? [] : await readdir(root);
  const isOurs = names.some((name) => name === LOG_FOLDER || /^_keys\.json$|^[A-Za-z][\w-]*=/.test(name));
  if (paths.length === 0 && names.length > 0)
    throw new PipelineError('ERR_STORE_UNSUPPORTED', `${root} holds no dataset of OUPS`, {
      file: root,
      hint: isOurs ? 'it is a store of ours: openStore reads it' : 'name the folder that OUPS calls basepath',
    });
  return new OupsStore(root, oupsKeys(options.keys));
}
