import type * as Arrow from 'apache-arrow';
import { fieldsToArrow } from '../schema/arrow-schema.ts';
import type { ArrowModule } from '../schema/load-arrow.ts';
import { parseType } from '../schema/parse-type.ts';
import type { Fields, TypeText } from '../schema/types.ts';
import type { Batch } from './contract.ts';
import { copyOut, type PlainBatch, type PlainColumn } from './plain-batch.ts';
import { arenaOf } from './shared-batch.ts';
import { viewColumn } from './view-batch.ts';

type TypedArray =
  | Int8Array
  | Int16Array
  | Int32Array
  | BigInt64Array
  | Uint8Array
  | Uint16Array
  | Uint32Array
  | BigUint64Array
  | Float32Array
  | Float64Array;
type TypedArrayConstructor = new (buffer: ArrayBufferLike, offset: number, length: number) => TypedArray;

const BY_TYPE: Record<string, TypedArrayConstructor> = {
  int8: Int8Array,
  int16: Int16Array,
  int32: Int32Array,
  int64: BigInt64Array,
  uint8: Uint8Array,
  uint16: Uint16Array,
  uint32: Uint32Array,
  uint64: BigUint64Array,
  float32: Float32Array,
  float64: Float64Array,
  'dictionary<utf8>': Int32Array,
};

/** The bytes of fixed-width values as the typed array that apache-arrow keeps them in. */
function typedValues(type: TypeText, length: number, bytes: Uint8Array): TypedArray {
  const parsed = parseType(type);
  const { buffer, byteOffset } = bytes;
  const known = BY_TYPE[type];
  if (known !== undefined) return new known(buffer, byteOffset, length);
  if (parsed.precision !== undefined) return new Uint32Array(buffer, byteOffset, length * 4);
  if (parsed.domain !== 'temporal') return bytes;
  return parsed.byteWidth === 4
    ? new Int32Array(buffer, byteOffset, length)
    : new BigInt64Array(buffer, byteOffset, length);
}

function columnData(arrow: ArrowModule, type: Arrow.DataType, column: PlainColumn): Arrow.Data {
  const { physical } = parseType(column.type);
  const base = { type, offset: 0, length: column.length, nullCount: column.nullCount, nullBitmap: column.validity };
  // The overloads of makeData want the type parameter that only the values know.
  const make = arrow.makeData as unknown as (props: Record<string, unknown>) => Arrow.Data;
  switch (physical) {
    case 'bits':
      return make({ ...base, data: column.values });
    case 'variable':
      return make({ ...base, valueOffsets: column.offsets, data: column.values });
    case 'fixed':
      return make({ ...base, data: typedValues(column.type, column.length, column.values) });
    case 'dictionary': {
      const values = columnData(arrow, (type as Arrow.Dictionary).dictionary, column.child as PlainColumn);
      return make({
        ...base,
        data: typedValues(column.type, column.length, column.values),
        dictionary: new arrow.Vector([values]),
      });
    }
    case 'list':
      return make({
        ...base,
        valueOffsets: column.offsets,
        child: columnData(arrow, (type as Arrow.List).valueType, column.child as PlainColumn),
      });
  }
}

function toArrow(arrow: ArrowModule, fields: Fields, rows: number, columns: readonly PlainColumn[]): Arrow.RecordBatch {
  const schema = fieldsToArrow(arrow, fields);
  const children = columns.map((column, index) =>
    columnData(arrow, schema.fields[index]?.type as Arrow.DataType, column),
  );
  return new arrow.RecordBatch(
    schema,
    arrow.makeData({ type: new arrow.Struct(schema.fields), length: rows, nullCount: 0, children }),
  );
}

/**
 * A `RecordBatch` of views on shared memory: nothing is copied, and it is valid only as long as the batch is held. What
 * outlives the batch has to be copied (`batchToArrowCopy`).
 */
export function batchToArrow(arrow: ArrowModule, batch: Batch): Arrow.RecordBatch {
  const arena = arenaOf(batch);
  return toArrow(
    arrow,
    batch.fields,
    batch.rows,
    batch.columns.map((column) => viewColumn(arena, column)),
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
