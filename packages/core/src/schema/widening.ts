/** Which numbers hold every value of which others. */
import type { TypeText } from './types.ts';

/** Bits of an integer type; undefined for other types. */
function integerBits(type: TypeText): { bits: number; isSigned: boolean } | undefined {
  const match = /^(u?)int(8|16|32|64)$/.exec(type);
  return match === null ? undefined : { bits: Number(match[2]), isSigned: match[1] === '' };
}

const MANTISSA: Partial<Record<TypeText, number>> = { float32: 24, float64: 53 };

/** Whether every value of a type is one of another, wider one. */
export function isWidened(from: TypeText, to: TypeText): boolean {
  const source = integerBits(from);
  if (source === undefined) return from === 'float32' && to === 'float64';
  const mantissa = MANTISSA[to];
  if (mantissa !== undefined) return source.bits < mantissa;
  const target = integerBits(to);
  if (target === undefined) return false;
  return target.bits > source.bits && (target.isSigned || !source.isSigned);
}
