/** Sinks of files, as the user describes them. */
import { dirname } from 'node:path';
import { PipelineError } from '../errors.ts';
import { type Bytes, parseBytes } from '../schema/sizes.ts';
import { checkTarget } from '../store/files/row-group-target.ts';
import type { FileFormat, FileKeys, FileParts, SinkSpec } from './logical.ts';
import { checkCount, checkKeys, type StepOptions } from './stage-options.ts';

/** Options of every sink of files. */
export interface FileSinkOptions extends StepOptions {
  /**
   * Several files instead of one: another begins after so many `rows` or `bytes` (a file has that many at least: text is
   * counted by the MiB, Parquet by row groups), or with each period of a column of times that rows ascend on: `{ every: '1d', on: 'ts' }`, months as `'1mo'`. What
   * tells them apart, a number from 00000 or the beginning of the period, stands where the path says `{part}`, or before its ending. Without
   * rows there are no files; files of earlier runs with other names stay.
   */
  parts?: { rows: number } | { bytes: Bytes } | { every: string; on: string };
  /**
   * A folder for each value of these columns, beside each other where the path is: `toParquet('out/part.parquet', { partitionBy: ['symbol'] })` writes
   * `out/symbol=AAPL/part-00000.parquet`. Values are escaped with `%`, null is `__HIVE_DEFAULT_PARTITION__`; the columns stay in the files. Rows of a
   * key keep their order. With `parts` each folder has several files.
   */
  partitionBy?: string | readonly string[];
  /**
   * With `partitionBy`: files that are open at once, 256 where left out (a quarter of a MiB each for Parquet; in Zstandard 16). For another the
   * one written the longest ago is ended, and its key goes on in a further file: rows that come key by key need few.
   */
  maxOpenFiles?: number;
  memoryLimit?: Bytes;
}

/** Options of `toParquet`. */
export interface ParquetSinkOptions extends FileSinkOptions {
  compression?: 'none' | 'snappy' | 'zstd';
  /** Rows of a row group. Default 524,288. */
  rowGroupRows?: number;
}

/** Options of `toCsv`. */
export interface CsvSinkOptions extends FileSinkOptions {
  /** Between fields; default a comma, or a tab where the path ends with `.tsv`. */
  delimiter?: string;
  /** Whether the first row names the columns. Default true. */
  header?: boolean;
  /** Default what the path says: gzip where it ends with `.gz`. */
  compression?: 'none' | 'gzip';
}

/** Options of `toNdjson`. */
export interface NdjsonSinkOptions extends FileSinkOptions {
  /** Default what the path says: gzip where it ends with `.gz`. */
  compression?: 'none' | 'gzip';
}

/** Options of `toArrow`. */
export interface ArrowSinkOptions extends FileSinkOptions {
  /** A stream has no footer. Default what the path says: a stream where it ends with `.arrows`. */
  layout?: 'file' | 'stream';
}

const ROW_GROUP_ROWS = 524_288;
/** Options of every sink of files. */
const PLACES = ['parts', 'partitionBy', 'maxOpenFiles', 'memoryLimit'] as const;
const OPEN_FILES = 256;
const MOST_OPEN_FILES = 512;

function refuse(problem: string, hint: string): PipelineError {
  return new PipelineError('ERR_OPTIONS', problem, { hint });
}

/** What a sink writes, without its path and parts. */
interface FileKind {
  step: string;
  format: FileFormat;
  example: string;
}

function fileSink(path: string, options: FileSinkOptions, { step, format, example }: FileKind): SinkSpec {
  const { parts } = options;
  if (typeof path !== 'string' || path === '')
    throw refuse(`${step}: the path is ${JSON.stringify(path)}`, `write ${step}('${example}')`);
  if (dirname(path).includes('{part}'))
    throw refuse(`${step}: {part} stands in the folder of ${path}`, 'put it into the name of the file');
  const keys = keysOf(options, step);
  if (path.includes('{part}') && parts === undefined && keys === undefined)
    throw refuse(`${step}: the path says {part}, and there are no parts`, "add parts: { bytes: '256MiB' }");
  return {
    ...{ type: 'file', path, format },
    ...(parts !== undefined && { parts: partsOf(parts, step) }),
    ...(keys !== undefined && { keys }),
  };
}

function keysOf({ partitionBy, maxOpenFiles }: FileSinkOptions, step: string): FileKeys | undefined {
  if (partitionBy === undefined) {
    if (maxOpenFiles === undefined) return undefined;
    throw refuse(`${step}: maxOpenFiles is given without partitionBy`, "add partitionBy: ['symbol'], or leave it out");
  }
  const columns = typeof partitionBy === 'string' ? [partitionBy] : [...partitionBy];
  if (columns.length === 0 || columns.some((name) => typeof name !== 'string' || name === ''))
    throw refuse(`${step}: partitionBy is ${JSON.stringify(partitionBy)}`, "name columns: partitionBy: ['symbol']");
  if (new Set(columns).size < columns.length)
    throw refuse(`${step}: partitionBy names a column twice`, 'name each column once');
  const mostOpen = checkCount(maxOpenFiles ?? OPEN_FILES, 'maxOpenFiles', step);
  if (mostOpen > MOST_OPEN_FILES)
    throw refuse(`${step}: maxOpenFiles is ${mostOpen}`, `give at most ${MOST_OPEN_FILES}`);
  return { columns, mostOpen };
}

function partsOf(parts: NonNullable<FileSinkOptions['parts']>, step: string): FileParts {
  const [key, ...more] =
    typeof parts === 'object' && parts !== null ? Object.keys(parts).filter((name) => name !== 'on') : [];
  if (more.length === 0 && 'rows' in parts && key === 'rows')
    return { kind: 'rows', rows: checkCount(parts.rows, 'parts.rows', step) };
  if (more.length === 0 && 'bytes' in parts && key === 'bytes')
    return { kind: 'bytes', bytes: Math.max(1, parseBytes(parts.bytes, `${step}: parts.bytes`)) };
  if (more.length > 0 || !('every' in parts) || typeof parts.every !== 'string' || typeof parts.on !== 'string')
    throw refuse(
      `${step}: parts is ${JSON.stringify(parts)}`,
      "give one of { rows: 1_000_000 }, { bytes: '256MiB' } and { every: '1d', on: 'ts' }",
    );
  checkTarget(parts.every);
  return { kind: 'period', every: parts.every, on: parts.on };
}

function checkChoice<T extends string>(step: string, option: string, value: T, choices: readonly T[]): T {
  if (choices.includes(value)) return value;
  const named = choices.map((choice) => `'${choice}'`);
  throw refuse(
    `${step}: ${option} is ${JSON.stringify(value)}`,
    `use ${named.slice(0, -1).join(', ')} or ${named.at(-1)}`,
  );
}

/** @throws ERR_OPTIONS */
export function parquetSink(path: string, options: ParquetSinkOptions): SinkSpec {
  checkKeys(options, 'toParquet', ['compression', 'rowGroupRows', ...PLACES], 'step');
  const compression = checkChoice('toParquet', 'compression', options.compression ?? 'none', [
    'none',
    'snappy',
    'zstd',
  ]);
  const rowGroupRows = checkCount(options.rowGroupRows ?? ROW_GROUP_ROWS, 'rowGroupRows', 'toParquet');
  const format = { kind: 'parquet', compression, rowGroupRows } as const;
  return fileSink(path, options, { step: 'toParquet', format, example: 'out.parquet' });
}

function textCompression(step: string, path: string, given: 'none' | 'gzip' | undefined): 'none' | 'gzip' {
  const suggested = typeof path === 'string' && /\.gz$/i.test(path) ? 'gzip' : 'none';
  return checkChoice(step, 'compression', given ?? suggested, ['none', 'gzip']);
}

/** @throws ERR_OPTIONS */
export function csvSink(path: string, options: CsvSinkOptions): SinkSpec {
  checkKeys(options, 'toCsv', ['delimiter', 'header', 'compression', ...PLACES], 'step');
  const compression = textCompression('toCsv', path, options.compression);
  const delimiter = options.delimiter ?? (/\.(tsv|tab)(\.gz)?$/i.test(String(path)) ? '\t' : ',');
  if (!/^[\t -~]$/.test(delimiter) || delimiter === '"')
    throw refuse(`toCsv: delimiter is ${JSON.stringify(delimiter)}`, 'give one ASCII character that is no quote');
  const format = { kind: 'csv', delimiter, hasHeader: options.header ?? true, compression } as const;
  return fileSink(path, options, { step: 'toCsv', format, example: 'out.csv' });
}

/** @throws ERR_OPTIONS */
export function ndjsonSink(path: string, options: NdjsonSinkOptions): SinkSpec {
  checkKeys(options, 'toNdjson', ['compression', ...PLACES], 'step');
  const compression = textCompression('toNdjson', path, options.compression);
  const format = { kind: 'ndjson', compression } as const;
  return fileSink(path, options, { step: 'toNdjson', format, example: 'out.ndjson' });
}

/** @throws ERR_OPTIONS */
export function arrowSink(path: string, options: ArrowSinkOptions): SinkSpec {
  checkKeys(options, 'toArrow', ['layout', ...PLACES], 'step');
  const suggested = /\.arrows$/i.test(String(path)) ? 'stream' : 'file';
  const layout = checkChoice('toArrow', 'layout', options.layout ?? suggested, ['file', 'stream']);
  const format = { kind: 'arrow', layout } as const;
  return fileSink(path, options, { step: 'toArrow', format, example: 'out.arrow' });
}
