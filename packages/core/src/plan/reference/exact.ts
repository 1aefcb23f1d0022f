/** Exact arithmetic of the reference executor: rationals as pairs of bigints, rounded once, by long division. */

/** `numerator / denominator`, denominator > 0. */
export interface Rational {
  numerator: bigint;
  denominator: bigint;
}

/** Every finite double is a multiple of 2^-1074. */
const SCALE = 1074n;

/** A finite double as a whole number of 2^-1074. */
export function scaledDouble(value: number): bigint {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, value);
  const bits = view.getBigUint64(0);
  const exponent = (bits >> 52n) & 0x7ffn;
  const fraction = bits & 0xfffffffffffffn;
  const magnitude = exponent === 0n ? fraction : (fraction | (1n << 52n)) << (exponent - 1n);
  return bits >> 63n === 1n ? -magnitude : magnitude;
}

/** What a sum in units of 2^-1074 is as a rational. */
export function ofScaled(sum: bigint): Rational {
  return { numerator: sum, denominator: 1n << SCALE };
}

/** What a sum in units of 2^-2148 (of products) is as a rational. */
export function ofScaledSquares(sum: bigint): Rational {
  return { numerator: sum, denominator: 1n << (2n * SCALE) };
}

/** The nearest double, half to even. Zero is +0. */
export function nearestDouble({ numerator, denominator }: Rational): number {
  if (numerator === 0n) return 0;
  const magnitude = numerator < 0n ? -numerator : numerator;
  // The exponent of the last bit that a double of this size keeps.
  let exponent = BigInt(bitLength(magnitude) - bitLength(denominator)) - 54n;
  if (exponent < -SCALE) exponent = -SCALE;
  let units = roundedUnits(magnitude, denominator, exponent);
  while (units >= 1n << 53n) {
    exponent += 1n;
    units = roundedUnits(magnitude, denominator, exponent);
  }
  const value =
    exponent > 971n
      ? Infinity
      : Number(units) * 2 ** Math.max(-1000, Number(exponent)) * 2 ** Math.min(0, Number(exponent) + 1000);
  return numerator < 0n ? -value : value;
}

/** `magnitude / denominator` in units of 2^exponent, half to even. */
function roundedUnits(magnitude: bigint, denominator: bigint, exponent: bigint): bigint {
  const over = exponent < 0n ? magnitude << -exponent : magnitude;
  const under = exponent > 0n ? denominator << exponent : denominator;
  const units = over / under;
  const rest = 2n * (over - units * under);
  return rest > under || (rest === under && units % 2n === 1n) ? units + 1n : units;
}

function bitLength(value: bigint): number {
  return value.toString(2).length;
}
