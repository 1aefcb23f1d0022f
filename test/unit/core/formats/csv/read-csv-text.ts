import { closeSync, openSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Fields } from '@spillway/core';
import {
  type BadRow,
  batchToRows,
  type CsvFormat,
  createArena,
  fieldsFromShape,
  fieldText,
  isQuoted,
  parseType,
  plainRows,
  plainValue,
  rowPlaces,
  TextChunkReader,
  type TextFormat,
} from '@spillway/core/internal';

export const PLAIN_FORMAT: CsvFormat = {
  syntax: 'csv',
  delimiter: ',',
  quote: '"',
  hasHeader: false,
  nulls: [],
  timeFormats: {},
  onBadRow: 'error',
  maxBadRows: 1000,
};

export interface TextRequest {
  /** Types of the columns by name, one for each field of a row. */
  shape: Record<string, string>;
  format?: Partial<CsvFormat>;
  /** Default CSV. */
  syntax?: TextFormat['syntax'];
  chunkBytes?: number;
  batchRows?: number;
  /** Where the file may be written. */
  folder: string;
  /** Bad rows are left out, not thrown. */
  skips?: boolean;
}

export interface TextOutcome {
  rows: unknown[][];
  bad: string[];
  /** Rows of each logical batch, bad ones left out. */
  inputs: number[];
  leaked: number;
}

const arena = createArena({ debug: true });
let written: Uint8Array | undefined;

/** Kind and reason. */
export function kindOf(problem: BadRow['problem']): string {
  return 'why' in problem ? `${problem.kind} ${problem.why}` : problem.kind;
}

/** One bad row in short. */
function sayBad({ line, row, problem }: Pick<BadRow, 'line' | 'row' | 'problem'>): string {
  const what = problem.kind === 'value' ? `${problem.kind} ${problem.column} ${problem.text}` : kindOf(problem);
  return `line ${line} row ${row}: ${what}`;
}

/** Reads text through the kernels, in chunks as lanes would cut it; every chunk is loaded before the one before it is settled. */
export function readText(text: Uint8Array, request: TextRequest): TextOutcome {
  const { chunkBytes = 1 << 20, batchRows = 65_536, folder, skips = true } = request;
  const fields = fieldsFromShape(request.shape);
  const csv = { ...PLAIN_FORMAT, ...request.format };
  const format: TextFormat = request.syntax === 'ndjson' ? { ...csv, syntax: 'ndjson' } : csv;
  const path = join(folder, 'text.csv');
  if (text !== written) writeFileSync(path, text);
  written = text;
  const fd = openSync(path, 'r');
  const file = {
    path,
    bytes: text.length,
    dataStart: 0,
    headLines: 0,
    names: fields.map(({ name }) => name),
    fieldIndex: fields.map((_, index) => index),
  };
  const width = rowPlaces(file, format);
  const usedBefore = arena.usedSlabs();
  const outcome: TextOutcome = { rows: [], bad: [], inputs: [], leaked: 0 };
  const onBadRow = (row: BadRow): void => void outcome.bad.push(sayBad(row));
  const readers = [0, 1].map(
    () =>
      new TextChunkReader({
        arena,
        owner: 1,
        fields,
        format,
        width,
        batchRows,
        chunkBytes,
        ...(skips && { onBadRow }),
      }),
  );
  const chunks = Math.ceil(text.length / chunkBytes);
  const load = (chunk: number): void =>
    readers[chunk % 2]?.load({
      file,
      fd,
      from: chunk * chunkBytes,
      to: Math.min(text.length, (chunk + 1) * chunkBytes),
    });
  let start = { at: 0, sourceRow: 0, fileRow: 0, line: 0 };
  let open = 0;
  try {
    if (chunks > 0) load(0);
    for (let chunk = 0; chunk < chunks; chunk++) {
      if (chunk + 1 < chunks) load(chunk + 1);
      const reader = readers[chunk % 2] as TextChunkReader;
      start = reader.settle(start, skips);
      for (const batch of reader.batches(chunk === chunks - 1)) {
        for (const row of batchToRows(batch)) outcome.rows.push(fields.map(({ name }) => row[name]));
        open += batch.rows;
        if (batch.inputs > 0) outcome.inputs.push(open);
        if (batch.inputs > 0) open = 0;
        batch.release();
      }
    }
  } finally {
    closeSync(fd);
    for (const reader of readers) reader.close();
  }
  outcome.leaked = arena.usedSlabs() - usedBefore;
  return outcome;
}

/** A value as `batchToRows` gives it. */
export function shown(type: string, value: ReturnType<typeof plainValue>): unknown {
  const { precision, scale = 0, byteWidth, domain } = parseType(type);
  if (typeof value !== 'bigint') return value;
  if (precision !== undefined) {
    const digits = (value < 0n ? -value : value).toString().padStart(scale + 1, '0');
    const whole = digits.slice(0, digits.length - scale);
    return `${value < 0n ? '-' : ''}${whole}${scale > 0 ? `.${digits.slice(digits.length - scale)}` : ''}`;
  }
  return byteWidth < 8 && domain !== 'opaque' ? Number(value) : value;
}

/** The same, the slow and obvious way. */
export function readPlainly(text: Uint8Array, request: Omit<TextRequest, 'folder'>): Omit<TextOutcome, 'leaked'> {
  const { batchRows = 65_536 } = request;
  const fields: Fields = fieldsFromShape(request.shape);
  const format = { ...PLAIN_FORMAT, ...request.format };
  const outcome = { rows: [] as unknown[][], bad: [] as string[], inputs: [] as number[] };
  const { quote, nulls, timeZone } = format;
  let number = 0;
  let open = 0;
  for (const row of plainRows(text, format, 0, true)) {
    const at = { line: row.line + 1, row: number++ };
    const raw = text.subarray(row.start, row.end);
    const isText = Buffer.compare(Buffer.from(Buffer.from(raw).toString('utf8')), raw) === 0;
    const problem =
      row.fault !== undefined
        ? row.fault
        : row.fields.length !== fields.length
          ? 'fields'
          : isText
            ? undefined
            : 'utf8';
    let values: unknown[] = [];
    let fault = problem === undefined ? undefined : `line ${at.line} row ${at.row}: ${problem}`;
    if (problem === undefined) {
      values = fields.map(({ name, type }, index) => {
        const field = row.fields[index] as (typeof row.fields)[number];
        const format = request.format?.timeFormats?.[name];
        const time = { ...(format !== undefined && { format }), ...(timeZone !== undefined && { zone: timeZone }) };
        const value = plainValue(type, fieldText(text, field, quote), isQuoted(text, field, quote), nulls, time);
        if (value === undefined) fault ??= `line ${at.line} row ${at.row}: value ${name}`;
        return value === undefined ? undefined : shown(type, value);
      });
    }
    if (fault === undefined) {
      outcome.rows.push(values);
      open += 1;
    } else outcome.bad.push(fault);
    if (number % batchRows === 0) {
      outcome.inputs.push(open);
      open = 0;
    }
  }
  if (number % batchRows !== 0) outcome.inputs.push(open);
  return outcome;
}
