/** A 32-bit finaliser: every bit of the result depends on every bit of `x` (lowbias32, Chris Wellons, 2018). */
export function mix(x: number): number {
  let z = x ^ (x >>> 16);
  z = Math.imul(z, 0x7feb352d);
  z ^= z >>> 15;
  z = Math.imul(z, 0x846ca68b);
  return (z ^ (z >>> 16)) >>> 0;
}

/** Four integers (taken mod 2^32) to one unsigned 32-bit integer, so that any cell of a table can be made alone. */
export function hash(seed: number, a: number, b: number, c: number): number {
  return mix((c + mix((b + mix((a + mix(seed)) | 0)) | 0)) | 0);
}
