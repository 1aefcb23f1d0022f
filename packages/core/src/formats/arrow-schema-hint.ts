/**
 * Reads the Arrow schema that Arrow-based writers keep in a Parquet footer (`ARROW:schema`: base64 of an IPC schema
 * message). Parquet has no durations, time zones or dictionaries of its own, so readers take them from there. The
 * value is foreign bytes: whatever does not parse is ignored.
 *
 * Layout: https://github.com/apache/arrow/blob/main/format/Schema.fbs
 */
import type { TypeText } from '../schema/types.ts';
import { FlatReader } from './flatbuffer-reader.ts';

/** What the embedded schema says of one top-level column. */
export interface ArrowHint {
  name: string;
  type: TypeText | undefined;
  metadata: Record<string, string>;
}

const UNITS = ['s', 'ms', 'us', 'ns'] as const;
const MAX_DEPTH = 16;

function unitOf(code: number): (typeof UNITS)[number] {
  const unit = UNITS[code];
  if (unit === undefined) throw new RangeError(`time unit ${code}`);
  return unit;
}

/** Canonical type of a field, or undefined for types that Spillway does not carry. */
export function arrowTypeOf(flat: FlatReader, field: number, depth: number): TypeText | undefined {
  if (depth > MAX_DEPTH) return undefined;
  const type = flat.table(field, 3);
  switch (flat.i8(field, 2, 0)) {
    case 2:
      return `${flat.i8(type, 1, 0) !== 0 ? '' : 'u'}int${flat.i32(type, 0, 0)}` as TypeText;
    case 3:
      return ([undefined, 'float32', 'float64'] as const)[flat.i16(type, 0, 0)];
    case 4:
    case 19:
    case 23:
      return 'binary';
    case 5:
    case 20:
    case 24:
      return 'utf8';
    case 6:
      return 'bool';
    case 7:
      return `decimal(${flat.i32(type, 0, 0)}, ${flat.i32(type, 1, 0)})`;
    case 8:
      return flat.i16(type, 0, 1) === 0 ? 'date32' : 'date64';
    case 9:
      return `time${flat.i32(type, 1, 32)}[${unitOf(flat.i16(type, 0, 1))}]` as TypeText;
    case 10: {
      const zone = flat.text(type, 1);
      const unit = unitOf(flat.i16(type, 0, 0));
      return zone === undefined || zone === '' ? `timestamp[${unit}]` : `timestamp[${unit}, ${zone}]`;
    }
    case 12:
    case 21: {
      const child = flat.tables(field, 5)[0];
      const of = child === undefined ? undefined : arrowTypeOf(flat, child, depth + 1);
      return of === undefined ? undefined : `list<${of}>`;
    }
    case 15:
      return `fixed[${flat.i32(type, 0, 0)}]`;
    case 18:
      return `duration[${unitOf(flat.i16(type, 0, 1))}]`;
    default:
      return undefined;
  }
}

function hintOf(flat: FlatReader, field: number): ArrowHint {
  const metadata: Record<string, string> = {};
  for (const pair of flat.tables(field, 6)) metadata[flat.text(pair, 0) ?? ''] = flat.text(pair, 1) ?? '';
  const type = arrowTypeOf(flat, field, 0);
  const isDictionary = flat.table(field, 4) !== 0;
  return {
    name: flat.text(field, 0) ?? '',
    type: isDictionary && type === 'utf8' ? 'dictionary<utf8>' : type,
    metadata,
  };
}

/** The embedded schema's columns, or none when the text does not parse. */
export function readArrowHints(base64: string | undefined): ArrowHint[] {
  if (base64 === undefined) return [];
  try {
    const message = new Uint8Array(Buffer.from(base64, 'base64'));
    const prefixed = new DataView(message.buffer).getUint32(0, true) === 0xffffffff;
    const flat = new FlatReader(message.subarray(prefixed ? 8 : 4));
    const schema = flat.table(flat.root(), 2);
    return flat.tables(schema, 1).map((field) => hintOf(flat, field));
  } catch {
    // Foreign bytes that are not a schema: Parquet's own types stand.
    return [];
  }
}
