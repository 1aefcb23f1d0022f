/**
 * What charts draw: a few numbers of each snapshot, kept for the whole run in bounded memory. When the list is full every second point goes
 * and points come half as often, so that three hours and three seconds both fit, and what is far back is as fine as what is near.
 */
import type { MetricsSnapshot } from '../monitor/snapshot.ts';

/** One point in time. Sizes in bytes, rates in rows a second; lists are in the order of the plan's stages. */
export interface HistoryPoint {
  elapsedMs: number;
  rssBytes: number;
  managedBytes: number;
  reservedBytes: number;
  unmanagedBytes: number;
  onDiskBytes: number;
  pressure: number;
  fraction: number;
  /** Held of the limit, by stage. */
  stageBytes: number[];
  rowsIn: number[];
  spilledBytes: number;
  flushes: number[];
  heapBytes: number;
}

const MOST_POINTS = 1200;

export class History {
  #points: HistoryPoint[] = [];
  #everyMs: number;
  #nextMs = 0;

  constructor(everyMs: number) {
    this.#everyMs = everyMs;
  }

  get points(): readonly HistoryPoint[] {
    return this.#points;
  }

  /** Keeps a point, when it is time for one. */
  add(snapshot: MetricsSnapshot): void {
    if (snapshot.elapsedMs < this.#nextMs) return;
    this.#points.push(pointOf(snapshot));
    if (this.#points.length >= MOST_POINTS) {
      this.#points = this.#points.filter((_, index) => index % 2 === 0);
      this.#everyMs *= 2;
    }
    this.#nextMs = snapshot.elapsedMs + this.#everyMs * 0.9;
  }
}

export function pointOf(snapshot: MetricsSnapshot): HistoryPoint {
  const { memory, pressure, stages, flushes, isolates } = snapshot;
  const heldBy = new Map(memory.holdings.map(({ stage, bytes }) => [stage, bytes]));
  return {
    elapsedMs: Math.round(snapshot.elapsedMs),
    rssBytes: memory.rssBytes,
    managedBytes: memory.managedBytes,
    reservedBytes: memory.reservedBytes,
    unmanagedBytes: memory.unmanagedBytes,
    onDiskBytes: memory.onDiskBytes,
    pressure: pressure.index,
    fraction: pressure.fraction,
    stageBytes: stages.map(({ name }) => heldBy.get(name) ?? 0),
    rowsIn: stages.map((stage) => stage.rowsIn),
    spilledBytes: memory.spilledBytes,
    flushes: Object.values(flushes),
    heapBytes: isolates.reduce((sum, isolate) => sum + isolate.heapBytes, 0),
  };
}
