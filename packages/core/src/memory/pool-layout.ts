/**
 * The control block of a `MemoryPool`, in shared memory: a header, then a cache line for each consumer, which only the thread that the
 * consumer belongs to writes (and whoever cleans up after that thread). Sums are never stored: they are taken over the lines, so that a
 * thread that dies between two writes leaves no sum wrong. Kibibytes, because a word of 32 bits then counts to 2 TiB.
 */

/** Words of the header. */
export const PoolWord = {
  /** The whole memory limit. Fixed. */
  limitKib: 0,
  /** The arena's part now. */
  arenaKib: 1,
  /** What of it is promised: floors, smallest states, credits, shares. Fixed. */
  promisedKib: 2,
  words: 16,
} as const;

/** Words of a consumer. */
export const ConsumerWord = {
  /** What its reservations come to. */
  reservedKib: 0,
  /** Most that they ever came to. */
  peakKib: 1,
  /** Of a consumer that lends: what of it is in use, as last reported; the rest may go to the arena. */
  usedKib: 2,
  /** Of what its operators hold in slabs, which are counted there, what a flush or the disk could give back. */
  heldKib: 3,
  /** What they hold and nobody can get back: neither a flush nor the disk helps. */
  stuckKib: 4,
  /** Index of the operator that holds most of that. */
  stuckOperator: 5,
  /** Of its slabs, what code of users keeps, and the operator that was the last to keep some. */
  keptKib: 6,
  keptOperator: 7,
  words: 16,
} as const;

/** Bytes of a control block for so many consumers. */
export function poolBytes(consumers: number): number {
  return (PoolWord.words + consumers * ConsumerWord.words) * 4;
}

/** Where a consumer's words begin. */
export function consumerAt(index: number): number {
  return PoolWord.words + index * ConsumerWord.words;
}
