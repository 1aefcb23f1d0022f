/** What the compiled kernels and their wrappers agree on. Keep in step with kernels/layout.ts; a test compares the two. */
import type { KernelType } from './aggregate-contract.ts';

/** Codes of column types. */
export const TYPE_CODE: Readonly<Record<KernelType, number>> = {
  i8: 0,
  i16: 1,
  i32: 2,
  i64: 3,
  u8: 4,
  u16: 5,
  u32: 6,
  u64: 7,
  f32: 8,
  f64: 9,
};

/** Bytes of scratch that every kernel may use. */
export const SCRATCH_BYTES: number = 1024 + 32_768 + 16_384 + 16_384 + 64 * 4096;
