/** Rows of one output batch at most. */
export const PIECE_ROWS = 8192;

/**
 * Packets of states are not much larger, so that whoever merges them needs little at once, and a lane holds no more of them before it sends a
 * part of what comes of a batch. Those with keys are larger: each names keys again.
 */
export function packetBytes({ by }: { by: readonly unknown[] }): number {
  return by.length === 0 ? 2 ** 18 : 2 ** 20;
}
