/** One node of a compiled expression, and the classes of types that the rules speak of. */
import type { Column } from '../batch/contract.ts';
import type { KernelType } from '../kernels/aggregate-contract.ts';
import { numberTypeOf } from '../schema/number-types.ts';
import { parseType } from '../schema/parse-type.ts';
import type { TimeUnitText, TypeText } from '../schema/types.ts';
import type { Frame } from './frame.ts';

/** The value of a literal: integers and temporal values as bigint in the unit of their type. */
export type LiteralValue = bigint | number | boolean | string | null;

/** One node of a compiled expression. */
export interface Step {
  readonly type: TypeText;
  /** Set for a literal, so that kernels can take it as a scalar. */
  readonly literal?: LiteralValue;
  /** Whether some value can raise an error; the laziness of `when` and its like costs nothing where none can. */
  readonly isFallible: boolean;
  /** A column of `frame.rows` rows that belongs to the frame. */
  run(frame: Frame): Column;
}

export type TypeClass = 'bool' | 'int' | 'float' | 'text' | 'timestamp' | 'date' | 'time' | 'duration' | 'opaque';

/** How the rules treat a type. */
export function classOf(type: TypeText): TypeClass {
  const { domain } = parseType(type);
  if (domain === 'temporal') {
    if (type.startsWith('timestamp')) return 'timestamp';
    if (type.startsWith('duration')) return 'duration';
    return type.startsWith('date') ? 'date' : 'time';
  }
  if (domain === 'uint') return 'int';
  return domain === 'utf8' ? 'text' : domain;
}

export function isUnsigned(type: TypeText): boolean {
  return parseType(type).domain === 'uint';
}

/** How kernels see a fixed-width type that can be computed with: temporal types as the integer that stores them. */
export function kernelTypeOf(type: TypeText): KernelType {
  return numberTypeOf(type) ?? (parseType(type).byteWidth === 4 ? 'i32' : 'i64');
}

/** The unit of a temporal type; a date32 counts days. */
export function unitOf(type: TypeText): TimeUnitText | 'day' {
  return parseType(type).unit ?? 'ns';
}

export function zoneNameOf(type: TypeText): string | undefined {
  return parseType(type).timeZone;
}

export function timestampType(unit: TimeUnitText, zone: string | undefined): TypeText {
  return zone === undefined ? `timestamp[${unit}]` : `timestamp[${unit}, ${zone}]`;
}

/** A step on the result of another: `apply` gets its column and owns it. */
export function mapStep(
  arg: Step,
  type: TypeText,
  isFallible: boolean,
  apply: (frame: Frame, column: Column) => Column,
): Step {
  return { type, isFallible: arg.isFallible || isFallible, run: (frame) => apply(frame, arg.run(frame)) };
}
