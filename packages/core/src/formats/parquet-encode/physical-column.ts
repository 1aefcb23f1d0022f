/** How a column of a canonical type stands in a Parquet file: physical type, annotations, and how its values become those of pages. */
import { parseType } from '../../schema/parse-type.ts';
import type { FieldSpec } from '../../schema/types.ts';
import type { ThriftWriter } from '../thrift-writer.ts';

/** Numbers of the physical types. */
export const PHYSICAL = { boolean: 0, int32: 1, int64: 2, float: 4, double: 5, bytes: 6, fixed: 7 } as const;

/** Codes of types in the kernels. */
const KERNEL_TYPES: Readonly<Record<string, number>> = {
  ...{ int8: 0, int16: 1, int32: 2, int64: 3, uint8: 4, uint16: 5, uint32: 6, uint64: 7, float32: 8, float64: 9 },
};

export interface PhysicalColumn {
  field: FieldSpec;
  physical: number;
  /** How values are gathered for a page. `codes`: numbers into the dictionary of a batch. */
  kind: 'bits' | 'fixed' | 'text' | 'codes';
  /** Bytes of a value in memory, and in a page; 0 where they vary. */
  memoryWidth: number;
  width: number;
  /** Code of the values' type in the kernels, in pages; undefined for bytes, whose bounds are not kept. */
  kernelType: number | undefined;
  /** Integers are widened from this type. */
  widenFrom: number | undefined;
  isDecimal: boolean;
  /** Differences can be told. */
  isInteger: boolean;
}

/** Bytes that an integer of so many decimal digits takes. */
function decimalBytes(precision: number): number {
  return Math.ceil((precision * Math.log2(10) + 1) / 8);
}

/** Undefined for what the library has to write: lists, and decimals that no file can describe. */
export function physicalColumn(field: FieldSpec): PhysicalColumn | undefined {
  const type = parseType(field.type);
  const base = { field, kernelType: undefined, widenFrom: undefined, isDecimal: false, isInteger: false };
  const bytes = { ...base, physical: PHYSICAL.bytes, memoryWidth: 0, width: 0 };
  if (type.physical === 'list') return undefined;
  if (type.physical === 'bits') return { ...base, physical: PHYSICAL.boolean, kind: 'bits', memoryWidth: 0, width: 0 };
  if (type.physical === 'dictionary') return { ...bytes, kind: 'codes' };
  if (type.physical === 'variable') return { ...bytes, kind: 'text' };
  const fixed = { ...base, kind: 'fixed', memoryWidth: type.byteWidth } as const;
  if (type.precision !== undefined) {
    const { precision, scale = 0 } = type;
    if (scale < 0 || scale > precision || type.byteWidth !== 16) return undefined;
    const physical = precision <= 9 ? PHYSICAL.int32 : precision <= 18 ? PHYSICAL.int64 : PHYSICAL.fixed;
    const width = precision <= 9 ? 4 : precision <= 18 ? 8 : decimalBytes(precision);
    const isInteger = precision <= 18;
    return { ...fixed, physical, width, isDecimal: true, isInteger, kernelType: isInteger ? width / 4 + 1 : undefined };
  }
  if (type.domain === 'opaque') return { ...fixed, physical: PHYSICAL.fixed, width: type.byteWidth };
  if (type.domain === 'float') {
    const physical = type.byteWidth === 4 ? PHYSICAL.float : PHYSICAL.double;
    return { ...fixed, physical, width: type.byteWidth, kernelType: type.byteWidth === 4 ? 8 : 9 };
  }
  const width = type.byteWidth === 8 ? 8 : 4;
  const isUnsigned = type.domain === 'uint';
  return {
    ...fixed,
    physical: width === 8 ? PHYSICAL.int64 : PHYSICAL.int32,
    width,
    isInteger: true,
    kernelType: (width === 8 ? 3 : 2) + (isUnsigned ? 4 : 0),
    widenFrom: type.byteWidth < 4 ? KERNEL_TYPES[type.text] : undefined,
  };
}

const UNIT = { s: 0, ms: 1, us: 2, ns: 3, day: 0 } as const;

/** The annotations of a column: fields 6 to 10 of its schema element. */
export function writeAnnotations(out: ThriftWriter, field: FieldSpec): void {
  const { text, unit, timeZone, precision, scale = 0 } = parseType(field.type);
  const integer = /^(u?)int(\d+)$/.exec(text);
  if (precision !== undefined)
    out
      .i32(6, 5)
      .i32(7, scale)
      .i32(8, precision)
      .struct(10, (logical) => logical.struct(5, (decimal) => decimal.i32(1, scale).i32(2, precision)));
  else if (text === 'utf8' || text === 'dictionary<utf8>')
    out.i32(6, 0).struct(10, (logical) => logical.struct(1, () => undefined));
  else if (text === 'date32') out.i32(6, 6).struct(10, (logical) => logical.struct(6, () => undefined));
  else if (integer !== null && text !== 'int32' && text !== 'int64') {
    const [bits, isSigned] = [Number(integer[2]), integer[1] === ''];
    out
      .i32(6, (isSigned ? 15 : 11) + Math.log2(bits / 8))
      .struct(10, (logical) => logical.struct(10, (inner) => inner.byte(1, bits).bool(2, isSigned)));
  } else if (unit !== undefined && unit !== 's' && /^time(stamp|32|64)/.test(text)) {
    const isMoment = text.startsWith('timestamp');
    const isUtc = timeZone !== undefined;
    if (isMoment && isUtc && unit !== 'ns') out.i32(6, unit === 'ms' ? 9 : 10);
    out.struct(10, (logical) =>
      logical.struct(isMoment ? 8 : 7, (time) =>
        time.bool(1, isUtc).struct(2, (unitOf) => unitOf.struct(UNIT[unit], () => undefined)),
      ),
    );
  }
}
