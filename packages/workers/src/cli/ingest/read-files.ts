/** The source of `spillway ingest`: files of one format, as the command line describes them. */
import {
  type CsvOptions,
  type NdjsonOptions,
  readArrow,
  readCsv,
  readNdjson,
  readParquet,
  type Shape,
  type Source,
} from '@spillway/core';
import { UsageError } from '../exit-codes.ts';
import { FILE_FORMATS, type FileFormat, formatOfName, isTextFormat } from './file-formats.ts';

/** Options about the files. */
export interface FileOptions {
  format?: FileFormat;
  schema?: Shape;
  columns?: string[];
  /** Names in the dataset, by those of the files. */
  rename?: Record<string, string>;
  mergeFiles?: boolean;
  delimiter?: string;
  quote?: string;
  header: boolean;
  null?: string[];
  timeFormat?: Record<string, string>;
  timeZone?: string;
  skipBadRows?: boolean;
  rejects?: string;
  maxBadRows?: number;
}

type FileOption = Exclude<keyof FileOptions, 'format' | 'schema' | 'columns' | 'rename' | 'mergeFiles'>;

const CSV_ONLY: readonly FileOption[] = ['delimiter', 'quote', 'null'];
const TEXT_ONLY: readonly FileOption[] = [
  ...(['timeFormat', 'timeZone'] as const),
  ...(['skipBadRows', 'rejects', 'maxBadRows'] as const),
];

/** The format that all files have. @throws UsageError */
export function formatOf(paths: readonly string[], asked: FileFormat | undefined): FileFormat {
  if (asked !== undefined) return asked;
  const formats = paths.map(formatOfName);
  const untold = paths[formats.indexOf(undefined)];
  if (untold !== undefined)
    throw new UsageError(`the name of ${untold} does not tell its format: give --format ${FILE_FORMATS.join(', ')}`);
  const other = formats.findIndex((format) => format !== formats[0]);
  if (other < 0) return formats[0] as FileFormat;
  throw new UsageError(
    `${paths[0]} is ${formats[0]}, ${paths[other]} is ${formats[other]}: ingest one format at a time`,
  );
}

/** @throws UsageError for options that the format does not have */
function checkOptions(format: FileFormat, options: FileOptions): void {
  const isText = isTextFormat(format);
  const foreign = [
    ...(isText ? [] : TEXT_ONLY.map((option) => ({ option, of: 'text files' }))),
    ...(isText && format !== 'ndjson' ? [] : CSV_ONLY.map((option) => ({ option, of: 'CSV' }))),
  ].find(({ option }) => options[option] !== undefined);
  const wrong =
    foreign ??
    (options.header === false && (!isText || format === 'ndjson') ? { option: 'noHeader', of: 'CSV' } : undefined);
  if (wrong === undefined) return;
  const dashed = `--${wrong.option.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
  throw new UsageError(`${dashed} is for ${wrong.of}; these are ${format}`);
}

function textOptions(options: FileOptions): NdjsonOptions {
  const { timeFormat, timeZone, rejects, maxBadRows } = options;
  const onBadRow = rejects !== undefined ? { rejects } : options.skipBadRows === true ? 'skip-and-report' : undefined;
  return {
    ...(timeFormat !== undefined && { timeFormats: timeFormat }),
    ...(timeZone !== undefined && { timeZone }),
    ...(onBadRow !== undefined && { onBadRow }),
    ...(maxBadRows !== undefined && { maxBadRows }),
  };
}

function csvOptions({ delimiter, quote, header, null: nulls }: FileOptions, isTabs: boolean): CsvOptions {
  const letter = delimiter === '\\t' || delimiter === 'tab' || (isTabs && delimiter === undefined) ? '\t' : delimiter;
  return {
    header,
    ...(letter !== undefined && { delimiter: letter }),
    ...(quote !== undefined && { quote: quote === 'none' ? '' : quote }),
    ...(nulls !== undefined && { nulls }),
  };
}

/**
 * @param orderedOn the column that the files are ordered on; none where they are sorted first
 * @throws UsageError for options that the format does not have; ERR_OPTIONS, ERR_SCHEMA
 */
export function sourceOf(paths: readonly string[], options: FileOptions, orderedOn: string | undefined): Source {
  const format = formatOf(paths, options.format);
  checkOptions(format, options);
  const { schema, columns } = options;
  const common = {
    name: 'files',
    ...(schema !== undefined && { schema }),
    ...(columns !== undefined && { columns }),
    ...(orderedOn !== undefined && { orderedOn }),
    ...(orderedOn !== undefined && options.mergeFiles === true && { overlap: 'merge' as const }),
  };
  switch (format) {
    case 'parquet':
      return readParquet(paths, common);
    case 'arrow':
      return readArrow(paths, common);
    case 'ndjson':
      return readNdjson(paths, { ...common, ...textOptions(options) });
    case 'csv':
    case 'tsv':
      return readCsv(paths, { ...common, ...textOptions(options), ...csvOptions(options, format === 'tsv') });
  }
}
