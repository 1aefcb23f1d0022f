/**
 * What stands before the body of a record batch, checked before anything is made of it: counts and places of a damaged file are anything.
 * What passes here costs no more memory than the file's size times a bound.
 */
import { parseType } from '../../schema/parse-type.ts';
import type { FlatReader } from '../flatbuffer-reader.ts';
import type { ArrowColumn } from './arrow-format.ts';

const NODE_BYTES = 16;
const BUFFER_BYTES = 16;
const COUNT_BYTES = 8;
const VIEW_BYTES = 16;
/** Where the bytes do not tell: more values than an array of Arrow's is meant to have cannot be told from damage. */
const MOST_PACKED_ROWS = 2 ** 31 - 1;
/** Some writers do not count nulls. */
const UNKNOWN_NULLS = -1;

/** Bytes of a body. */
export interface BodyRange {
  at: number;
  bytes: number;
}

export interface BatchHead {
  rows: number;
  nodes: { rows: number; nulls: number }[];
  /** Places inside the body. */
  buffers: BodyRange[];
  /** Of views: how many further buffers each has. */
  variadic: number[];
  /** Set when buffers are compressed. */
  codec: number | undefined;
}

/** @throws RangeError for numbers that cannot be */
export function readBatchHead(flat: FlatReader, batch: number, bodyBytes: number): BatchHead {
  if (batch === 0) throw new RangeError('a record batch without a header');
  const compression = flat.table(batch, 3);
  const head: BatchHead = {
    rows: flat.i64(batch, 0, 0),
    nodes: flat.structs(batch, 1, NODE_BYTES).map((at) => ({ rows: flat.int64At(at), nulls: flat.int64At(at + 8) })),
    buffers: flat.structs(batch, 2, BUFFER_BYTES).map((at) => ({ at: flat.int64At(at), bytes: flat.int64At(at + 8) })),
    variadic: flat.structs(batch, 4, COUNT_BYTES).map((at) => flat.int64At(at)),
    codec: compression === 0 ? undefined : flat.i8(compression, 0, 0),
  };
  const mostRows = head.codec === undefined ? Math.max(MOST_PACKED_ROWS, bodyBytes * 8) : MOST_PACKED_ROWS;
  if (head.rows < 0 || head.rows > mostRows) throw new RangeError(`a record batch of ${head.rows} rows`);
  if (head.buffers.some(({ at, bytes }) => at < 0 || bytes < 0 || at + bytes > bodyBytes))
    throw new RangeError('a buffer lies outside of its body');
  if (head.nodes.some(({ rows, nulls }) => rows < 0 || nulls < UNKNOWN_NULLS || nulls > rows))
    throw new RangeError('it counts more nulls than rows, or less than none');
  if (head.variadic.some((count) => count < 0 || count > head.buffers.length))
    throw new RangeError('it counts further buffers that are not there');
  return head;
}

/** Number of a column's buffer in this record batch: views before it have brought further ones. */
export function bufferOf({ variadic }: BatchHead, column: ArrowColumn, index: number): number {
  let more = 0;
  for (let view = 0; view < column.variadic; view++) more += variadic[view] ?? 0;
  return column.buffer + more + index;
}

/**
 * That the columns have the rows of the batch, and buffers that are long enough for them. `sizeOf` tells the bytes of a buffer, unpacked;
 * undefined where that is not known yet.
 * @throws RangeError naming the column
 */
export function checkColumns(
  head: BatchHead,
  columns: readonly ArrowColumn[],
  sizeOf: (buffer: number) => number | undefined,
): void {
  for (const column of columns) {
    const rows = head.nodes[column.node]?.rows;
    if (rows !== head.rows)
      throw new RangeError(`column "${column.field.name}" has ${rows ?? 'no'} rows, of ${head.rows}`);
    checkColumn(head, column, rows, sizeOf);
  }
}

function checkColumn(
  head: BatchHead,
  column: ArrowColumn,
  rows: number,
  sizeOf: (buffer: number) => number | undefined,
): void {
  const { name } = column.field;
  const hasAtLeast = (index: number, bytes: number): boolean => {
    const buffer = bufferOf(head, column, index);
    if (head.buffers[buffer] === undefined) throw new RangeError(`column "${name}" has too few buffers`);
    return (sizeOf(buffer) ?? bytes) >= bytes;
  };
  if (!hasAtLeast(1, valueBytes(column, rows)))
    throw new RangeError(`column "${name}" has fewer values than its ${rows} rows`);
  const nulls = head.nodes[column.node]?.nulls ?? 0;
  if (!hasAtLeast(0, nulls > 0 ? Math.ceil(rows / 8) : 0))
    throw new RangeError(`column "${name}" has ${nulls} nulls and does not say which`);
  if (column.storage === 'text' || column.storage === 'large') hasAtLeast(2, 0);
  if (column.child === undefined) return;
  const child = head.nodes[column.child.node];
  if (child === undefined) throw new RangeError(`column "${name}" has no elements`);
  checkColumn(head, column.child, child.rows, sizeOf);
}

/** What the buffer behind the validity has to have for so many rows. */
function valueBytes(column: ArrowColumn, rows: number): number {
  switch (column.storage) {
    case 'bits':
      return Math.ceil(rows / 8);
    case 'view':
      return rows * VIEW_BYTES;
    case 'text':
    case 'list':
      return rows === 0 ? 0 : (rows + 1) * 4;
    case 'large':
    case 'large-list':
      return rows === 0 ? 0 : (rows + 1) * 8;
    case 'fixed':
      return rows * (column.dictionary?.indexBytes ?? parseType(column.field.type).byteWidth);
  }
}
