/** How an aggregate treats the values of a column type: which kernel reads them, how states and results lie in memory. */
import type { KernelType } from '../../kernels/aggregate-contract.ts';
import { KERNEL_TYPE_BYTES, numberTypeOf } from '../../schema/number-types.ts';
import type { TypeText } from '../../schema/types.ts';

/** `number`: a kernel type and a width. `text`: bytes between offsets. `opaque`: rows can be counted, nothing more. */
export type ValueClass = 'number' | 'text' | 'opaque';

export interface ValueType {
  type: TypeText;
  class: ValueClass;
  /** What the kernels read the column as; for text and opaque columns only validity is read. */
  kernel: KernelType;
  /** Bytes of a value in a column; 0 for bool and text. */
  byteWidth: number;
  /** Sums, means and deviations make sense (integers, floats and bool). */
  summable: boolean;
  /** Text behind int32 codes. */
  dictionary: boolean;
}

const TEMPORALS: Record<string, [KernelType, number]> = {
  date32: ['i32', 4],
  date64: ['i64', 8],
  time32: ['i32', 4],
  time64: ['i64', 8],
  timestamp: ['i64', 8],
  duration: ['i64', 8],
};

/** Takes a column type apart for aggregation. */
export function valueTypeOf(type: TypeText): ValueType {
  const base = { type, dictionary: false };
  const number = numberTypeOf(type);
  if (number !== undefined)
    return { ...base, class: 'number', kernel: number, byteWidth: KERNEL_TYPE_BYTES[number], summable: true };
  if (type === 'bool') return { ...base, class: 'number', kernel: 'u8', byteWidth: 0, summable: true };
  const temporal = TEMPORALS[type.replace(/\[.*$/s, '')];
  if (temporal !== undefined)
    return { ...base, class: 'number', kernel: temporal[0], byteWidth: temporal[1], summable: false };
  if (type === 'utf8' || type === 'binary')
    return { ...base, class: 'text', kernel: 'i8', byteWidth: 0, summable: false };
  if (type === 'dictionary<utf8>') {
    return { ...base, class: 'text', kernel: 'i8', byteWidth: 4, summable: false, dictionary: true };
  }
  return { ...base, class: 'opaque', kernel: 'i8', byteWidth: 0, summable: false };
}

/** True for the kernel types whose sums are SumStates. */
export function isFloat(kernel: KernelType): boolean {
  return kernel === 'f32' || kernel === 'f64';
}

/** True for the kernel types whose 8-byte states are u64. */
export function isUnsigned(kernel: KernelType): boolean {
  return kernel === 'u8' || kernel === 'u16' || kernel === 'u32' || kernel === 'u64';
}

const UNIT_NS: Record<string, bigint> = { s: 1_000_000_000n, ms: 1_000_000n, us: 1_000n, ns: 1n };

/**
 * Nanoseconds of one step of an ordered column. Plain numbers count as they are: for them a bin width of
 * "n nanoseconds" is n. Undefined when bins cannot be laid over the type.
 */
export function unitNsOf(type: TypeText): bigint | undefined {
  if (type === 'date32') return 86_400_000_000_000n;
  if (type === 'date64') return 1_000_000n;
  const unit = /^(?:timestamp|duration|time32|time64)\[(s|ms|us|ns)/.exec(type)?.[1];
  if (unit !== undefined) return UNIT_NS[unit];
  return numberTypeOf(type) === undefined ? undefined : 1n;
}
