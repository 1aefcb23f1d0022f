/**
 * Rows of CSV text, the slow and obvious way: byte by byte. It reads headers and samples, and it is what the kernels are
 * compared with.
 *
 * A quote opens and closes text wherever it stands. Text ends with its field: a quote that opens inside a field, or is followed
 * by more of it, makes the row bad. CR, LF and CRLF end lines in any mixture; empty lines are no rows.
 */
import type { CsvFormat } from './csv-format.ts';

export type RowFault = 'quote' | 'unclosed';

/** One row, as places in the text. */
export interface PlainRow {
  /** First byte, and the byte behind its last. */
  start: number;
  end: number;
  /** Line on which it starts, from 0. */
  line: number;
  /** Raw bytes of each field, quotes included. */
  fields: { from: number; to: number }[];
  fault?: RowFault;
}

const LF = 10;
const CR = 13;

/** Walks the rows of `bytes` from `from` on. A row that the bytes cut off is given only where the text `isWhole`. */
export function* plainRows(
  bytes: Uint8Array,
  format: Pick<CsvFormat, 'delimiter' | 'quote'>,
  from: number,
  isWhole: boolean,
): Generator<PlainRow> {
  const delimiter = format.delimiter.charCodeAt(0);
  const quote = format.quote === '' ? -1 : format.quote.charCodeAt(0);
  let line = 0;
  let row: PlainRow = { start: from, end: from, line, fields: [] };
  let field = from;
  let isInside = false;
  const isBreak = (at: number): boolean => {
    const letter = bytes[at];
    return at < row.start || at >= bytes.length || letter === delimiter || letter === LF || letter === CR;
  };
  for (let at = from; at < bytes.length; at++) {
    const letter = bytes[at];
    if (letter === LF ? at === from || bytes[at - 1] !== CR : letter === CR) line++;
    if (letter === quote) {
      const isWrong = isInside
        ? !isBreak(at + 1) && bytes[at + 1] !== quote
        : !isBreak(at - 1) && bytes[at - 1] !== quote;
      if (isWrong) row.fault = 'quote';
      isInside = !isInside;
    } else if (!isInside && letter === delimiter) {
      row.fields.push({ from: field, to: at });
      field = at + 1;
    } else if (!isInside && (letter === LF || letter === CR)) {
      if (row.fields.length > 0 || at > row.start) {
        row.fields.push({ from: field, to: at });
        row.end = at;
        yield row;
      }
      row = { start: at + 1, end: at + 1, line, fields: [] };
      field = at + 1;
    }
  }
  if (!isWhole || row.start >= bytes.length) return;
  row.fields.push({ from: field, to: bytes.length });
  row.end = bytes.length;
  if (isInside) row.fault = 'unclosed';
  yield row;
}

/** Text of a field as it is meant: without its quotes, escaped ones once. */
export function fieldText(bytes: Uint8Array, { from, to }: { from: number; to: number }, quote: string): string {
  const raw = Buffer.from(bytes.buffer, bytes.byteOffset + from, to - from).toString('utf8');
  if (quote === '' || !raw.startsWith(quote)) return raw;
  return raw.slice(1, -1).replaceAll(quote + quote, quote);
}

/** Whether a field was written in quotes. */
export function isQuoted(bytes: Uint8Array, { from, to }: { from: number; to: number }, quote: string): boolean {
  return quote !== '' && from < to && bytes[from] === quote.charCodeAt(0);
}
