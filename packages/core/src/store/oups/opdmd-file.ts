/**
 * The file `NAME_opdmd` beside a dataset of OUPS: which row groups it has, and its metadata. A small Parquet file, uncompressed,
 * one row for each row group; the metadata is a pickled dict in its footer, among it the name of the ordered column.
 */
import { join } from 'node:path';
import { batchToRows } from '../../batch/read-values.ts';
import { PipelineError } from '../../errors.ts';
import { DurableFile } from '../../formats/durable-file.ts';
import type { OrderedValue } from '../../formats/ordered-value.ts';
import { readParquetInfo, readParquetPairs } from '../../formats/parquet-info.ts';
import { createArena } from '../../memory/process-arena.ts';
import { parseType } from '../../schema/parse-type.ts';
import type { TypeText } from '../../schema/types.ts';
import { fileBatches } from '../files/file-batches.ts';
import { pandasMetadata } from './oups-types.ts';
import { PickleError, type PlainValue, type PythonObject } from './pickle.ts';
import { readPickledDict } from './read-pickle.ts';
import { type ThriftField, type ThriftFields, thriftStruct } from './thrift-writer.ts';
import { writePickledDict } from './write-pickle.ts';

/** What a dataset's own name ends in for its file. */
export const OPDMD_SUFFIX = '_opdmd';
/** Row groups that the file's 16 bits can number. */
export const MOST_FILES = 65_536;

/** One row group of a dataset of OUPS, which is one file. */
export interface OpdmdGroup {
  fileId: number;
  rows: number;
  min: OrderedValue;
  max: OrderedValue;
}

export interface Opdmd {
  groups: OpdmdGroup[];
  /** Type of the bounds in the file; undefined without row groups. */
  boundType: TypeText | undefined;
  orderedOn: string;
  metadata: Map<string, PlainValue | PythonObject>;
}

/** Path of one row group's file. */
export function oupsFile(folder: string, fileId: number): string {
  return join(folder, `file_${String(fileId).padStart(5, '0')}.parquet`);
}

const METADATA_KEY = 'oups';
const ORDERED_ON = 'ordered_on';
const COLUMNS = ['file_ids', 'n_rows', 'ordered_on_mins', 'ordered_on_maxs'] as const;

export function oupsCorrupt(file: string, what: string, cause?: unknown): PipelineError {
  return new PipelineError('ERR_STORE_CORRUPT', `${file}: ${what}`, {
    file,
    cause,
    hint: 'restore it from a copy, or write the dataset again with OUPS',
  });
}

async function readDict(path: string): Promise<Map<string, PlainValue | PythonObject>> {
  const pickle = (await readParquetPairs(path)).find(([name]) => name === METADATA_KEY)?.[1];
  if (pickle === undefined) throw oupsCorrupt(path, 'it has no metadata of OUPS');
  try {
    return readPickledDict(pickle);
  } catch (error) {
    if (!(error instanceof PickleError)) throw error;
    throw oupsCorrupt(path, `its metadata cannot be read: ${error.message}`, error);
  }
}

/**
 * Reads the file of one dataset.
 * @throws ERR_FILE_NOT_FOUND, ERR_FILE_FORMAT, ERR_STORE_CORRUPT, ERR_IO
 */
export async function readOpdmd(path: string): Promise<Opdmd> {
  const metadata = await readDict(path);
  const orderedOn = metadata.get(ORDERED_ON);
  if (typeof orderedOn !== 'string') throw oupsCorrupt(path, 'its metadata names no ordered column');
  metadata.delete(ORDERED_ON);
  const info = await readParquetInfo(path);
  const names = info.fields.map((field) => field.name);
  const missing = COLUMNS.find((name) => !names.includes(name));
  if (info.rows === 0) return { groups: [], boundType: undefined, orderedOn, metadata };
  if (missing !== undefined) throw oupsCorrupt(path, `it has no column "${missing}"`);
  const groups: OpdmdGroup[] = [];
  const source = { arena: createArena(), owner: 0, fields: info.fields, columns: COLUMNS, batchRows: MOST_FILES };
  for await (const batch of fileBatches(source, { path })) {
    for (const row of batchToRows(batch)) groups.push(groupOf(path, row));
    batch.release();
  }
  const boundType = info.fields.find((field) => field.name === 'ordered_on_mins')?.type;
  return { groups, boundType, orderedOn, metadata };
}

function groupOf(path: string, row: Record<string, unknown>): OpdmdGroup {
  const [fileId, rows, min, max] = COLUMNS.map((name) => row[name]);
  if (typeof fileId !== 'number' || typeof rows !== 'number' || min === null || max === null)
    throw oupsCorrupt(path, 'a row group is not described');
  return { fileId, rows, min: min as OrderedValue, max: max as OrderedValue };
}

/** How the values of one column are written. */
interface Plain {
  physical: number;
  /** Number of the converted type, and the logical one, where there are. */
  converted?: number;
  logical?: ThriftFields;
  encode(value: OrderedValue): Buffer;
}

const INT32 = 1;
const INT64 = 2;
const DOUBLE = 5;
const BYTE_ARRAY = 6;
const UINT_16 = 12;
const UINT_32 = 13;
const UINT_64 = 14;
const RLE = 3;

function int32(value: OrderedValue): Buffer {
  const out = Buffer.alloc(4);
  out.writeUInt32LE(Number(value));
  return out;
}

function int64(value: OrderedValue): Buffer {
  const out = Buffer.alloc(8);
  out.writeBigUInt64LE(BigInt.asUintN(64, BigInt(value)));
  return out;
}

function double(value: OrderedValue): Buffer {
  const out = Buffer.alloc(8);
  out.writeDoubleLE(Number(value));
  return out;
}

function textBytes(value: OrderedValue): Buffer {
  const utf8 = Buffer.from(String(value));
  return Buffer.concat([int32(utf8.length), utf8]);
}

/** Bounds of a column of this type, as OUPS has written it: its times have nanoseconds. */
function boundColumn(type: TypeText): Plain {
  const { domain, timeZone } = parseType(type);
  if (domain === 'utf8') return { physical: BYTE_ARRAY, converted: 0, encode: textBytes };
  if (domain === 'float') return { physical: DOUBLE, encode: double };
  if (domain !== 'temporal') {
    return { physical: INT64, encode: int64, ...(type === 'uint64' ? { converted: UINT_64 } : {}) };
  }
  const nanoseconds: ThriftFields = [[3, { struct: [] }]];
  const timestamp: ThriftFields = [
    [1, { bool: timeZone !== undefined }],
    [2, { struct: nanoseconds }],
  ];
  return { physical: INT64, encode: int64, logical: [[8, { struct: timestamp }]] };
}

/** One page of values that are all there, with its header. */
function page({ encode }: Plain, values: readonly OrderedValue[]): Buffer {
  const run: number[] = [];
  for (let rest = values.length * 2; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) {
      run.push(rest, 1);
      break;
    }
    run.push((rest % 128) | 0x80);
  }
  const body = Buffer.concat([int32(run.length), Buffer.from(run), ...values.map(encode)]);
  const header = thriftStruct([
    [1, { i32: 0 }],
    [2, { i32: body.length }],
    [3, { i32: body.length }],
    [
      5,
      {
        struct: [
          [1, { i32: values.length }],
          [2, { i32: 0 }],
          [3, { i32: RLE }],
          [4, { i32: RLE }],
        ],
      },
    ],
  ]);
  return Buffer.concat([header, body]);
}

interface Written {
  name: string;
  plain: Plain;
  offset: number;
  bytes: number;
}

function schemaElement({ name, plain }: Pick<Written, 'name' | 'plain'>): ThriftField {
  const fields: [number, ThriftField][] = [
    [1, { i32: plain.physical }],
    [3, { i32: 1 }],
    [4, { binary: name }],
  ];
  if (plain.converted !== undefined) fields.push([6, { i32: plain.converted }]);
  if (plain.logical !== undefined) fields.push([10, { struct: plain.logical }]);
  return { struct: fields };
}

function columnChunk({ name, plain, offset, bytes }: Written, rows: number): ThriftField {
  const meta: ThriftFields = [
    [1, { i32: plain.physical }],
    [2, { list: [{ i32: 0 }, { i32: RLE }] }],
    [3, { list: [{ binary: name }] }],
    [4, { i32: 0 }],
    [5, { i64: rows }],
    [6, { i64: bytes }],
    [7, { i64: bytes }],
    [9, { i64: offset }],
    // Without a count of nulls, pandas would take integers for ones that may be missing, which OUPS does not.
    [12, { struct: [[3, { i64: 0 }]] }],
  ];
  return {
    struct: [
      [2, { i64: offset }],
      [3, { struct: meta }],
    ],
  };
}

function footer(columns: readonly Written[], rows: number, pairs: readonly (readonly [string, Uint8Array])[]): Buffer {
  const root: ThriftField = {
    struct: [
      [4, { binary: 'schema' }],
      [5, { i32: columns.length }],
    ],
  };
  const bytes = columns.reduce((sum, column) => sum + column.bytes, 0);
  const group: ThriftField = {
    struct: [
      [1, { list: columns.map((column) => columnChunk(column, rows)) }],
      [2, { i64: bytes }],
      [3, { i64: rows }],
    ],
  };
  const pair = ([name, value]: readonly [string, Uint8Array]): ThriftField => ({
    struct: [
      [1, { binary: name }],
      [2, { binary: value }],
    ],
  });
  const encoded = thriftStruct([
    [1, { i32: 1 }],
    [2, { list: [root, ...columns.map(schemaElement)] }],
    [3, { i64: rows }],
    [4, { list: rows === 0 ? [] : [group] }],
    [5, { list: pairs.map(pair) }],
    [6, { binary: 'spillway version 0.1.0' }],
  ]);
  return Buffer.concat([Buffer.from(encoded), int32(encoded.length), Buffer.from('PAR1')]);
}

/** What `writeOpdmd` writes. */
export interface OpdmdContent {
  groups: readonly OpdmdGroup[];
  /** Of the ordered column, as it was written. */
  orderedType: TypeText;
  orderedOn: string;
  metadata: Readonly<Record<string, PlainValue>>;
}

/** Writes the file of one dataset, whole or not at all: with it, OUPS finds the dataset. @throws ERR_IO */
export async function writeOpdmd(path: string, content: OpdmdContent): Promise<void> {
  const { groups, orderedType, orderedOn, metadata } = content;
  const bound = boundColumn(orderedType);
  const given: [string, Plain, OrderedValue[]][] = [
    ['file_ids', { physical: INT32, converted: UINT_16, encode: int32 }, groups.map(({ fileId }) => fileId)],
    ['n_rows', { physical: INT32, converted: UINT_32, encode: int32 }, groups.map(({ rows }) => rows)],
    ['ordered_on_mins', bound, groups.map(({ min }) => min)],
    ['ordered_on_maxs', bound, groups.map(({ max }) => max)],
  ];
  const parts: Buffer[] = [Buffer.from('PAR1')];
  let offset = 4;
  const columns = given.map(([name, plain, values]): Written => {
    const encoded = groups.length === 0 ? Buffer.alloc(0) : page(plain, values);
    parts.push(encoded);
    const column = { name, plain, offset, bytes: encoded.length };
    offset += encoded.length;
    return column;
  });
  const pairs: [string, Uint8Array][] = [[METADATA_KEY, writePickledDict({ ...metadata, [ORDERED_ON]: orderedOn })]];
  const types: TypeText[] = ['uint16', 'uint32', orderedType, orderedType];
  const pandas = pandasMetadata(COLUMNS.map((name, i) => ({ name, type: types[i] ?? 'int64', nullable: true })));
  if (pandas !== undefined) pairs.push(['pandas', Buffer.from(pandas)]);
  parts.push(footer(columns, groups.length, pairs));
  const file = await DurableFile.create(path);
  try {
    for (const part of parts) await file.write(part);
    await file.seal();
    await file.commit();
  } catch (error) {
    await file.discard();
    throw error;
  }
}
