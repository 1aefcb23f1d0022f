import { PipelineError } from '../errors.ts';
import { nameHint } from './nearest-name.ts';
import { parseType } from './parse-type.ts';
import type { FieldSpec, Fields, ParsedType } from './types.ts';

/** A schema as users write it: a type by column name, or a type with its nullability. */
export type SchemaShape = Readonly<Record<string, string | { readonly type: string; readonly nullable?: boolean }>>;

function isTimeZone(name: string): boolean {
  if (/^[+-]\d{2}:?\d{2}$/.test(name) || name === 'UTC') return true;
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return true;
  } catch {
    return false;
  }
}

function fieldFromShape(
  name: string,
  written: string | { readonly type: string; readonly nullable?: boolean },
): FieldSpec {
  const text = typeof written === 'string' ? written : written?.type;
  if (typeof text !== 'string') {
    throw new PipelineError('ERR_SCHEMA', `column "${name}" has no type`, {
      column: name,
      hint: `write { ${name}: 'float64' }`,
    });
  }
  const type = parseTypeOf(name, text);
  if (type.timeZone !== undefined && !isTimeZone(type.timeZone)) {
    throw new PipelineError('ERR_SCHEMA', `column "${name}": "${type.timeZone}" is not a time zone`, {
      column: name,
      value: text,
      hint: 'use an IANA name such as Europe/Paris, UTC, or an offset such as +02:00',
    });
  }
  return { name, type: type.text, nullable: typeof written === 'string' ? true : (written.nullable ?? true) };
}

function parseTypeOf(name: string, text: string): ParsedType {
  try {
    return parseType(text);
  } catch (error) {
    if (!(error instanceof PipelineError)) throw error;
    throw new PipelineError('ERR_SCHEMA', `column "${name}": ${error.message}`, {
      column: name,
      value: text,
      ...(error.expected && { expected: error.expected }),
      ...(error.hint && { hint: error.hint }),
    });
  }
}

/**
 * Columns from a schema as users write it, in the order written; types canonical, nullable unless said otherwise.
 * @throws ERR_SCHEMA naming the column.
 * @example
 * ```ts
 * fieldsFromShape({ ts: 'timestamp[us]', price: 'float64', symbol: { type: 'utf8', nullable: false } });
 * ```
 */
export function fieldsFromShape(shape: SchemaShape): Fields {
  const entries = Object.entries(shape);
  if (entries.length === 0) {
    throw new PipelineError('ERR_SCHEMA', 'the schema has no columns', {
      hint: "write { ts: 'timestamp[us]', price: 'float64' }",
    });
  }
  return entries.map(([name, written]) => fieldFromShape(name, written));
}

const indexes = new WeakMap<Fields, Map<string, number>>();

function indexOf(fields: Fields): Map<string, number> {
  let index = indexes.get(fields);
  if (index === undefined) {
    index = new Map(fields.map((field, position) => [field.name, position]));
    indexes.set(fields, index);
  }
  return index;
}

/** Position of a column, or -1. The look-up table is kept per `fields` object. */
export function findField(fields: Fields, name: string): number {
  return indexOf(fields).get(name) ?? -1;
}

/**
 * Position of a column.
 * @throws ERR_COLUMN_UNKNOWN with the nearest name.
 */
export function fieldIndex(fields: Fields, name: string): number {
  const index = indexOf(fields).get(name);
  if (index !== undefined) return index;
  throw new PipelineError('ERR_COLUMN_UNKNOWN', `there is no column "${name}"`, {
    column: name,
    hint: nameHint(
      name,
      fields.map((field) => field.name),
    ),
  });
}

/** Whether two schemas have the same names, types and order (nullability and metadata apart). */
export function sameColumns(left: Fields, right: Fields): boolean {
  return (
    left === right ||
    (left.length === right.length &&
      left.every((field, index) => {
        const other = right[index];
        return other !== undefined && field.name === other.name && field.type === other.type;
      }))
  );
}
