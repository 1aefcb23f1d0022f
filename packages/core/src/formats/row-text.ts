/**
 * Rows as text: CSV that `readCsv` and others read back (empty for null, `""` for the empty text, ISO times), or a JSON object a line, with
 * integers and decimals exact.
 */
import type { Batch, Column } from '../batch/contract.ts';
import { columnReader, type ValueReader } from '../batch/read-values.ts';
import { textFormatter } from '../expressions/cast-text.ts';
import type { Arena } from '../memory/contract.ts';
import { parseType } from '../schema/parse-type.ts';
import type { TypeText } from '../schema/types.ts';

/** `csv` with its delimiter. */
export type RowTextFormat = { syntax: 'csv'; delimiter: string } | { syntax: 'json' };

/** CSV with commas, or JSON. */
export function rowTextOf(name: string): RowTextFormat {
  return name === 'csv' ? { syntax: 'csv', delimiter: ',' } : { syntax: 'json' };
}

/** Writes the value of one row that is not null. */
type Writer = (value: unknown) => string;

const TICKS: Readonly<Record<string, number>> = { s: 0, ms: 3, us: 6, ns: 9 };

/** A time of day: `09:30:00.125`. */
function clockText(value: number | bigint, digits: number): string {
  const ticks = BigInt(value);
  const scale = 10n ** BigInt(digits);
  const seconds = Number(ticks / scale);
  const parts = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  const fraction = digits === 0 ? '' : `.${String(ticks % scale).padStart(digits, '0')}`;
  return parts.map((part) => String(part).padStart(2, '0')).join(':') + fraction;
}

/** Text of a value whose type has one: times as ISO 8601, bytes in base64. Undefined for types that are written as they are. */
function plainText(type: TypeText): Writer | undefined {
  const { domain, physical, unit, precision } = parseType(type);
  if (type.startsWith('time32') || type.startsWith('time64'))
    return (value) => clockText(value as bigint, TICKS[unit ?? 's'] ?? 0);
  if (domain === 'temporal' && !type.startsWith('duration')) return textFormatter(type) as Writer;
  const isBytes = domain === 'opaque' && physical !== 'list' && precision === undefined;
  return isBytes ? (value) => Buffer.from(value as Uint8Array).toString('base64') : undefined;
}

function jsonWriter(type: TypeText): Writer {
  const text = plainText(type);
  if (text !== undefined) return (value) => `"${text(value)}"`;
  const parsed = parseType(type);
  if (parsed.domain === 'utf8') return JSON.stringify;
  if (parsed.domain === 'float') return (value) => (Number.isFinite(value) ? floatText(value) : `"${String(value)}"`);
  if (parsed.of === undefined) return String;
  const element = jsonWriter(parsed.of);
  return (value) => `[${(value as unknown[]).map((each) => (each === null ? 'null' : element(each))).join(',')}]`;
}

/** Digits that give the same double back. */
function floatText(value: unknown): string {
  return Object.is(value, -0) ? '-0' : String(value);
}

/** Quotes texts that hold what means something, and those that would be read as nothing. */
function quoter(delimiter: string): (text: string) => string {
  const mustQuote = (text: string): boolean =>
    text === '' || text.includes(delimiter) || text.includes('"') || text.includes('\n') || text.includes('\r');
  return (text) => (mustQuote(text) ? `"${text.replaceAll('"', '""')}"` : text);
}

function csvWriter(type: TypeText, delimiter: string): Writer {
  const quoted = quoter(delimiter);
  const text = plainText(type);
  if (text !== undefined) return (value) => quoted(text(value));
  const { domain, of } = parseType(type);
  if (domain === 'utf8') return quoted as Writer;
  if (domain === 'float') return floatText;
  if (of === undefined) return String;
  const json = jsonWriter(type);
  return (value) => quoted(json(value));
}

/** Names of the columns, as the first row of a CSV file. */
export function csvHeader(columns: readonly string[], delimiter = ','): string {
  return `${columns.map(quoter(delimiter)).join(delimiter)}\n`;
}

/** Writes rows of a batch, each with a line end. */
export function rowWriter(arena: Arena, batch: Batch, format: RowTextFormat): (from: number, to: number) => string {
  const write = batch.fields.map(({ name, type }, index) => {
    const read = columnReader(arena, batch.columns[index] as Column);
    const isFirst = index === 0;
    return format.syntax === 'csv'
      ? csvCell(read, type, isFirst ? '' : format.delimiter, format.delimiter)
      : jsonCell(read, type, name, isFirst);
  });
  const end = format.syntax === 'csv' ? '\n' : '}\n';
  return (from, to) => {
    let text = '';
    for (let row = from; row < to; row += 1) {
      for (const cell of write) text += cell(row);
      text += end;
    }
    return text;
  };
}

function csvCell(read: ValueReader, type: TypeText, before: string, delimiter: string): (row: number) => string {
  const write = csvWriter(type, delimiter);
  return (row) => {
    const value = read(row);
    return value === null ? before : before + write(value);
  };
}

function jsonCell(read: ValueReader, type: TypeText, name: string, isFirst: boolean): (row: number) => string {
  const [before, write] = [`${isFirst ? '{' : ','}${JSON.stringify(name)}:`, jsonWriter(type)];
  return (row) => {
    const value = read(row);
    return before + (value === null ? 'null' : write(value));
  };
}
