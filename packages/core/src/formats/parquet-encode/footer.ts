/** The end of a Parquet file: its schema, and where its column chunks are. */
import type { Fields } from '../../schema/types.ts';
import { schemaMessage } from '../ipc-stream.ts';
import { ThriftWriter } from '../thrift-writer.ts';
import type { BoundBytes } from './chunk-bounds.ts';
import { PHYSICAL, type PhysicalColumn, writeAnnotations } from './physical-column.ts';

/** A column chunk in the file. */
export interface FooterChunk {
  offset: number;
  /** Of the dictionary's page, which goes before the others; 0 without. */
  dictionaryBytes: number;
  bytes: number;
  uncompressedBytes: number;
  values: number;
  nulls: number;
  codec: number;
  encodings: number[];
  bounds: BoundBytes | undefined;
}

export interface FooterGroup {
  rows: number;
  chunks: FooterChunk[];
}

const CREATED_BY = 'spillway version 0.1.0';
const REQUIRED = 0;
const OPTIONAL = 1;

export function footerBytes(
  columns: readonly PhysicalColumn[],
  groups: readonly FooterGroup[],
  metadata: Readonly<Record<string, string>>,
): Uint8Array {
  const fields = columns.map(({ field }) => field);
  const pairs = [...Object.entries(metadata), ['ARROW:schema', arrowSchema(fields)] as const];
  return new ThriftWriter()
    .i32(1, 1)
    .structs(2, [undefined, ...columns], (out, column) => writeElement(out, column, columns.length))
    .i64(
      3,
      groups.reduce((sum, { rows }) => sum + rows, 0),
    )
    .structs(4, groups, (out, group, index) => writeGroup(out, columns, group, index))
    .structs(5, pairs, (out, [key, value]) => out.text(1, key).text(2, value))
    .text(6, CREATED_BY)
    .structs(7, columns, (out) => out.struct(1, () => undefined))
    .finish();
}

/** The root, or a column. */
function writeElement(out: ThriftWriter, column: PhysicalColumn | undefined, columns: number): void {
  if (column === undefined) return void out.text(4, 'schema').i32(5, columns);
  const { field, physical, width } = column;
  out.i32(1, physical);
  if (physical === PHYSICAL.fixed) out.i32(2, width);
  out.i32(3, field.nullable ? OPTIONAL : REQUIRED).text(4, field.name);
  writeAnnotations(out, field);
}

function writeGroup(
  out: ThriftWriter,
  columns: readonly PhysicalColumn[],
  { rows, chunks }: FooterGroup,
  index: number,
): void {
  const sum = (of: (chunk: FooterChunk) => number): number => chunks.reduce((total, chunk) => total + of(chunk), 0);
  out
    .structs(1, chunks, (inner, chunk, at) => writeChunk(inner, columns[at] as PhysicalColumn, chunk))
    .i64(
      2,
      sum((chunk) => chunk.uncompressedBytes),
    )
    .i64(3, rows)
    .i64(5, chunks.length === 0 ? 0 : Math.min(...chunks.map(({ offset }) => offset)))
    .i64(
      6,
      sum((chunk) => chunk.bytes),
    );
  // A number of 16 bits.
  if (index < 32_768) out.i16(7, index);
}

function writeChunk(out: ThriftWriter, { field, physical }: PhysicalColumn, chunk: FooterChunk): void {
  const { offset, dictionaryBytes, bytes, uncompressedBytes, values, codec, encodings } = chunk;
  out.i64(2, 0).struct(3, (meta) => {
    meta
      .i32(1, physical)
      .i32s(2, encodings)
      .texts(3, [field.name])
      .i32(4, codec)
      .i64(5, values)
      .i64(6, uncompressedBytes)
      .i64(7, bytes)
      .i64(9, offset + dictionaryBytes);
    if (dictionaryBytes > 0) meta.i64(11, offset);
    meta.struct(12, (statistics) => writeStatistics(statistics, chunk));
  });
}

function writeStatistics(out: ThriftWriter, { nulls, bounds }: FooterChunk): void {
  out.i64(3, nulls);
  if (bounds === undefined) return;
  out.binary(5, bounds.max).binary(6, bounds.min).bool(7, bounds.isMaxExact).bool(8, bounds.isMinExact);
}

/** What Parquet's own types do not say: zones, dictionaries, seconds, metadata of fields. A message of a stream, as text. */
function arrowSchema(fields: Fields): string {
  const { head } = schemaMessage(fields);
  const prefix = new DataView(new ArrayBuffer(8));
  prefix.setUint32(0, 0xffff_ffff, true);
  prefix.setInt32(4, head.length, true);
  return Buffer.concat([new Uint8Array(prefix.buffer), head]).toString('base64');
}
