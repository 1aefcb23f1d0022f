/** From column types as text to apache-arrow's types, at compile time only. */
import type * as arrow from 'apache-arrow';
import type { Shape } from '../schema/types.ts';

interface ArrowTypes {
  bool: arrow.Bool;
  int8: arrow.Int8;
  int16: arrow.Int16;
  int32: arrow.Int32;
  int64: arrow.Int64;
  uint8: arrow.Uint8;
  uint16: arrow.Uint16;
  uint32: arrow.Uint32;
  uint64: arrow.Uint64;
  float32: arrow.Float32;
  float64: arrow.Float64;
  utf8: arrow.Utf8;
  binary: arrow.Binary;
  date32: arrow.DateDay;
  date64: arrow.DateMillisecond;
  'dictionary<utf8>': arrow.Dictionary<arrow.Utf8, arrow.Int32>;
}

type ArrowTypeOf<T> = T extends keyof ArrowTypes
  ? ArrowTypes[T]
  : T extends `timestamp[${string}`
    ? arrow.Timestamp
    : arrow.DataType;

/** The `RecordBatch` of a shape; of any columns when there is none. */
export type BatchOf<S> = S extends Shape
  ? string extends keyof S
    ? arrow.RecordBatch
    : arrow.RecordBatch<{ [K in keyof S & string]: ArrowTypeOf<S[K]> }>
  : arrow.RecordBatch;
