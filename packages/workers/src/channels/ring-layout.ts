/**
 * A ring's words in shared memory: a header whose hot words have a cache line each, then the slots.
 *
 * A slot belongs to sequence `s` when `s mod capacity` is its index. Its state says whose turn it is: `2·round` means
 * free for the sequence of that round (`round = s div capacity`), `2·round + 1` means full.
 */

/** Words; each hot one begins a cache line of 16. */
export const RingWord = {
  /** Fixed when the ring is made. */
  capacity: 0,
  creditKib: 1,
  /** `RingState`. */
  state: 2,
  /** Number of sequences, once known; -1 before. */
  total: 3,
  /** Next sequence that a consumer may claim. */
  claimed: 16,
  /** Packets taken out so far. */
  taken: 32,
  /** Changes whenever a slot becomes free; producers sleep on it. */
  freed: 33,
  producersAsleep: 34,
  /** Changes whenever a packet or the end is published; consumers sleep on it. */
  published: 48,
  consumersAsleep: 49,
  /** Packets published so far. */
  put: 50,
  /** Kibibytes published and not yet taken. */
  inFlightKib: 64,
  words: 80,
} as const;

export const RingState = { open: 0, failed: 1 } as const;

export const SlotWord = {
  state: 0,
  /** Batches of the packet. */
  count: 1,
  kib: 2,
  /** Descriptors when they fit, else one pointer to a list of them. */
  first: 3,
  words: 16,
} as const;

/** Descriptors that lie in the slot itself. */
export const INLINE_DESCRIPTORS: number = SlotWord.words - SlotWord.first;

export function ringBytes(capacity: number): number {
  return (RingWord.words + capacity * SlotWord.words) * 4;
}
