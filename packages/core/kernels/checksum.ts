// Checksum of bytes (xxHash, 64 bits: github.com/Cyan4973/xxHash), at once or piece by piece, and the primes that it mixes with.
export const P1: u64 = 0x9e3779b185ebca87;
const P2: u64 = 0xc2b2ae3d27d4eb4f;
export const P3: u64 = 0x165667b19e3779f9;
const P4: u64 = 0x85ebca77c2b2ae63;
export const P5: u64 = 0x27d4eb2f165667c5;

// @ts-ignore: decorator
@inline
function round(acc: u64, input: u64): u64 {
  return rotl<u64>(acc + input * P2, 31) * P1;
}

// @ts-ignore: decorator
@inline
function mergeRound(hash: u64, acc: u64): u64 {
  return (hash ^ round(0, acc)) * P1 + P4;
}

/** What is left behind the last 32 bytes that went together, and the end. */
function finishSum(hash: u64, ptr: usize, left: u32): u64 {
  for (; left >= 8; left -= 8, ptr += 8) hash = rotl<u64>(hash ^ round(0, load<u64>(ptr)), 27) * P1 + P4;
  if (left >= 4) {
    hash = rotl<u64>(hash ^ (<u64>load<u32>(ptr) * P1), 23) * P2 + P3;
    left -= 4;
    ptr += 4;
  }
  for (; left > 0; left--, ptr++) hash = rotl<u64>(hash ^ (<u64>load<u8>(ptr) * P5), 11) * P1;
  hash = (hash ^ (hash >> 33)) * P2;
  hash = (hash ^ (hash >> 29)) * P3;
  return hash ^ (hash >> 32);
}

// @ts-ignore: decorator
@inline
function mergeLanes(a: u64, b: u64, c: u64, d: u64): u64 {
  const hash = rotl<u64>(a, 1) + rotl<u64>(b, 7) + rotl<u64>(c, 12) + rotl<u64>(d, 18);
  return mergeRound(mergeRound(mergeRound(mergeRound(hash, a), b), c), d);
}

/** xxHash64. */
export function checksum(ptr: usize, bytes: u32, seed: u64): u64 {
  let left = bytes;
  let hash = seed + P5;
  if (left >= 32) {
    let a = seed + P1 + P2;
    let b = seed + P2;
    let c = seed;
    let d = seed - P1;
    for (; left >= 32; left -= 32, ptr += 32) {
      a = round(a, load<u64>(ptr));
      b = round(b, load<u64>(ptr, 8));
      c = round(c, load<u64>(ptr, 16));
      d = round(d, load<u64>(ptr, 24));
    }
    hash = mergeLanes(a, b, c, d);
  }
  return finishSum(hash + <u64>bytes, ptr, left);
}

/** Begins an xxHash64 (seed 0) of bytes that come piece by piece; the state is four words of 64 bits. */
export function checksumBegin(state: usize): void {
  store<u64>(state, P1 + P2);
  store<u64>(state, P2, 8);
  store<u64>(state, 0, 16);
  store<u64>(state, 0 - P1, 24);
}

/** Takes in bytes, a multiple of 32. */
export function checksumAdd(state: usize, ptr: usize, bytes: u32): void {
  let a = load<u64>(state);
  let b = load<u64>(state, 8);
  let c = load<u64>(state, 16);
  let d = load<u64>(state, 24);
  for (let left = bytes; left >= 32; left -= 32, ptr += 32) {
    a = round(a, load<u64>(ptr));
    b = round(b, load<u64>(ptr, 8));
    c = round(c, load<u64>(ptr, 16));
    d = round(d, load<u64>(ptr, 24));
  }
  store<u64>(state, a);
  store<u64>(state, b, 8);
  store<u64>(state, c, 16);
  store<u64>(state, d, 24);
}

/** The lower half of the hash: of `total` bytes, the last of which, fewer than 32, are given here. */
export function checksumEnd(state: usize, ptr: usize, left: u32, total: f64): u32 {
  const hash =
    total >= 32 ? mergeLanes(load<u64>(state), load<u64>(state, 8), load<u64>(state, 16), load<u64>(state, 24)) : P5;
  return <u32>finishSum(hash + <u64>total, ptr, left);
}
