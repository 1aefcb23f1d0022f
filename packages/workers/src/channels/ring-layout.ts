/**
 * A ring's words in shared memory: a header whose hot words have a cache line each, then the slots.
 *
 * A slot belongs to sequence `s` when `s mod capacity` is its index. Its state says whose turn it is: `2·round` means
 * free for the sequence of that round (`round = s div capacity`), `2·round + 1` means full.
 *
 * Sequences are counted beyond 2^32 (a push source of single rows gets there in a day), words are not: they hold the
 * lower 32 bits, are compared for equality or by their difference, and are made whole again by `wholeSequence`.
 */

/** Words; each hot one begins a cache line of 16. */
export const RingWord = {
  /** Fixed when the ring is made. */
  capacity: 0,
  creditKib: 1,
  /** `RingState`. */
  state: 2,
  /** Number of sequences, once `isEnded` is 1. */
  total: 3,
  isEnded: 4,
  /** 1 when a sleeping consumer is woken for several packets at once. Fixed when the ring is made. */
  isLazy: 5,
  /** 1 while there is no credit beyond the floor: memory is short. */
  isNarrow: 6,
  /** 1 where the producer, or the consumer, is the main thread: see `RingOptions.mainIs`. Fixed when the ring is made. */
  isFed: 7,
  isDelivered: 8,
  /** Next sequence that a consumer may claim. */
  claimed: 16,
  /** Packets taken out so far, and those of them that were worked through. */
  taken: 32,
  done: 35,
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
  /** 1 when more batches of the same sequence follow in this slot. */
  isPart: 3,
  /** Descriptors when they fit, else one pointer to a list of them. */
  first: 4,
  words: 16,
} as const;

/** Descriptors that lie in the slot itself. */
export const INLINE_DESCRIPTORS: number = SlotWord.words - SlotWord.first;

/** State of a slot that is free for this sequence; one more means that the sequence lies in it. */
export function slotTurn(sequence: number, capacity: number): number {
  return (2 * Math.floor(sequence / capacity)) | 0;
}

/** Where the slot of a sequence begins. */
export function slotOf(sequence: number, capacity: number): number {
  return RingWord.words + (sequence % capacity) * SlotWord.words;
}

/** The sequence whose lower 32 bits these are, less than 2^31 from a known one. */
export function wholeSequence(low: number, near: number): number {
  return near + ((low - near) | 0);
}

export function ringBytes(capacity: number): number {
  return (RingWord.words + capacity * SlotWord.words) * 4;
}
