/** CSV and TSV files as a source, as the user describes them. */
import type { Simplify } from '../expressions/types.ts';
import type { CsvFormat, ValueFormat } from '../formats/csv/csv-format.ts';
import type { Shape } from '../schema/types.ts';
import { refuse, type Source } from './sources.ts';
import { type TextOptions, textSource } from './text-options.ts';

/** Options of `readCsv`. */
export interface CsvOptions extends TextOptions {
  /**
   * Columns to read and their types. With a header they are found by name, and others are left out; without one they are the fields
   * in order. Default: all columns, with types that a sample of the first file suggests.
   */
  schema?: Shape;
  /** Between fields; default what the first rows suggest, of comma, tab, semicolon and bar. */
  delimiter?: string;
  /** Around text; default `"`, and `''` when quotes mean nothing. */
  quote?: string;
  /** Whether the first row of each file names the columns. Default true. */
  header?: boolean;
  /** Texts (without quotes) that stand for null, beside the empty one: `['NA', 'null']`. */
  nulls?: readonly string[];
}

/** Columns as far as the options of a source say their types. */
export type FileShape<O> = O extends { schema: infer S extends Shape; columns: readonly (infer C extends string)[] }
  ? Simplify<Pick<S, C & keyof S>>
  : O extends { schema: infer S extends Shape }
    ? S
    : Shape;

/**
 * Reads CSV or TSV files: a path, a pattern with `*`, `?`, `**`, `{a,b}`, or several of these. The files of a pattern follow each
 * other by name; together they are one stream. They are cut into chunks that the lanes parse side by side. Files in gzip and
 * Zstandard are first unpacked into the run's folder under `spillDirectory`.
 *
 * Text is UTF-8. An empty field is null, a text of two quotes is empty. CR, LF and CRLF end lines; empty lines are left out.
 * A row with too many or too few fields, a quote inside of a field, and a value that is none of its type are bad rows. Columns
 * that nothing uses are not read, so their values are not looked at. Numbers are exact; what is too large for a double is infinite.
 *
 * @throws ERR_OPTIONS, ERR_SCHEMA. Files are looked at when the plan is resolved: ERR_FILE_NOT_FOUND, ERR_FILE_FORMAT, ERR_SCHEMA
 * @example
 * ```ts
 * p.source(readCsv('quotes/*.csv', { orderedOn: 'ts', schema: { ts: 'timestamp[us]', symbol: 'utf8', bid: 'float64' } }));
 * ```
 */
export function readCsv<const O extends CsvOptions = Record<never, never>>(
  paths: string | readonly string[],
  options?: O,
): Source<FileShape<O>> {
  return textSource<FileShape<O>, CsvOptions>(paths, options ?? {}, {
    step: 'readCsv',
    example: 'trades/*.csv',
    options: ['delimiter', 'quote', 'header', 'nulls'],
    formatOf,
  });
}

function formatOf(given: CsvOptions, values: ValueFormat): CsvFormat {
  const { quote = '"', header = true, nulls = [] } = given;
  checkLetter(given.delimiter, 'delimiter', false);
  checkLetter(quote, 'quote', true);
  if (quote !== '' && quote === given.delimiter)
    throw refuse('readCsv', 'quote and delimiter are the same', 'change one');
  if (!Array.isArray(nulls) || nulls.some((text) => typeof text !== 'string'))
    throw refuse('readCsv', 'nulls is no list of texts', "write nulls: ['NA']");
  return {
    ...values,
    syntax: 'csv',
    // Empty until the first file has been looked at.
    delimiter: given.delimiter ?? '',
    quote,
    hasHeader: header,
    nulls: nulls.filter((text) => text !== ''),
  };
}

function checkLetter(letter: string | undefined, option: string, mayBeEmpty: boolean): void {
  if (letter === undefined || (mayBeEmpty && letter === '')) return;
  const isFine = typeof letter === 'string' && /^[\t -~]$/.test(letter);
  if (!isFine) throw refuse('readCsv', `${option} is ${JSON.stringify(letter)}`, 'give one ASCII character');
}
