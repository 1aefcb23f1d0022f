/**
 * The CRC-32 of two runs of bytes behind each other, from the CRC-32 of each. A CRC is a remainder of polynomials over two elements, so bytes that
 * follow multiply what came before by a power of x (Peterson and Brown, 1961: cyclic codes). Words hold a polynomial with the lowest power in the highest bit.
 */
const POLYNOMIAL = 0xedb88320;
const ONE = 0x8000_0000;
const X = 0x4000_0000;
const WORD_BITS = 32;

function times(left: number, right: number): number {
  let product = 0;
  let shifted = right;
  for (let bits = left; bits !== 0; bits <<= 1) {
    if (bits < 0) product ^= shifted;
    shifted = (shifted >>> 1) ^ (-(shifted & 1) & POLYNOMIAL);
  }
  return product;
}

/** x to the powers 8, 16, 32, …: what one, two, four, … bytes multiply by. */
const BYTE_POWERS: readonly number[] = (() => {
  let power = X;
  for (let doubled = 1; doubled < 8; doubled *= 2) power = times(power, power);
  return Array.from({ length: WORD_BITS }, () => {
    const now = power;
    power = times(power, power);
    return now;
  });
})();

/** @param secondBytes how many bytes the second run has, below 2³² */
export function joinCrc32(first: number, second: number, secondBytes: number): number {
  let power = ONE | 0;
  for (let bit = 0, left = secondBytes; left > 0; bit += 1, left = Math.floor(left / 2))
    if (left % 2 === 1) power = times(power, BYTE_POWERS[bit] as number);
  return (times(power, first | 0) ^ second) >>> 0;
}
