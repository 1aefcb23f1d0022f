/** Where values come from when a batch is made of them: rows as objects, arrays by column, elements of lists. */
import { PipelineError } from '../errors.ts';
import { fieldIndex } from '../schema/fields.ts';
import { parseType } from '../schema/parse-type.ts';
import type { Fields, ParsedType, TypeText } from '../schema/types.ts';
import { arraysOf } from './whole-columns.ts';
import { expectedValue } from './write-values.ts';

/** Rows as objects, or columns as arrays of equal length, by column name. */
export type RowValues = readonly Readonly<Record<string, unknown>>[] | Readonly<Record<string, ArrayLike<unknown>>>;

/** Where the values of one column come from, and how the place is named in refusals. */
export interface Origin {
  name: string;
  nullable: boolean;
  type: TypeText;
  rows: number;
  get(row: number): unknown;
  /** All values, when they are a typed array of just this type: copied at once. */
  whole?: Uint8Array;
  /** Row of the caller that element `row` belongs to. */
  place(row: number): number;
}

function show(value: unknown): string {
  const text =
    typeof value === 'bigint'
      ? `${value}n`
      : typeof value === 'string'
        ? JSON.stringify(value)
        : value instanceof Uint8Array
          ? `${value.length} bytes`
          : String(value);
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}

/** The refusal of a value that its column cannot hold. */
export function refuseValue(origin: Origin, parsed: ParsedType, row: number, value: unknown): PipelineError {
  const expected = expectedValue(parsed);
  const place = origin.place(row);
  return new PipelineError(
    'ERR_VALUE',
    `row ${place}, column "${origin.name}" (${origin.type}): ${show(value)} is not ${expected}`,
    {
      row: place,
      column: origin.name,
      value: show(value),
      expected,
      hint: 'correct the value, or change the type of the column',
    },
  );
}

export function isNull(value: unknown): value is null | undefined {
  return value === null || value === undefined;
}

/**
 * Rows that are null.
 * @throws ERR_VALUE when the column is not nullable
 */
export function countNulls(origin: Origin): number {
  if (origin.whole !== undefined) return 0;
  let nulls = 0;
  for (let row = 0; row < origin.rows; row++) {
    if (!isNull(origin.get(row))) continue;
    nulls++;
    if (!origin.nullable) {
      throw new PipelineError(
        'ERR_VALUE',
        `row ${origin.place(row)}, column "${origin.name}" is null, and the column is not nullable`,
        {
          row: origin.place(row),
          column: origin.name,
          value: 'null',
          expected: expectedValue(parseType(origin.type)),
          hint: 'give a value, or make the column nullable',
        },
      );
    }
  }
  return nulls;
}

function refuseRow(index: number, row: unknown): PipelineError {
  return new PipelineError('ERR_VALUE', `row ${index} is not an object: ${show(row)}`, {
    row: index,
    value: show(row),
    expected: 'an object with a value for each column',
  });
}

/** A missing property reads as undefined, also where every object inherits one of that name. */
function propertyReader(name: string): (row: Readonly<Record<string, unknown>>) => unknown {
  return name in Object.prototype ? (row) => (Object.hasOwn(row, name) ? row[name] : undefined) : (row) => row[name];
}

function originsOfRows(fields: Fields, rows: readonly Readonly<Record<string, unknown>>[]): Origin[] {
  rows.forEach((row, index) => {
    if (typeof row !== 'object' || row === null) throw refuseRow(index, row);
    for (const name of Object.keys(row)) fieldIndex(fields, name);
  });
  return fields.map(({ name, nullable, type }) => {
    const read = propertyReader(name);
    const get = (row: number): unknown => read(rows[row] as Readonly<Record<string, unknown>>);
    return { name, nullable, type, rows: rows.length, get, place: (row) => row };
  });
}

function wholeBytes(type: TypeText, column: ArrayLike<unknown>): Uint8Array | undefined {
  const array = arraysOf(type);
  if (array === undefined || !(column instanceof array)) return undefined;
  return new Uint8Array(column.buffer, column.byteOffset, column.byteLength);
}

function originsOfColumns(fields: Fields, columns: Readonly<Record<string, ArrayLike<unknown>>>): Origin[] {
  for (const name of Object.keys(columns)) fieldIndex(fields, name);
  const rows = Math.max(0, ...Object.values(columns).map((column) => column.length));
  return fields.map(({ name, nullable, type }) => {
    const column = Object.hasOwn(columns, name) ? columns[name] : undefined;
    if (column === undefined || column.length !== rows) {
      throw new PipelineError(
        'ERR_VALUE',
        `column "${name}" has ${column === undefined ? 'no' : column.length} values, others have ${rows}`,
        { column: name, hint: 'give every column the same number of values' },
      );
    }
    const origin: Origin = { name, nullable, type, rows, get: (row) => column[row], place: (row) => row };
    const whole = wholeBytes(type, column);
    return whole === undefined ? origin : { ...origin, whole };
  });
}

/**
 * Where the values of each field are.
 * @throws ERR_COLUMN_UNKNOWN, ERR_VALUE
 */
export function originsOf(fields: Fields, values: RowValues): Origin[] {
  return Array.isArray(values)
    ? originsOfRows(fields, values)
    : originsOfColumns(fields, values as Readonly<Record<string, ArrayLike<unknown>>>);
}
