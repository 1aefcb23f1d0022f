/** The schema message of an Arrow file as columns, with the places of their buffers. Layout: Schema.fbs of Apache Arrow. */
import { tryParseType } from '../../schema/parse-type.ts';
import type { TypeText } from '../../schema/types.ts';
import { arrowTypeOf } from '../arrow-schema-hint.ts';
import type { FlatReader } from '../flatbuffer-reader.ts';
import type { ArrowColumn, ArrowStorage, UnreadableColumn } from './arrow-format.ts';

export interface ArrowSchema {
  columns: ArrowColumn[];
  unreadable: UnreadableColumn[];
  values: { id: number; storage: ArrowStorage }[];
}

/** Nodes, buffers and counts of further buffers that come before. */
interface Place {
  node: number;
  buffer: number;
  variadic: number;
}

const NAMES: Record<number, string> = {
  1: 'null',
  2: 'integer of a width that is not usual',
  3: 'half float',
  7: 'decimal that is not of 128 bits and up to 38 digits',
  9: 'time of day in a unit that is not usual',
  11: 'interval',
  13: 'struct',
  14: 'union',
  15: 'binary of a fixed size that is not usual',
  16: 'list of fixed size',
  17: 'map',
  22: 'run-end encoded',
  25: 'list view',
  26: 'large list view',
};
const MOST_DEPTH = 32;
/** A field takes more bytes than that; one that several name would otherwise be looked at without end. */
const FIELD_BYTES = 8;
const INDEX_BITS = [8, 16, 32, 64];

/** @throws RangeError for bytes that are no schema */
export function readArrowSchema(flat: FlatReader, schema: number): ArrowSchema {
  if (flat.i16(schema, 0, 0) !== 0) throw new RangeError('big-endian bodies are not read');
  const place: Place = { node: 0, buffer: 0, variadic: 0 };
  const read: ArrowSchema = { columns: [], unreadable: [], values: [] };
  for (const field of flat.tables(schema, 1)) {
    const column = columnOf(flat, field, place, read.values, 0);
    const name = flat.text(field, 0) ?? '';
    if (typeof column === 'string') read.unreadable.push({ name, reason: column });
    else read.columns.push(column);
  }
  return read;
}

/** A column, or why it cannot be read; `place` moves behind it in both cases. */
function columnOf(
  flat: FlatReader,
  field: number,
  place: Place,
  values: ArrowSchema['values'],
  depth: number,
): ArrowColumn | string {
  if (depth > MOST_DEPTH || place.node > flat.bytes / FIELD_BYTES) throw new RangeError('nested too deep');
  const tag = flat.i8(field, 2, 0);
  const start = { ...place };
  const encoding = flat.table(field, 4);
  const metadata: Record<string, string> = {};
  for (const pair of flat.tables(field, 6)) metadata[flat.text(pair, 0) ?? ''] = flat.text(pair, 1) ?? '';
  const base = {
    name: flat.text(field, 0) ?? '',
    nullable: flat.i8(field, 1, 0) !== 0,
    ...(Object.keys(metadata).length > 0 && { metadata }),
  };
  if (encoding !== 0) {
    place.node += 1;
    place.buffer += 2;
    const storage = storageOf(tag);
    if (arrowTypeOf(flat, field, 0) !== 'utf8' || storage === undefined)
      return 'a dictionary of other values than texts';
    const index = flat.table(encoding, 1);
    const id = flat.i64(encoding, 0, 0);
    values.push({ id, storage });
    const bits = index === 0 ? 32 : flat.i32(index, 0, 32);
    if (!INDEX_BITS.includes(bits)) throw new RangeError(`a dictionary with codes of ${bits} bits`);
    const dictionary = { id, indexBytes: bits / 8, isSigned: index === 0 || flat.i8(index, 1, 0) !== 0 };
    return { field: { ...base, type: 'dictionary<utf8>' }, storage: 'fixed', ...start, dictionary };
  }
  const children = walk(flat, field, tag, place, values, depth);
  const type = typeOf(flat, field, tag, children);
  const storage = storageOf(tag);
  if (type === undefined || storage === undefined) {
    const [child] = children;
    return typeof child === 'string' && (tag === 12 || tag === 21)
      ? `a list: ${child}`
      : `a column of type ${NAMES[tag] ?? tag}`;
  }
  const [child] = children as ArrowColumn[];
  return { field: { ...base, type }, storage, ...start, ...(child !== undefined && { child }) };
}

/** Moves `place` behind a column and those in it. */
function walk(
  flat: FlatReader,
  field: number,
  tag: number,
  place: Place,
  values: ArrowSchema['values'],
  depth: number,
): (ArrowColumn | string)[] {
  place.node += 1;
  place.buffer += buffersOf(flat, field, tag);
  if (tag === 23 || tag === 24) place.variadic += 1;
  return flat.tables(field, 5).map((child) => columnOf(flat, child, place, values, depth + 1));
}

/** Buffers of a column's own, without those of views that each record batch counts. */
function buffersOf(flat: FlatReader, field: number, tag: number): number {
  if (tag === 1 || tag === 22) return 0;
  if (tag === 13 || tag === 16) return 1;
  if (tag === 14) return flat.i16(flat.table(field, 3), 0, 0) === 0 ? 1 : 2;
  return [4, 5, 19, 20, 25, 26].includes(tag) ? 3 : 2;
}

function storageOf(tag: number): ArrowStorage | undefined {
  if (tag === 6) return 'bits';
  if (tag === 4 || tag === 5) return 'text';
  if (tag === 19 || tag === 20) return 'large';
  if (tag === 23 || tag === 24) return 'view';
  if (tag === 12) return 'list';
  return tag === 21 ? 'large-list' : 'fixed';
}

function typeOf(
  flat: FlatReader,
  field: number,
  tag: number,
  children: readonly (ArrowColumn | string)[],
): TypeText | undefined {
  if (tag === 7 && flat.i32(flat.table(field, 3), 2, 128) !== 128) return undefined;
  if (tag !== 12 && tag !== 21) return knownType(arrowTypeOf(flat, field, 0));
  const [child] = children;
  if (child === undefined || typeof child === 'string' || child.dictionary !== undefined) return undefined;
  return knownType(`list<${child.field.type}>`);
}

/** Widths, digits and sizes may be any. */
function knownType(text: TypeText | undefined): TypeText | undefined {
  return text === undefined ? undefined : tryParseType(text)?.text;
}

/** How the texts of a dictionary lie in a record batch of their own. */
export function dictionaryColumn(storage: ArrowStorage): ArrowColumn {
  return { field: { name: 'values', type: 'utf8', nullable: true }, storage, node: 0, buffer: 0, variadic: 0 };
}
