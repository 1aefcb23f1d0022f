/**
 * What the beginning of a CSV file says: byte order mark, header, delimiter, and the types of its columns as far as a sample
 * tells. Nothing here is fast; everything is looked at once a file.
 */
import { PipelineError } from '../../errors.ts';
import type { TypeText } from '../../schema/types.ts';
import { badRowError } from './csv-error.ts';
import type { CsvFormat } from './csv-format.ts';
import { fieldText, isQuoted, type PlainRow, plainRows } from './plain-rows.ts';
import { typeOfTexts } from './sampled-type.ts';
import { type HeadOf, markBytes, readTextHead, type TextHead } from './text-head.ts';

/** The beginning of one file. */
export interface CsvHead extends TextHead {
  delimiter: string;
  /** Of the header, or `column1`, `column2` … where there is none. */
  names: string[];
  /** By column, as a sample of the rows has them. Empty where nobody asked for them. */
  types: TypeText[];
}

/** What a head is read with: the format, with a delimiter that may not be known yet. */
export type CsvHeadOptions = Pick<CsvFormat, 'quote' | 'hasHeader' | 'nulls' | 'timeFormats'> & {
  delimiter?: string;
  /** What becomes of bad rows: where they are errors, a sample of nothing else is one. */
  onBadRow?: CsvFormat['onBadRow'];
  /** Whether to suggest types, for which thousands of rows are looked at. */
  samples: boolean;
};

const SAMPLE_ROWS = 2000;
const DELIMITERS = [',', '\t', ';', '|'];

/**
 * Reads the beginning of a file.
 * @throws ERR_FILE_NOT_FOUND, ERR_IO, ERR_FILE_FORMAT (not UTF-8, no header), ERR_SCHEMA (a name twice)
 */
export function readCsvHead(path: string, options: CsvHeadOptions): Promise<CsvHead> {
  return readTextHead(path, options.samples, (sample, isWhole) => headOf(path, sample, isWhole, options));
}

/** Undefined when the first row does not end within the sample. */
function headOf(path: string, sample: Buffer, isWhole: boolean, options: CsvHeadOptions): HeadOf<CsvHead> | undefined {
  const start = markBytes(path, sample);
  const delimiter = options.delimiter ?? guessDelimiter(path, sample, start, isWhole, options.quote);
  const format = { delimiter, quote: options.quote };
  const rows = plainRows(sample, format, start, isWhole);
  const first: PlainRow | undefined = rows.next().value;
  if (first === undefined) {
    if (!isWhole) return undefined;
    if (options.hasHeader) throw noHeader(path);
    return { dataStart: start, headLines: 0, delimiter, names: [], types: [] };
  }
  const names = options.hasHeader
    ? headerNames(path, sample, first, options.quote)
    : first.fields.map((_: unknown, index: number) => `column${index + 1}`);
  // The line end of a header may be CRLF; an empty line is no row, so that what follows its first byte is right.
  const dataStart = options.hasHeader ? Math.min(first.end + 1, sample.length) : start;
  const headLines = options.hasHeader ? countLines(sample, start, dataStart) : 0;
  const head = { dataStart, headLines, delimiter, names };
  if (!options.samples) return { ...head, types: [] };
  const sampled = [...(options.hasHeader ? [] : [first]), ...take(rows, SAMPLE_ROWS)];
  if (options.onBadRow === 'error') checkSample(path, sampled, names.length);
  return { ...head, types: sampleTypes(sample, sampled, names, options) };
}

/** Of rows that are all bad a sample tells nothing: the first is named as reading it would. @throws ERR_FILE_FORMAT */
function checkSample(path: string, rows: readonly PlainRow[], expected: number): void {
  const [first] = rows;
  if (first === undefined || rows.some(({ fault, fields }) => fault === undefined && fields.length === expected))
    return;
  const { fault, fields } = first;
  const problem = fault === undefined ? { kind: 'fields' as const, fields: fields.length, expected } : { kind: fault };
  throw badRowError({ file: path, line: first.line + 1, row: 0, problem });
}

function* take<T>(items: Iterable<T>, count: number): Generator<T> {
  for (const item of items) {
    if (count-- <= 0) return;
    yield item;
  }
}

/** Lines that end before a place; CRLF that it cuts ends with what follows. */
function countLines(bytes: Uint8Array, from: number, to: number): number {
  let lines = 0;
  for (let at = from; at < to; at++) {
    const isEnd = bytes[at] === 13 ? bytes[at + 1] !== 10 : bytes[at] === 10;
    if (isEnd) lines++;
  }
  return lines;
}

function noHeader(path: string): PipelineError {
  return new PipelineError('ERR_FILE_FORMAT', `${path}, line 1: there is no header, the file is empty`, {
    file: path,
    hint: 'leave the file out, or give header: false and a schema',
  });
}

function headerNames(path: string, sample: Buffer, row: PlainRow, quote: string): string[] {
  if (row.fault !== undefined) throw badRowError({ file: path, line: 1, row: 0, problem: { kind: row.fault } });
  const raw = sample.subarray(row.start, row.end);
  if (Buffer.compare(Buffer.from(raw.toString('utf8')), raw) !== 0)
    throw badRowError({ file: path, line: 1, row: 0, problem: { kind: 'utf8', byte: firstDifference(raw) + 1 } });
  const names = row.fields.map((field, index) => fieldText(sample, field, quote).trim() || `column${index + 1}`);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice === undefined) return names;
  throw new PipelineError('ERR_SCHEMA', `${path}, line 1: the column "${twice}" is there twice`, {
    file: path,
    column: twice,
    hint: 'give each column a name of its own, or header: false and a schema',
  });
}

function firstDifference(raw: Buffer): number {
  const decoded = Buffer.from(raw.toString('utf8'));
  let at = 0;
  while (at < raw.length && raw[at] === decoded[at]) at++;
  return at;
}

/** The delimiter that cuts the first rows into the same number of fields, the most of them. */
function guessDelimiter(path: string, sample: Buffer, start: number, isWhole: boolean, quote: string): string {
  if (/\.(tsv|tab)(\.|$)/i.test(path)) return '\t';
  let best = { delimiter: ',', score: 0 };
  for (const delimiter of DELIMITERS) {
    const widths = [...take(plainRows(sample, { delimiter, quote }, start, isWhole), 20)].map(
      (row) => row.fields.length,
    );
    const first = widths[0] ?? 0;
    // Rows that agree count more than fields: a text may hold any of these letters.
    const agreeing = widths.filter((width) => width === first).length / Math.max(1, widths.length);
    const score = first > 1 ? agreeing * 100 + Math.min(first, 99) : 0;
    if (score > best.score) best = { delimiter, score };
  }
  return best.delimiter;
}

function sampleTypes(
  sample: Buffer,
  rows: readonly PlainRow[],
  names: readonly string[],
  options: CsvHeadOptions,
): TypeText[] {
  return names.map((name, index) => {
    const texts = rows.flatMap((row) => {
      const field = row.fields[index];
      if (row.fields.length !== names.length || field === undefined || row.fault !== undefined) return [];
      return [{ text: fieldText(sample, field, options.quote), quoted: isQuoted(sample, field, options.quote) }];
    });
    return typeOfTexts(texts, options.nulls, options.timeFormats[name]);
  });
}
