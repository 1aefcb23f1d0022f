/** What somebody outside wants to hear of the lanes, in one shared word that they look at. */
export interface Attention {
  /** Each flush, as it happens. */
  flushes: boolean;
  /** The heaps of their threads. */
  isolates: boolean;
}

const FLUSHES = 1;
const ISOLATES = 2;

export function attentionBits({ flushes, isolates }: Attention): number {
  return (flushes ? FLUSHES : 0) | (isolates ? ISOLATES : 0);
}

export function wantsFlushes(bits: number): boolean {
  return (bits & FLUSHES) !== 0;
}

export function wantsIsolates(bits: number): boolean {
  return (bits & ISOLATES) !== 0;
}
