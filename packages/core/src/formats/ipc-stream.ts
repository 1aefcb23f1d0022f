/**
 * Arrow IPC streams of one record batch: how rows get into the Parquet library, which reads nothing else. Written here
 * rather than with apache-arrow because codec threads need no other part of it (200 ms and 10 MiB a thread).
 *
 * Format: https://arrow.apache.org/docs/format/Columnar.html#serialization-and-interprocess-communication-ipc
 */
import { PipelineError } from '../errors.ts';
import { parseType } from '../schema/parse-type.ts';
import type { FieldSpec, Fields, TypeText } from '../schema/types.ts';
import { encodeFlatbuffer, type FlatField, type FlatTable } from './flatbuffer-writer.ts';
import type { IpcColumn } from './ipc-columns.ts';

const VERSION_5 = 4;
const HEADER_SCHEMA = 1;
const HEADER_DICTIONARY = 2;
const HEADER_BATCH = 3;
const UNIT_CODES: Record<string, number> = { s: 0, ms: 1, us: 2, ns: 3 };

/** Type tag and type table of Schema.fbs. Dictionary columns have the type of their values. */
function typeTable(type: TypeText): { tag: number; table: FlatTable } {
  const parsed = parseType(type);
  const unit = { i16: UNIT_CODES[parsed.unit ?? ''] ?? 0 };
  const integer = /^(u?)int(\d+)$/.exec(type);
  if (integer !== null) return { tag: 2, table: [{ i32: Number(integer[2]) }, { i8: integer[1] === 'u' ? 0 : 1 }] };
  if (type === 'float32' || type === 'float64') return { tag: 3, table: [{ i16: type === 'float32' ? 1 : 2 }] };
  if (type === 'binary') return { tag: 4, table: [] };
  if (type === 'utf8' || type === 'dictionary<utf8>') return { tag: 5, table: [] };
  if (type === 'bool') return { tag: 6, table: [] };
  if (type.startsWith('decimal'))
    return { tag: 7, table: [{ i32: parsed.precision ?? 0 }, { i32: parsed.scale ?? 0 }, { i32: 128 }] };
  if (type.startsWith('date')) return { tag: 8, table: [{ i16: type === 'date32' ? 0 : 1 }] };
  if (type.startsWith('time32') || type.startsWith('time64'))
    return { tag: 9, table: [unit, { i32: parsed.byteWidth * 8 }] };
  if (type.startsWith('timestamp')) {
    return { tag: 10, table: [unit, parsed.timeZone === undefined ? undefined : { text: parsed.timeZone }] };
  }
  if (type.startsWith('list')) return { tag: 12, table: [] };
  if (type.startsWith('fixed')) return { tag: 15, table: [{ i32: parsed.byteWidth }] };
  if (type.startsWith('duration')) return { tag: 18, table: [unit] };
  throw new PipelineError('ERR_TYPE_UNSUPPORTED', `a column of type ${type} cannot be written`, { value: type });
}

function fieldTable(field: FieldSpec, dictionaryId: number): FlatTable {
  const { tag, table } = typeTable(field.type);
  const { of } = parseType(field.type);
  const children = of === undefined ? [] : [fieldTable({ name: 'element', type: of, nullable: true }, 0)];
  const dictionary: FlatField =
    field.type === 'dictionary<utf8>'
      ? { table: [{ i64: dictionaryId }, { table: [{ i32: 32 }, { i8: 1 }] }, { i8: 0 }] }
      : undefined;
  const metadata = Object.entries(field.metadata ?? {}).map(
    ([key, value]): FlatTable => [{ text: key }, { text: value }],
  );
  return [
    { text: field.name },
    { i8: field.nullable ? 1 : 0 },
    { i8: tag },
    { table },
    dictionary,
    { tables: children },
    { tables: metadata },
  ];
}

function message(headerType: number, header: FlatTable, bodyBytes: number): Uint8Array {
  return encodeFlatbuffer([{ i16: VERSION_5 }, { i8: headerType }, { table: header }, { i64: bodyBytes }]);
}

/** Bytes of a buffer in a body, with what is left free behind it. */
export const alignedBytes = (bytes: number): number => (bytes + 63) & ~63;

/** What a record batch message says of its body, and the body's buffers. */
export interface IpcBody {
  nodes: number[];
  ranges: number[];
  buffers: Uint8Array[];
  bytes: number;
}

function addBuffer(body: IpcBody, buffer: Uint8Array | undefined): void {
  body.ranges.push(body.bytes, buffer?.length ?? 0);
  if (buffer === undefined) return;
  body.buffers.push(buffer);
  body.bytes += alignedBytes(buffer.length);
}

/** Depth first, as the format wants: node, then validity, offsets, values, then the children. */
function addColumn(body: IpcBody, column: IpcColumn): void {
  const { physical } = parseType(column.type);
  body.nodes.push(column.rows, column.nullCount);
  addBuffer(body, column.validity);
  if (column.offsets !== undefined) addBuffer(body, column.offsets);
  if (physical !== 'list') addBuffer(body, column.values);
  else if (column.child !== undefined) addColumn(body, column.child);
}

function batchBody(columns: readonly IpcColumn[], rows: number): { header: FlatTable; body: IpcBody } {
  const body: IpcBody = { nodes: [], ranges: [], buffers: [], bytes: 0 };
  for (const column of columns) addColumn(body, column);
  return { body, header: [{ i64: rows }, { int64s: body.nodes, perStruct: 2 }, { int64s: body.ranges, perStruct: 2 }] };
}

/**
 * Memory that is used again for every stream of one writer: a fresh array for each would be megabytes of garbage a batch,
 * which the collector sees late.
 */
export class IpcScratch {
  #bytes = new Uint8Array(0);

  take(bytes: number): Uint8Array {
    if (this.#bytes.length < bytes) this.#bytes = new Uint8Array(bytes + (bytes >>> 2));
    return this.#bytes.subarray(0, bytes);
  }
}

/** Puts messages and their bodies one behind the other. */
function assemble(messages: readonly IpcMessage[], scratch: IpcScratch): Uint8Array {
  const bytes = scratch.take(messages.reduce((sum, { head, body }) => sum + 8 + head.length + (body?.bytes ?? 0), 8));
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const { head, body } of messages) {
    view.setUint32(at, 0xffff_ffff, true);
    view.setInt32(at + 4, head.length, true);
    bytes.set(head, at + 8);
    at += 8 + head.length;
    let offset = at;
    for (const buffer of body?.buffers ?? []) {
      bytes.set(buffer, offset);
      offset += alignedBytes(buffer.length);
    }
    at += body?.bytes ?? 0;
  }
  // End of stream.
  view.setUint32(at, 0xffff_ffff, true);
  view.setUint32(at + 4, 0, true);
  return bytes;
}

/** One message of a stream: the flatbuffer, and the body behind it. */
export interface IpcMessage {
  head: Uint8Array;
  body?: IpcBody;
}

/** Schema, as messages and footers have it. */
export function schemaTable(fields: Fields): FlatTable {
  return [{ i16: 0 }, { tables: fields.map((field, id) => fieldTable(field, id)) }];
}

/** The first message of every stream. */
export function schemaMessage(fields: Fields): IpcMessage {
  return { head: message(HEADER_SCHEMA, schemaTable(fields), 0) };
}

/** A record batch, its dictionaries before it. */
export function batchMessages(columns: readonly IpcColumn[], rows: number): Required<IpcMessage>[] {
  const messages: Required<IpcMessage>[] = [];
  columns.forEach((column, id) => {
    if (column.type !== 'dictionary<utf8>' || column.child === undefined) return;
    const { header, body } = batchBody([column.child], column.child.rows);
    messages.push({ head: message(HEADER_DICTIONARY, [{ i64: id }, { table: header }, { i8: 0 }], body.bytes), body });
  });
  const { header, body } = batchBody(columns, rows);
  messages.push({ head: message(HEADER_BATCH, header, body.bytes), body });
  return messages;
}

/**
 * A whole stream: schema, dictionaries, one record batch. `columns` are of the types of `fields`. The bytes lie in
 * `scratch`, until it is used again.
 */
export function encodeIpcStream(
  fields: Fields,
  columns: readonly IpcColumn[],
  rows: number,
  scratch: IpcScratch,
): Uint8Array {
  return assemble([schemaMessage(fields), ...batchMessages(columns, rows)], scratch);
}
