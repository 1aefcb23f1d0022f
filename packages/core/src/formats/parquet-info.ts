/**
 * What a Parquet file says of itself, read from its footer alone. It runs on the main thread while a pipeline is being
 * planned, so it costs two small reads and no decoder: the library that decodes pages takes 28 MiB and 30 ms to load.
 */
import { closeSync, fstatSync, openSync, readSync, type Stats } from 'node:fs';
import { open } from 'node:fs/promises';

import { PipelineError } from '../errors.ts';
import type { Fields } from '../schema/types.ts';
import { readArrowHints } from './arrow-schema-hint.ts';
import { fileError } from './file-error.ts';
import { type ParquetColumns, type ParquetLeaf, readParquetColumns } from './parquet-schema.ts';
import {
  decodeThriftStruct,
  numberField,
  numberListField,
  structField,
  structListField,
  ThriftError,
  type ThriftStruct,
  textField,
} from './thrift-compact.ts';

/** A run of bytes of the file that holds one leaf of one row group. */
export interface ParquetChunk {
  /** Top-level column. A list has one chunk too; only unsupported groups have more. */
  column: string;
  offset: number;
  /** Bytes on disk. */
  bytes: number;
  /** Bytes after decompression, still encoded. */
  uncompressedBytes: number;
  /** Numbers of the codec and of the encodings of its pages. */
  codec: number;
  encodings: number[];
}

/** One row group: a unit that is read and decoded independently. */
export interface ParquetRowGroup {
  index: number;
  rows: number;
  /** Number in the file of its first row. */
  firstRow: number;
  /** Bytes on disk. */
  bytes: number;
  uncompressedBytes: number;
  chunks: ParquetChunk[];
}

/** What a Parquet file holds. Plain data. */
export interface ParquetInfo {
  path: string;
  fileBytes: number;
  rows: number;
  /** Columns that can be read, in the order of the file. */
  fields: Fields;
  /** Columns that cannot, with the reason as half a sentence. */
  unsupported: { name: string; reason: string }[];
  rowGroups: ParquetRowGroup[];
  /** In the order of a row group's chunks. */
  leaves: ParquetLeaf[];
  createdBy: string | undefined;
  /** The footer's key-value pairs, without the embedded Arrow schema. */
  metadata: Record<string, string>;
}

const MAGIC = 0x31524150; // 'PAR1'
const MAGIC_ENCRYPTED = 0x45524150; // 'PARE'
/** Most footers fit into the first read. */
const TAIL_BYTES = 16 * 1024;

function truncated(path: string, what: string): PipelineError {
  return new PipelineError('ERR_FILE_TRUNCATED', `${path} is cut off: ${what}`, {
    file: path,
    hint: 'the writer may not have finished: write or copy the file again',
  });
}

function notParquet(
  path: string,
  what: string,
  hint = 'check that the file is Parquet, or use the reader for its format',
): PipelineError {
  return new PipelineError('ERR_FILE_FORMAT', `${path} is not a readable Parquet file: ${what}`, { file: path, hint });
}

function corrupt(path: string, what: string): PipelineError {
  return notParquet(path, what, 'the file is damaged: restore it, or write it again');
}

/** Bytes of the footer and where they start. */
interface Footer {
  footer: Uint8Array;
  footerStart: number;
  fileBytes: number;
}

/** Bytes of a file that are wanted next. */
interface Wanted {
  from: number;
  bytes: number;
}

/** What finding a footer reads of a file, step by step, whoever reads it. */
function* findFooter(path: string, stat: Stats): Generator<Wanted, Footer, Uint8Array> {
  if (!stat.isFile())
    throw notParquet(path, 'it is not a regular file', 'name files, or a pattern such as folder/*.parquet');
  const fileBytes = stat.size;
  if (fileBytes === 0) throw notParquet(path, 'it is empty');
  const head = yield { from: 0, bytes: 4 };
  const startsRight = new DataView(head.buffer, head.byteOffset, 4).getUint32(0, true) === MAGIC;
  const tailStart = Math.max(0, fileBytes - TAIL_BYTES);
  const tail = yield { from: tailStart, bytes: fileBytes - tailStart };
  const footerLength = footerLengthOf(path, tail, fileBytes, startsRight);
  const footerStart = fileBytes - 8 - footerLength;
  const from = footerStart - tailStart;
  if (from >= 0) return { footer: tail.subarray(from, from + footerLength), footerStart, fileBytes };
  return { footer: yield { from: footerStart, bytes: footerLength }, footerStart, fileBytes };
}

async function readFooter(path: string): Promise<Footer> {
  const file = await open(path, 'r');
  try {
    const finding = findFooter(path, await file.stat());
    let step = finding.next();
    while (step.done !== true) {
      const bytes = new Uint8Array(step.value.bytes);
      await file.read(bytes, 0, bytes.length, step.value.from);
      step = finding.next(bytes);
    }
    return step.value;
  } finally {
    await file.close();
  }
}

function readFooterNow(path: string): Footer {
  const fd = openSync(path, 'r');
  try {
    const finding = findFooter(path, fstatSync(fd));
    let step = finding.next();
    while (step.done !== true) {
      const bytes = new Uint8Array(step.value.bytes);
      readSync(fd, bytes, 0, bytes.length, step.value.from);
      step = finding.next(bytes);
    }
    return step.value;
  } finally {
    closeSync(fd);
  }
}

function footerLengthOf(path: string, tail: Uint8Array, fileBytes: number, startsRight: boolean): number {
  if (fileBytes < 12) {
    throw startsRight
      ? truncated(path, `${fileBytes} bytes hold no footer`)
      : notParquet(path, `it has only ${fileBytes} bytes`);
  }
  const end = new DataView(tail.buffer, tail.byteOffset + tail.length - 8, 8);
  const magic = end.getUint32(4, true);
  if (magic === MAGIC_ENCRYPTED)
    throw notParquet(path, 'its footer is encrypted', 'decrypt the file first: encryption is not supported');
  if (magic !== MAGIC) {
    throw startsRight
      ? truncated(path, 'it begins as Parquet but has no footer at its end')
      : notParquet(path, 'it lacks the marks at its start and end');
  }
  const footerLength = end.getUint32(0, true);
  if (footerLength > fileBytes - 12) throw corrupt(path, `its footer claims ${footerLength} bytes of ${fileBytes}`);
  return footerLength;
}

function chunkOf(path: string, chunk: ThriftStruct, column: string, footerStart: number): ParquetChunk {
  if (textField(chunk, 1) !== undefined)
    throw notParquet(path, 'its columns lie in other files', 'read those files themselves');
  const meta = structField(chunk, 3);
  if (meta === undefined)
    throw notParquet(
      path,
      `column "${column}" is encrypted or not described`,
      'decrypt the file first: encryption is not supported',
    );
  const dictionary = numberField(meta, 11) ?? 0;
  const data = numberField(meta, 9) ?? 0;
  const offset = dictionary > 0 && dictionary < data ? dictionary : data;
  const bytes = numberField(meta, 7) ?? 0;
  if (offset < 0 || bytes < 0) throw corrupt(path, `column "${column}" lies at ${offset} with ${bytes} bytes`);
  if (offset + bytes > footerStart)
    throw truncated(path, `column "${column}" should reach to byte ${offset + bytes}, the data ends at ${footerStart}`);
  return {
    column,
    offset,
    bytes,
    uncompressedBytes: Math.max(0, numberField(meta, 6) ?? 0),
    codec: numberField(meta, 4) ?? -1,
    encodings: numberListField(meta, 2),
  };
}

function rowGroupsOf(
  path: string,
  root: ThriftStruct,
  columns: ParquetColumns,
  footerStart: number,
): ParquetRowGroup[] {
  let firstRow = 0;
  return structListField(root, 4).map((group, index) => {
    const rows = numberField(group, 3) ?? -1;
    if (rows < 0) throw corrupt(path, `row group ${index} has ${rows} rows`);
    const described = structListField(group, 1);
    if (described.length !== columns.leaves.length) {
      throw corrupt(
        path,
        `row group ${index} has ${described.length} columns, the schema has ${columns.leaves.length}`,
      );
    }
    const chunks = described.map((chunk, i) => chunkOf(path, chunk, columns.leaves[i]?.column ?? '', footerStart));
    const sum = (size: (chunk: ParquetChunk) => number): number =>
      chunks.reduce((total, chunk) => total + size(chunk), 0);
    const rowGroup = {
      index,
      rows,
      firstRow,
      bytes: sum((c) => c.bytes),
      uncompressedBytes: sum((c) => c.uncompressedBytes),
      chunks,
    };
    firstRow += rows;
    return rowGroup;
  });
}

function infoOf(path: string, footer: Uint8Array, footerStart: number, fileBytes: number): ParquetInfo {
  const root = decodeThriftStruct(footer);
  if (root.has(8))
    throw notParquet(path, 'its columns are encrypted', 'decrypt the file first: encryption is not supported');
  const pairs = structListField(root, 5).map((pair): [string, string] => [
    textField(pair, 1) ?? '',
    textField(pair, 2) ?? '',
  ]);
  const metadata = Object.fromEntries(pairs.filter(([key]) => key !== 'ARROW:schema'));
  const columns = readParquetColumns(root, readArrowHints(pairs.find(([key]) => key === 'ARROW:schema')?.[1]));
  const rowGroups = rowGroupsOf(path, root, columns, footerStart);
  const rows = numberField(root, 3) ?? 0;
  const counted = rowGroups.reduce((sum, group) => sum + group.rows, 0);
  if (rows !== counted) throw corrupt(path, `it claims ${rows} rows, its row groups hold ${counted}`);
  const { fields, unsupported, leaves } = columns;
  return { path, fileBytes, rows, fields, unsupported, rowGroups, leaves, createdBy: textField(root, 6), metadata };
}

/**
 * Reads a Parquet file's footer: columns with their canonical types, rows, row groups. Holds nothing afterwards.
 *
 * @throws ERR_FILE_NOT_FOUND (with the nearest name in the folder), ERR_FILE_FORMAT (not Parquet, encrypted, damaged),
 * ERR_FILE_TRUNCATED, ERR_IO.
 */
export async function readParquetInfo(path: string): Promise<ParquetInfo> {
  return infoFrom(path, () => readFooter(path));
}

/** The same for threads that read files anyway, and have nothing else to do meanwhile: some forty microseconds instead of several switches of threads. */
export async function readParquetInfoNow(path: string): Promise<ParquetInfo> {
  return infoFrom(path, () => readFooterNow(path));
}

async function infoFrom(path: string, read: () => Footer | Promise<Footer>): Promise<ParquetInfo> {
  let found: Footer;
  try {
    found = await read();
  } catch (error) {
    throw error instanceof PipelineError ? error : await fileError(path, error);
  }
  try {
    return infoOf(path, found.footer, found.footerStart, found.fileBytes);
  } catch (error) {
    if (error instanceof ThriftError || error instanceof RangeError)
      throw corrupt(path, `its footer is damaged (${error.message})`);
    throw error;
  }
}

/**
 * The footer's key-value pairs with their values as bytes: some writers put there what is no text.
 * @throws as `readParquetInfo`
 */
export async function readParquetPairs(path: string): Promise<[name: string, value: Uint8Array][]> {
  try {
    const { footer } = await readFooter(path);
    return structListField(decodeThriftStruct(footer), 5).map((pair) => {
      const value = pair.get(2);
      return [textField(pair, 1) ?? '', value instanceof Uint8Array ? value : new Uint8Array()];
    });
  } catch (error) {
    if (error instanceof ThriftError || error instanceof RangeError)
      throw corrupt(path, `its footer is damaged (${error.message})`);
    throw error instanceof PipelineError ? error : await fileError(path, error);
  }
}
