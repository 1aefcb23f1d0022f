/** Powers of ten for the kernel that reads doubles. */
import type { Arena, Ptr } from '../../memory/contract.ts';
import { SMALL_POWERS as SMALL, WIDE_POWERS } from './chunk-sizes.ts';

const { least: LEAST, most: MOST } = WIDE_POWERS;

/** Leading 128 bits of 5^exponent as the algorithm of Eisel and Lemire wants them: cut off, those of negative exponents plus one. */
function leadingBits(exponent: number): bigint {
  const power = 5n ** BigInt(Math.abs(exponent));
  const bits = BigInt(power.toString(16).length * 4);
  const value = exponent >= 0 ? power << 128n : (1n << (2n * bits + 128n)) / power + 1n;
  const length = BigInt(value.toString(2).length);
  if (exponent >= 0 || exponent < -27) return value >> (length - 128n);
  // Few enough digits that nothing may be cut off behind the sum.
  const exact = BigInt((power - 1n).toString(2).length);
  return (1n << (exact + 127n)) / power + 1n;
}

let made: { small: Float64Array; wide: BigUint64Array } | undefined;

function tables(): NonNullable<typeof made> {
  if (made !== undefined) return made;
  const small = Float64Array.from({ length: SMALL }, (_, exponent) => Number(`1e${exponent}`));
  const wide = new BigUint64Array((MOST - LEAST + 1) * 2);
  for (let exponent = LEAST; exponent <= MOST; exponent++) {
    const value = leadingBits(exponent);
    wide[2 * (exponent - LEAST)] = BigInt.asUintN(64, value);
    wide[2 * (exponent - LEAST) + 1] = value >> 64n;
  }
  made = { small, wide };
  return made;
}

/** Writes both tables to `at`; the wide one follows the small. */
export function writeTables(arena: Arena, at: Ptr): { powers: Ptr; widePowers: Ptr } {
  const { small, wide } = tables();
  arena.float64At(at, SMALL).set(small);
  const widePowers = at + SMALL * 8;
  arena.uint64At(widePowers, wide.length).set(wide);
  return { powers: at, widePowers };
}
