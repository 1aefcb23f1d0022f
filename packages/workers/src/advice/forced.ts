/** Flushes that only memory asked for: those that a larger limit would spare. */
import type { FlushCounts } from '../monitor/statistics.ts';

export function forcedFlushes({ memory, pressure }: FlushCounts): number {
  return memory + pressure;
}
