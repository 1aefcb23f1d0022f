import type * as Arrow from 'apache-arrow';
import { fieldsToArrow } from '../schema/arrow-schema.ts';
import type { ArrowModule } from '../schema/load-arrow.ts';
import { KERNEL_TYPE_ARRAYS, numberTypeOf, type TypedArray } from '../schema/number-types.ts';
import { parseType } from '../schema/parse-type.ts';
import type { Fields, TypeText } from '../schema/types.ts';
import type { Batch } from './contract.ts';
import { copyOut, type PlainBatch, type PlainColumn } from './plain-batch.ts';
import { arenaOf } from './shared-batch.ts';
import { viewColumn } from './view-batch.ts';

/** The bytes of fixed-width values as the typed array that apache-arrow keeps them in. */
function typedValues(type: TypeText, length: number, bytes: Uint8Array): TypedArray {
  const { buffer, byteOffset } = bytes;
  const number = type === 'dictionary<utf8>' ? 'i32' : numberTypeOf(type);
  if (number !== undefined) return new KERNEL_TYPE_ARRAYS[number](buffer, byteOffset, length);
  const parsed = parseType(type);
  if (parsed.precision !== undefined) return new Uint32Array(buffer, byteOffset, length * 4);
  if (parsed.domain !== 'temporal') return bytes;
  return parsed.byteWidth === 4
    ? new Int32Array(buffer, byteOffset, length)
    : new BigInt64Array(buffer, byteOffset, length);
}

/** Buffers in the order of apache-arrow's `BufferType`: offsets, values, validity. */
type ArrowBuffers = [offsets: Int32Array | undefined, values: TypedArray, validity: Uint8Array];

const NO_BITMAP = new Uint8Array(0);

/** `makeData` would do the same and check each buffer's class on the way, which doubles the cost of a small batch. */
function columnData(arrow: ArrowModule, type: Arrow.DataType, column: PlainColumn): Arrow.Data {
  const { length, nullCount, validity = NO_BITMAP } = column;
  const { physical } = parseType(column.type);
  const values = typedValues(column.type, length, column.values);
  const buffers: ArrowBuffers = [column.offsets, values, validity];
  const children =
    physical === 'list' ? [columnData(arrow, (type as Arrow.List).valueType, column.child as PlainColumn)] : [];
  const dictionary =
    physical === 'dictionary'
      ? new arrow.Vector([columnData(arrow, (type as Arrow.Dictionary).dictionary, column.child as PlainColumn)])
      : undefined;
  return new arrow.Data(type, 0, length, nullCount, buffers as never, children, dictionary);
}

const structs = new WeakMap<Arrow.Schema, Arrow.Struct>();

type RecordBatchClass = new (schema: Arrow.Schema, data: Arrow.Data<Arrow.Struct>) => Arrow.RecordBatch;

function toArrow(
  arrow: ArrowModule,
  fields: Fields,
  rows: number,
  columns: readonly PlainColumn[],
  as: RecordBatchClass = arrow.RecordBatch,
): Arrow.RecordBatch {
  const schema = fieldsToArrow(arrow, fields);
  let struct = structs.get(schema);
  if (struct === undefined) structs.set(schema, (struct = new arrow.Struct(schema.fields)));
  const children = columns.map((column, index) =>
    columnData(arrow, schema.fields[index]?.type as Arrow.DataType, column),
  );
  return new as(schema, new arrow.Data(struct, 0, rows, 0, [undefined, undefined, NO_BITMAP] as never, children));
}

/**
 * A `RecordBatch` of views on shared memory: nothing is copied, and it is valid only as long as the batch is held. What
 * outlives the batch has to be copied (`batchToArrowCopy`).
 */
export function batchToArrow(arrow: ArrowModule, batch: Batch): Arrow.RecordBatch {
  return viewOf(arrow, batch, arrow.RecordBatch);
}

/** The same as an instance of a subclass. */
export function viewOf(arrow: ArrowModule, batch: Batch, as: RecordBatchClass): Arrow.RecordBatch {
  const arena = arenaOf(batch);
  return toArrow(
    arrow,
    batch.fields,
    batch.rows,
    batch.columns.map((column) => viewColumn(arena, column)),
    as,
  );
}

/** A `RecordBatch` in ordinary memory, of a batch already copied out. */
export function plainToArrow(arrow: ArrowModule, plain: PlainBatch): Arrow.RecordBatch {
  return toArrow(arrow, plain.fields, plain.rows, plain.columns);
}

/** A `RecordBatch` in ordinary memory, which outlives the batch. */
export function batchToArrowCopy(arrow: ArrowModule, batch: Batch): Arrow.RecordBatch {
  return plainToArrow(arrow, copyOut(batch));
}
