/** How the TypeScript twins read and write columns: slow, plain, the same for every type. */
import type { Ptr } from '../memory/contract.ts';
import type { KernelType } from './aggregate-contract.ts';

export function isFloatType(type: KernelType): type is 'f32' | 'f64' {
  return type === 'f32' || type === 'f64';
}

export function isUnsignedType(type: KernelType): boolean {
  return type.startsWith('u');
}

/** Reads the value of any type at `ptr`: 64-bit integers as bigint, all others as number. */
export function readValue(view: DataView, type: KernelType, ptr: Ptr): number | bigint {
  switch (type) {
    case 'i8':
      return view.getInt8(ptr);
    case 'u8':
      return view.getUint8(ptr);
    case 'i16':
      return view.getInt16(ptr, true);
    case 'u16':
      return view.getUint16(ptr, true);
    case 'i32':
      return view.getInt32(ptr, true);
    case 'u32':
      return view.getUint32(ptr, true);
    case 'i64':
      return view.getBigInt64(ptr, true);
    case 'u64':
      return view.getBigUint64(ptr, true);
    case 'f32':
      return view.getFloat32(ptr, true);
    case 'f64':
      return view.getFloat64(ptr, true);
  }
}

/** Writes a value of any type; integers wrap to their width. */
export function writeValue(view: DataView, type: KernelType, ptr: Ptr, value: number | bigint): void {
  switch (type) {
    case 'f32':
      return view.setFloat32(ptr, Number(value), true);
    case 'f64':
      return view.setFloat64(ptr, Number(value), true);
    case 'i64':
    case 'u64':
      return view.setBigUint64(ptr, BigInt.asUintN(64, BigInt(value)), true);
    case 'i32':
    case 'u32':
      return view.setUint32(ptr, Number(BigInt.asUintN(32, BigInt(value))), true);
    case 'i16':
    case 'u16':
      return view.setUint16(ptr, Number(BigInt.asUintN(16, BigInt(value))), true);
    case 'i8':
    case 'u8':
      return view.setUint8(ptr, Number(BigInt.asUintN(8, BigInt(value))));
  }
}

/** Bit `index` of a bitmap in Arrow's order; every bit of bitmap 0 is set. */
export function isSet(view: DataView, bitmap: Ptr, index: number): boolean {
  return bitmap === 0 || ((view.getUint8(bitmap + (index >>> 3)) >>> (index & 7)) & 1) === 1;
}
