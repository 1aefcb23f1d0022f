/** Whole text files, read the slow and obvious way: for the reference executor. */
import { readFile } from 'node:fs/promises';
import type { Fields } from '../../schema/types.ts';
import { plainLines } from '../ndjson/plain-lines.ts';
import { badRowError, type RowProblem } from './csv-error.ts';
import type { CsvFormat, TextFile, TextFormat } from './csv-format.ts';
import { unpackedStream } from './packed-file.ts';
import { fieldText, isQuoted, plainRows } from './plain-rows.ts';
import { type PlainValue, plainValue } from './plain-values.ts';

/** Rows of a file in order; undefined for one that is bad and left out. @throws ERR_FILE_FORMAT, ERR_VALUE */
export async function plainFileRows(
  file: TextFile,
  fields: Fields,
  format: TextFormat,
): Promise<(PlainValue[] | undefined)[]> {
  const bytes = file.packing === undefined ? await readFile(file.path) : await unpacked(file);
  const rows: (PlainValue[] | undefined)[] = [];
  const take = (values: PlainValue[] | RowProblem, line: number): void => {
    if (Array.isArray(values)) rows.push(values);
    else if (format.onBadRow !== 'error') rows.push(undefined);
    else {
      const at = { file: file.path, line: file.headLines + line + 1, row: rows.length };
      throw badRowError({ ...at, problem: values }, format.syntax);
    }
  };
  if (format.syntax === 'ndjson') {
    for (const { line, values, problem } of plainLines(bytes, fields, format, file.dataStart))
      take(values ?? (problem as RowProblem), line);
    return rows;
  }
  for (const row of plainRows(bytes, format, file.dataStart, true)) {
    const values = row.fault === undefined ? rowValues(bytes, row.fields, file, fields, format) : { kind: row.fault };
    take(values, row.line);
  }
  return rows;
}

async function unpacked(file: TextFile): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of unpackedStream(file)) parts.push(part as Buffer);
  return Buffer.concat(parts);
}

function rowValues(
  bytes: Uint8Array,
  places: readonly { from: number; to: number }[],
  { names, fieldIndex }: TextFile,
  fields: Fields,
  format: CsvFormat,
): PlainValue[] | RowProblem {
  if (places.length !== names.length) return { kind: 'fields', fields: places.length, expected: names.length };
  const [start, end] = [places[0]?.from ?? 0, places.at(-1)?.to ?? 0];
  const raw = bytes.subarray(start, end);
  if (Buffer.compare(Buffer.from(Buffer.from(raw).toString('utf8')), raw) !== 0) return { kind: 'utf8', byte: 0 };
  const values: PlainValue[] = [];
  for (const [index, { name, type }] of fields.entries()) {
    const place = places[fieldIndex[index] as number] as { from: number; to: number };
    const text = fieldText(bytes, place, format.quote);
    const written = format.timeFormats[name];
    const time = {
      ...(written !== undefined && { format: written }),
      ...(format.timeZone !== undefined && { zone: format.timeZone }),
    };
    const value = plainValue(type, text, isQuoted(bytes, place, format.quote), format.nulls, time);
    if (value === undefined) return { kind: 'value', column: name, type, text, why: 'noValue' };
    values.push(value);
  }
  return values;
}
