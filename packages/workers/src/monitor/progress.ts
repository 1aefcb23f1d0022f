/** How far a job has come. */
import type { PressureLevel } from '../governor/pressure.ts';

/** One source or sink. */
export interface EndpointProgress {
  /** Name of the node in the plan. */
  name: string;
  rows: number;
  /** Bytes read of a source's files, or logical Arrow bytes where there is no file. */
  bytes: number;
  /** What there is in all, where the source can tell. */
  totalRows?: number;
  totalBytes?: number;
  rowsPerSecond: number;
  bytesPerSecond: number;
  /** Milliseconds to the end at the mean speed so far, where the total is known. */
  etaMs?: number;
}

/** How far a run is: what `onProgress` gets. */
export interface Progress {
  elapsedMs: number;
  sources: EndpointProgress[];
  sinks: EndpointProgress[];
  memory: MemoryProgress;
  /** How hard memory presses. */
  pressure: PressureLevel;
}

/** All in bytes. */
export interface MemoryProgress {
  limitBytes: number;
  /** Bytes of slabs in use. */
  arenaBytes: number;
  rssBytes: number;
  idleRssBytes: number;
  peakRssBytes: number;
}

/** What is counted of a source or sink; the rates follow from it. */
export interface EndpointCount {
  name: string;
  rows: number;
  bytes: number;
  totalRows?: number;
  totalBytes?: number;
}

function remaining(done: number, total: number | undefined, elapsedMs: number): number | undefined {
  if (total === undefined || done === 0) return undefined;
  return (Math.max(0, total - done) * elapsedMs) / done;
}

/** Mean rates since the start, and the time that is left at that speed. */
export function endpointProgress(count: EndpointCount, elapsedMs: number): EndpointProgress {
  const seconds = Math.max(elapsedMs, 1) / 1000;
  const etaMs =
    remaining(count.rows, count.totalRows, elapsedMs) ?? remaining(count.bytes, count.totalBytes, elapsedMs);
  return {
    ...count,
    rowsPerSecond: count.rows / seconds,
    bytesPerSecond: count.bytes / seconds,
    ...(etaMs === undefined ? {} : { etaMs }),
  };
}
