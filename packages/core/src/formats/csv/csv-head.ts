/**
 * What the beginning of a CSV file says: byte order mark, header, delimiter, and the types of its columns as far as a sample
 * tells. Nothing here is fast; everything is looked at once a file.
 */
import { type FileHandle, open } from 'node:fs/promises';
import { PipelineError } from '../../errors.ts';
import type { TypeText } from '../../schema/types.ts';
import { fileError } from '../file-error.ts';
import { badRowError } from './csv-error.ts';
import type { CsvFormat } from './csv-format.ts';
import { packingOf, unpackedStart } from './packed-file.ts';
import { fieldText, isQuoted, type PlainRow, plainRows } from './plain-rows.ts';
import { plainValue } from './plain-values.ts';

/** The beginning of one file. */
export interface CsvHead {
  path: string;
  bytes: number;
  packing: 'gzip' | undefined;
  dataStart: number;
  headLines: number;
  delimiter: string;
  /** Of the header, or `column1`, `column2` … where there is none. */
  names: string[];
  /** By column, as a sample of the rows has them. */
  types: TypeText[];
}

/** What a head is read with: the format, with a delimiter that may not be known yet. */
export type CsvHeadOptions = Pick<CsvFormat, 'quote' | 'hasHeader' | 'nulls' | 'timeFormats'> & { delimiter?: string };

const SAMPLE_BYTES = 256 * 1024;
const SAMPLE_ROWS = 2000;
/** A header may be this long. */
const MOST_HEAD_BYTES = 4 * 1024 * 1024;
const DELIMITERS = [',', '\t', ';', '|'];

/**
 * Reads the beginning of a file.
 * @throws ERR_FILE_NOT_FOUND, ERR_IO, ERR_FILE_FORMAT (not UTF-8, no header), ERR_SCHEMA (a name twice)
 */
export async function readCsvHead(path: string, options: CsvHeadOptions): Promise<CsvHead> {
  let file: FileHandle | undefined;
  try {
    file = await open(path, 'r');
    const { size } = await file.stat();
    for (let bytes = SAMPLE_BYTES; ; bytes *= 4) {
      const start = await readStart(file, Math.min(size, bytes));
      const packing = packingOf(path, start);
      const sample =
        packing === undefined ? { start, isWhole: start.length === size } : await unpackedStart(path, bytes);
      const head = headOf(path, sample.start, sample.isWhole, options);
      if (head !== undefined) return { ...head, bytes: size, packing };
      if (bytes >= MOST_HEAD_BYTES) throw tooLong(path);
    }
  } catch (error) {
    throw error instanceof PipelineError ? error : await fileError(path, error);
  } finally {
    await file?.close();
  }
}

async function readStart(file: FileHandle, bytes: number): Promise<Buffer> {
  const buffer = Buffer.alloc(bytes);
  let done = 0;
  while (done < bytes) {
    const { bytesRead } = await file.read(buffer, done, bytes - done, done);
    if (bytesRead === 0) break;
    done += bytesRead;
  }
  return buffer.subarray(0, done);
}

function tooLong(path: string): PipelineError {
  return badRowError({ file: path, line: 1, row: 0, problem: { kind: 'tooLong', bytes: MOST_HEAD_BYTES } });
}

/** Undefined when the first row does not end within the sample. */
function headOf(
  path: string,
  sample: Buffer,
  isWhole: boolean,
  options: CsvHeadOptions,
): Omit<CsvHead, 'bytes' | 'packing'> | undefined {
  const start = markBytes(path, sample);
  const delimiter = options.delimiter ?? guessDelimiter(path, sample, start, isWhole, options.quote);
  const format = { delimiter, quote: options.quote };
  const rows = plainRows(sample, format, start, isWhole);
  const first: PlainRow | undefined = rows.next().value;
  if (first === undefined) {
    if (!isWhole) return undefined;
    if (options.hasHeader) throw noHeader(path);
    return { path, dataStart: start, headLines: 0, delimiter, names: [], types: [] };
  }
  const names = options.hasHeader
    ? headerNames(path, sample, first, options.quote)
    : first.fields.map((_: unknown, index: number) => `column${index + 1}`);
  const second = options.hasHeader ? rows.next().value : first;
  // The line end of a header may be CRLF; an empty line is no row, so that what follows its first byte is right.
  const dataStart = options.hasHeader ? Math.min(first.end + 1, sample.length) : start;
  const headLines = options.hasHeader ? countLines(sample, start, dataStart) : 0;
  const sampled = [...(second === undefined ? [] : [second]), ...take(rows, SAMPLE_ROWS)];
  return { path, dataStart, headLines, delimiter, names, types: sampleTypes(sample, sampled, names, options) };
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

/** Bytes of a byte order mark. @throws ERR_FILE_FORMAT when the mark is one of UTF-16 */
function markBytes(path: string, sample: Buffer): number {
  const mark = sample.subarray(0, 3).toString('hex');
  if (mark === 'efbbbf') return 3;
  if (!mark.startsWith('fffe') && !mark.startsWith('feff')) return 0;
  throw new PipelineError('ERR_FILE_FORMAT', `${path}, line 1: the file is UTF-16, not UTF-8`, {
    file: path,
    hint: 'convert it first: iconv -f UTF-16 -t UTF-8',
  });
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

/** From narrow to wide; the first that takes all values of the sample. */
const CANDIDATES: readonly TypeText[] = ['int64', 'float64', 'date32', 'timestamp[us]', 'timestamp[ns]', 'bool'];

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

function typeOfTexts(
  texts: readonly { text: string; quoted: boolean }[],
  nulls: readonly string[],
  format?: string,
): TypeText {
  const there = texts.filter(({ text, quoted }) => text !== '' && (quoted || !nulls.includes(text)));
  if (there.length === 0) return format === undefined ? 'utf8' : 'timestamp[us]';
  // Numbers of postal codes and the like are texts.
  const hasZeros = there.some(({ text }) => /^[+-]?0\d/.test(text) && !/[.:eE-]/.test(text.slice(1)));
  for (const type of CANDIDATES) {
    if (hasZeros && (type === 'int64' || type === 'float64')) continue;
    if (format !== undefined && !type.startsWith('timestamp')) continue;
    if (type === 'bool' && there.some(({ text }) => !/^(true|false)$/i.test(text))) continue;
    const time = format === undefined ? {} : { format };
    if (there.some(({ text, quoted }) => plainValue(type, text, quoted, nulls, time) === undefined)) continue;
    const hasOffsets =
      type.startsWith('timestamp') && there.every(({ text }) => /(Z|z|[+-]\d\d(:?\d\d)?)$/.test(text.slice(11)));
    return hasOffsets ? (`${type.slice(0, -1)}, UTC]` as TypeText) : type;
  }
  return 'utf8';
}
