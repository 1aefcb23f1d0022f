/** The number types: what kernels call them, how wide a value is, and the array that views a column of them. */

/** How kernels see a fixed-width type that can be computed with. */
export type KernelType = 'i8' | 'i16' | 'i32' | 'i64' | 'u8' | 'u16' | 'u32' | 'u64' | 'f32' | 'f64';

/** Views of numbers that fixed-width columns are made of. */
export type TypedArray =
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

export type TypedArrayConstructor = new (buffer: ArrayBufferLike, offset: number, length: number) => TypedArray;

export const KERNEL_TYPE_BYTES: Readonly<Record<KernelType, number>> = {
  i8: 1,
  i16: 2,
  i32: 4,
  i64: 8,
  u8: 1,
  u16: 2,
  u32: 4,
  u64: 8,
  f32: 4,
  f64: 8,
};

export const KERNEL_TYPE_ARRAYS: Readonly<Record<KernelType, TypedArrayConstructor>> = {
  i8: Int8Array,
  i16: Int16Array,
  i32: Int32Array,
  i64: BigInt64Array,
  u8: Uint8Array,
  u16: Uint16Array,
  u32: Uint32Array,
  u64: BigUint64Array,
  f32: Float32Array,
  f64: Float64Array,
};

const NUMBER_TYPES: Readonly<Record<string, KernelType>> = {
  int8: 'i8',
  int16: 'i16',
  int32: 'i32',
  int64: 'i64',
  uint8: 'u8',
  uint16: 'u16',
  uint32: 'u32',
  uint64: 'u64',
  float32: 'f32',
  float64: 'f64',
};

/** The kernel type of an integer or float type, by its text; undefined for all others. */
export function numberTypeOf(type: string): KernelType | undefined {
  return NUMBER_TYPES[type];
}
