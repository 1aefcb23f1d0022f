/** Snapshots of a run that does not exist, for whatever is made of snapshots: all quiet, but for what a test says. */
import type { Activity, EdgeMetrics, EndpointMetrics, MetricsSnapshot, StageMetrics } from '@spillway/workers';
import { noFlushes } from '@spillway/workers/internal';

export const MEBIBYTE: number = 1024 * 1024;

export function spentMs(ms: Partial<Record<Activity, number>> = {}): Record<Activity, number> {
  return {
    'waiting to start': 0,
    working: 0,
    'waiting for input': 0,
    'waiting for room in its output': 0,
    'giving memory back': 0,
    done: 0,
    ...ms,
  };
}

export function sinkOf(name: string, workingMs = 0): EndpointMetrics {
  return { name, rows: 0, bytes: 0, doing: ['working'], spentMs: spentMs({ working: workingMs }) };
}

export function edgeOf(from: string, to: string, packets = 0): EdgeMetrics {
  return { from, to, packets, capacity: 8, bytes: packets * 1000, creditBytes: 100_000, isNarrow: false };
}

export function stageOf(name: string, more: Partial<StageMetrics> = {}): StageMetrics {
  const counts = { lanes: 1, rowsIn: 0, rowsOut: 0, bytesIn: 0, peakHeldBytes: 0, spilledBytes: 0, lateRows: 0 };
  return { name, ...counts, flushes: noFlushes(), laneActivities: [], spentMs: spentMs(), ...more };
}

/** Of a run with one stage, at so many milliseconds after its start. */
export function snapshotAt(elapsedMs: number, more: Partial<MetricsSnapshot> = {}): MetricsSnapshot {
  return {
    atMs: 1_800_000_000_000 + elapsedMs,
    elapsedMs,
    sources: [],
    sinks: [],
    stages: [stageOf('stage')],
    buffers: [],
    edges: [],
    memory: memoryOf(),
    pressure: { level: 'normal', index: 0, fraction: 0.1, managedFraction: 0.1, outsideFraction: 0 },
    flushes: noFlushes(),
    isolates: [],
    barriers: { count: 0, last: undefined },
    restarts: 0,
    alerts: [],
    recent: { cascades: [], pressure: [], restarts: [], limits: [] },
    ...more,
  };
}

export function memoryOf(more: Partial<MetricsSnapshot['memory']> = {}): MetricsSnapshot['memory'] {
  const limitBytes = 100 * MEBIBYTE;
  const idleRssBytes = 100 * MEBIBYTE;
  return {
    limitBytes,
    promisedRssBytes: idleRssBytes + limitBytes * 1.1,
    rssBytes: 150 * MEBIBYTE,
    idleRssBytes,
    peakRssBytes: 150 * MEBIBYTE,
    managedBytes: 10 * MEBIBYTE,
    peakManagedBytes: 12 * MEBIBYTE,
    arenaBytes: 60 * MEBIBYTE,
    reservedBytes: 20 * MEBIBYTE,
    unmanagedBytes: 20 * MEBIBYTE,
    spilledBytes: 0,
    onDiskBytes: 0,
    holdings: [{ stage: 'stage', bytes: 10 * MEBIBYTE, consumers: [] }],
    ...more,
  };
}
