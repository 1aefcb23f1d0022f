/** Sinks of files, as the user describes them. */
import { PipelineError } from '../errors.ts';
import type { Bytes } from '../schema/sizes.ts';
import type { FileFormat, SinkSpec } from './logical.ts';
import { checkCount, checkKeys, type StepOptions } from './stage-options.ts';

/** Options of `toParquet`. */
export interface ParquetSinkOptions extends StepOptions {
  compression?: 'none' | 'snappy' | 'zstd';
  /** Rows of a row group. Default 524,288. */
  rowGroupRows?: number;
  memoryLimit?: Bytes;
}

/** Options of `toCsv`. */
export interface CsvSinkOptions extends StepOptions {
  /** Between fields; default a comma, or a tab where the path ends with `.tsv`. */
  delimiter?: string;
  /** Whether the first row names the columns. Default true. */
  header?: boolean;
  /** Default what the path says: gzip where it ends with `.gz`. */
  compression?: 'none' | 'gzip';
  memoryLimit?: Bytes;
}

/** Options of `toNdjson`. */
export interface NdjsonSinkOptions extends StepOptions {
  /** Default what the path says: gzip where it ends with `.gz`. */
  compression?: 'none' | 'gzip';
  memoryLimit?: Bytes;
}

/** Options of `toArrow`. */
export interface ArrowSinkOptions extends StepOptions {
  /** A stream has no footer. Default what the path says: a stream where it ends with `.arrows`. */
  layout?: 'file' | 'stream';
  memoryLimit?: Bytes;
}

const ROW_GROUP_ROWS = 524_288;

function refuse(problem: string, hint: string): PipelineError {
  return new PipelineError('ERR_OPTIONS', problem, { hint });
}

function fileSink(step: string, path: string, format: FileFormat, example: string): SinkSpec {
  if (typeof path !== 'string' || path === '')
    throw refuse(`${step}: the path is ${JSON.stringify(path)}`, `write ${step}('${example}')`);
  return { type: 'file', path, format };
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
  checkKeys(options, 'toParquet', ['compression', 'rowGroupRows', 'memoryLimit'], 'step');
  const compression = checkChoice('toParquet', 'compression', options.compression ?? 'none', [
    'none',
    'snappy',
    'zstd',
  ]);
  const rowGroupRows = checkCount(options.rowGroupRows ?? ROW_GROUP_ROWS, 'rowGroupRows', 'toParquet');
  return fileSink('toParquet', path, { kind: 'parquet', compression, rowGroupRows }, 'out.parquet');
}

function textCompression(step: string, path: string, given: 'none' | 'gzip' | undefined): 'none' | 'gzip' {
  const suggested = typeof path === 'string' && /\.gz$/i.test(path) ? 'gzip' : 'none';
  return checkChoice(step, 'compression', given ?? suggested, ['none', 'gzip']);
}

/** @throws ERR_OPTIONS */
export function csvSink(path: string, options: CsvSinkOptions): SinkSpec {
  checkKeys(options, 'toCsv', ['delimiter', 'header', 'compression', 'memoryLimit'], 'step');
  const compression = textCompression('toCsv', path, options.compression);
  const delimiter = options.delimiter ?? (/\.(tsv|tab)(\.gz)?$/i.test(String(path)) ? '\t' : ',');
  if (!/^[\t -~]$/.test(delimiter) || delimiter === '"')
    throw refuse(`toCsv: delimiter is ${JSON.stringify(delimiter)}`, 'give one ASCII character that is no quote');
  return fileSink('toCsv', path, { kind: 'csv', delimiter, hasHeader: options.header ?? true, compression }, 'out.csv');
}

/** @throws ERR_OPTIONS */
export function ndjsonSink(path: string, options: NdjsonSinkOptions): SinkSpec {
  checkKeys(options, 'toNdjson', ['compression', 'memoryLimit'], 'step');
  const compression = textCompression('toNdjson', path, options.compression);
  return fileSink('toNdjson', path, { kind: 'ndjson', compression }, 'out.ndjson');
}

/** @throws ERR_OPTIONS */
export function arrowSink(path: string, options: ArrowSinkOptions): SinkSpec {
  checkKeys(options, 'toArrow', ['layout', 'memoryLimit'], 'step');
  const suggested = /\.arrows$/i.test(String(path)) ? 'stream' : 'file';
  const layout = checkChoice('toArrow', 'layout', options.layout ?? suggested, ['file', 'stream']);
  return fileSink('toArrow', path, { kind: 'arrow', layout }, 'out.arrow');
}
