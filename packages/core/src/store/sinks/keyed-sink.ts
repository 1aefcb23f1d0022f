/**
 * A sink of files in folders by key: `symbol=AAPL/part-00000.parquet`, as readers of partitioned data sets know them. The rows of each key keep
 * their order, and go through a sink of several files of their own, in a folder of that one's staging folder.
 *
 * Memory: the rows of one key of a batch; what the open files hold, of which there are only so many: for another one the file that was
 * written the longest ago is ended, and its key goes on in the next.
 */
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Batch, Column } from '../../batch/contract.ts';
import { columnReader } from '../../batch/read-values.ts';
import { PipelineError } from '../../errors.ts';
import { textFormatter } from '../../expressions/cast-text.ts';
import { canEncodeNatively } from '../../formats/parquet-encode/encodable.ts';
import { LIBRARY_WRITERS } from '../../formats/parquet-encode/encoder-sizes.ts';
import { instantiateKernels } from '../../kernels/compiled-kernels.ts';
import { gatherBatch } from '../../kernels/gather.ts';
import type { VectorKernels } from '../../kernels/vector-contract.ts';
import type { FileKeys, SinkSpec } from '../../plan/logical.ts';
import { fieldIndex } from '../../schema/fields.ts';
import { parseType } from '../../schema/parse-type.ts';
import type { Fields, TypeText } from '../../schema/types.ts';
import { rowIds } from '../merge/row-ids.ts';
import type { FileMark, FileSink, FileSinkOptions, StagedSink } from './contract.ts';
import { cutBackParts, PartsSink } from './parts-sink.ts';

type KeyedSpec = Extract<SinkSpec, { type: 'file' }> & { keys: FileKeys };

/** What stands for null in the names of folders, as others have it. */
const NULL_NAME = '__HIVE_DEFAULT_PARTITION__';
const NAME_BYTES = 255;
/** Folders of one run: more are not meant. */
const MOST_KEYS = 10_000;
/** One file a key, where it is not closed before. */
const WHOLE = { kind: 'rows', rows: Number.MAX_SAFE_INTEGER } as const;

/** Refuses columns that give no names. @throws ERR_COLUMN_UNKNOWN, ERR_TYPE_UNSUPPORTED */
export function checkKeys({ columns }: FileKeys, fields: Fields): void {
  for (const name of columns) {
    const { type } = fields[fieldIndex(fields, name)] as Fields[number];
    const { domain, physical } = parseType(type);
    if (physical !== 'list' && domain !== 'float' && domain !== 'opaque') continue;
    throw new PipelineError('ERR_TYPE_UNSUPPORTED', `folders cannot be named by "${name}", which is ${type}`, {
      column: name,
      expected: 'texts, integers, booleans, dates or times',
      hint: 'name another column in partitionBy, or cast this one to a text first',
    });
  }
}

/** A text as a part of a folder's name: what has a meaning in paths or patterns stands as % and two hexadecimal digits for each byte. */
function escaped(text: string): string {
  return text.replaceAll(/["#%'*/:=?\\{}[\]^<>|]|\p{Cc}/gu, (letter) =>
    [...Buffer.from(letter)].map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`).join(''),
  );
}

function valueText(type: TypeText): (value: unknown) => string {
  const { domain } = parseType(type);
  return domain === 'temporal' ? (textFormatter(type) as (value: unknown) => string) : String;
}

export class KeyedSink implements FileSink {
  rows = 0;
  readonly #options: FileSinkOptions;
  readonly #spec: KeyedSpec;
  readonly #kernels: VectorKernels;
  /** By folder. */
  readonly #sinks = new Map<string, PartsSink>();
  /** Those with an open file, the one that was written the longest ago first. */
  readonly #open = new Map<string, PartsSink>();
  readonly #mostOpen: number;
  #marks = 0;

  private constructor(options: FileSinkOptions, spec: KeyedSpec) {
    const { memoryLimitBytes, fields } = options;
    const { format, keys } = spec;
    const isLibrary = format.kind === 'parquet' && !canEncodeNatively(fields, format.compression);
    this.#mostOpen = isLibrary ? Math.min(keys.mostOpen, LIBRARY_WRITERS) : keys.mostOpen;
    const share = memoryLimitBytes && { memoryLimitBytes: Math.ceil(memoryLimitBytes / this.#mostOpen) };
    this.#options = { ...options, ...share, openFiles: this.#mostOpen };
    this.#spec = spec;
    this.#kernels = instantiateKernels(options.arena);
  }

  /** @throws ERR_IO */
  static async open(options: FileSinkOptions, spec: KeyedSpec, from: FileMark | undefined): Promise<KeyedSink> {
    const sink = new KeyedSink(options, spec);
    sink.rows = from?.rows ?? 0;
    sink.#marks = from?.number ?? 0;
    for (const { folder, mark } of from?.keys ?? []) await sink.#begin(folder, mark);
    return sink;
  }

  async push(batch: Batch): Promise<void> {
    try {
      await this.#pushGroups(batch);
      this.rows += batch.rows;
    } finally {
      batch.release();
    }
  }

  async #pushGroups(batch: Batch): Promise<void> {
    const { arena, owner = 0 } = this.#options;
    const columns = this.#spec.keys.columns.map((name) => batch.column(name));
    const { ids, count } = rowIds({ arena, kernels: this.#kernels, owner }, columns, batch.rows);
    try {
      const folderOf = folderNames(this.#options, this.#spec.keys, columns);
      const order = arena.alloc(Math.max(8, batch.rows * 4), owner);
      try {
        const starts = groupRows(arena.buffer, ids, count, batch.rows, order);
        const rows = new Uint32Array(arena.buffer, order, batch.rows);
        for (let id = 0; id < count; id += 1) {
          const [from, to] = [starts[id] as number, starts[id + 1] as number];
          if (to > from) await this.#write(folderOf(rows[from] as number), batch, order + from * 4, to - from);
        }
      } finally {
        arena.release(order);
      }
    } finally {
      arena.release(ids);
    }
  }

  /** Rows of one key. */
  async #write(folder: string, batch: Batch, indices: number, rows: number): Promise<void> {
    const { arena, owner = 0, fields } = this.#options;
    const sink = this.#sinks.get(folder) ?? (await this.#begin(folder, undefined));
    await this.#makeRoom(folder);
    const isAll = rows === batch.rows;
    await sink.push(
      isAll ? batch.retain() : gatherBatch({ arena, kernels: this.#kernels, owner }, batch, fields, indices, rows),
    );
    this.#open.delete(folder);
    if (sink.isOpen) this.#open.set(folder, sink);
  }

  async #makeRoom(folder: string): Promise<void> {
    if (this.#open.has(folder)) return;
    for (const [other, sink] of this.#open) {
      if (this.#open.size < this.#mostOpen) return;
      await sink.endFile();
      this.#open.delete(other);
    }
  }

  async #begin(folder: string, from: FileMark | undefined): Promise<PartsSink> {
    if (this.#sinks.size >= MOST_KEYS) throw tooMany(this.#spec);
    const { path, format, parts = WHOLE } = this.#spec;
    const options = { ...this.#options, staging: join(this.#options.staging, folder) };
    const sink = await PartsSink.open(options, { type: 'file', path, format, parts }, from);
    this.#sinks.set(folder, sink);
    if (sink.isOpen) this.#open.set(folder, sink);
    return sink;
  }

  async mark(): Promise<FileMark> {
    this.#marks += 1;
    const keys: NonNullable<FileMark['keys']> = [];
    for (const [folder, sink] of this.#sinks) keys.push({ folder, mark: await sink.mark() });
    const bytes = keys.reduce((sum, { mark }) => sum + mark.bytes, 0);
    return { type: 'file', number: this.#marks, rows: this.rows, bytes, places: [], keys };
  }

  async end(): Promise<StagedSink> {
    const { spec, fields, staging } = this.#options;
    let bytes = 0;
    for (const sink of this.#sinks.values()) bytes += (await sink.end()).bytes;
    return { spec, fields, rows: this.rows, bytes, files: [], staging };
  }

  async abort(): Promise<void> {
    for (const sink of this.#open.values()) await sink.abort();
  }
}

function tooMany({ keys, path }: KeyedSpec): PipelineError {
  return new PipelineError('ERR_OPTIONS', `${path}: more than ${MOST_KEYS} values of ${keys.columns.join(', ')}`, {
    hint: 'partition by a column with fewer values, or write parts of so many rows or bytes',
  });
}

/** The folder of the key of a row, with `/` between the levels. */
function folderNames(
  { arena, fields }: FileSinkOptions,
  { columns: names }: FileKeys,
  columns: readonly Column[],
): (row: number) => string {
  const levels = columns.map((column, index) => {
    const name = names[index] as string;
    const { type } = fields[fieldIndex(fields, name)] as Fields[number];
    const [read, text] = [columnReader(arena, column), valueText(type)];
    return (row: number): string => {
      const value = read(row);
      const folder = `${escaped(name)}=${value === null ? NULL_NAME : escaped(text(value))}`;
      if (Buffer.byteLength(folder) <= NAME_BYTES) return folder;
      throw new PipelineError('ERR_VALUE', `"${name}" has a value that is too long for the name of a folder`, {
        column: name,
        value: folder.slice(0, 60),
        hint: `a folder has at most ${NAME_BYTES} bytes: partition by a column of shorter values`,
      });
    };
  });
  return (row) => levels.map((level) => level(row)).join('/');
}

/** Puts the numbers of rows in the order of their ids, stable, at `order`. Returns where each id begins. */
function groupRows(buffer: ArrayBufferLike, ids: number, count: number, rows: number, order: number): Uint32Array {
  const idOf = new Uint32Array(buffer, ids, rows);
  const starts = new Uint32Array(count + 1);
  for (let row = 0; row < rows; row += 1)
    starts[(idOf[row] as number) + 1] = (starts[(idOf[row] as number) + 1] as number) + 1;
  for (let id = 0; id < count; id += 1) starts[id + 1] = (starts[id + 1] as number) + (starts[id] as number);
  const next = starts.slice(0, count);
  const sorted = new Uint32Array(buffer, order, rows);
  for (let row = 0; row < rows; row += 1) {
    const id = idOf[row] as number;
    sorted[next[id] as number] = row;
    next[id] = (next[id] as number) + 1;
  }
  return starts;
}

/** Removes the files that a mark does not know, folder by folder. */
export async function cutBackKeys(staging: string, { keys = [] }: FileMark): Promise<void> {
  const known = new Map(keys.map(({ folder, mark }) => [folder, mark]));
  const found = await readdir(staging, { recursive: true, withFileTypes: true }).catch(() => []); // nothing there yet
  const folders = new Set(found.filter((entry) => entry.isFile()).map(({ parentPath }) => parentPath));
  for (const path of folders) {
    const mark = known.get(
      path
        .slice(staging.length + 1)
        .split('\\')
        .join('/'),
    );
    if (mark === undefined) await rm(path, { recursive: true, force: true });
    else await cutBackParts(path, mark);
  }
}
