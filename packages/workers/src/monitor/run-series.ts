/**
 * What charts draw: a few numbers of each snapshot, kept for the whole run in bounded memory. When the list is full every second point goes
 * and points come half as often, so that three hours and three seconds both fit, and what is far back is as fine as what is near.
 */
import type { MetricsSnapshot } from './snapshot.ts';

/** One point in time. Sizes in bytes, rates in rows a second; lists are in the order of the plan's stages. */
export interface SeriesPoint {
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

/** As wide as a chart on a large screen. */
const MOST_POINTS = 1200;

export class RunSeries {
  #points: SeriesPoint[] = [];
  readonly #mostPoints: number;
  #everyMs: number;
  #nextMs = 0;

  constructor(everyMs: number, mostPoints: number = MOST_POINTS) {
    this.#everyMs = everyMs;
    this.#mostPoints = mostPoints;
  }

  get points(): readonly SeriesPoint[] {
    return this.#points;
  }

  /** Whether a snapshot taken then would be kept. */
  isDue(elapsedMs: number): boolean {
    return elapsedMs >= this.#nextMs;
  }

  /** Keeps a point, when it is time for one. */
  add(snapshot: MetricsSnapshot): void {
    if (!this.isDue(snapshot.elapsedMs)) return;
    this.#points.push(pointOf(snapshot));
    if (this.#points.length >= this.#mostPoints) {
      this.#points = this.#points.filter((_, index) => index % 2 === 0);
      this.#everyMs *= 2;
    }
    this.#nextMs = snapshot.elapsedMs + this.#everyMs * 0.9;
  }
}

export function pointOf(snapshot: MetricsSnapshot): SeriesPoint {
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
