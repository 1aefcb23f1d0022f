/** Puts the snapshot of a run together from its counters, its gauges and what happened in it. */
import type { RunGauges } from './gauges.ts';
import type { JobReadings } from './readings.ts';
import type { ResidentSampler } from './resident.ts';
import type { RunRecord } from './run-record.ts';
import type { IsolateMetrics, MemoryMetrics, MetricsSnapshot } from './snapshot.ts';
import { noFlushes } from './statistics.ts';

const PROMISED_FACTOR = 1.1;

/** What a snapshot is taken of. Readings and gauges are there once the run has been wired. */
export interface SnapshotParts {
  readings: JobReadings | undefined;
  gauges: RunGauges | undefined;
  sampler: Pick<ResidentSampler, 'sample' | 'idleBytes' | 'peakBytes'>;
  record: RunRecord;
  elapsedMs: number;
  limitBytes: number;
}

export function takeSnapshot(parts: SnapshotParts, main: IsolateMetrics): MetricsSnapshot {
  const { readings, gauges, record, elapsedMs } = parts;
  const gauged = gauges?.read();
  const stages = readings?.stageMetrics() ?? [];
  return {
    atMs: Date.now(),
    elapsedMs,
    sources: readings?.sourceMetrics() ?? [],
    sinks: readings?.sinkMetrics() ?? [],
    stages,
    buffers: readings?.buffers() ?? [],
    edges: gauged?.edges ?? [],
    memory: memoryOf(
      parts,
      gauged,
      stages.reduce((sum, stage) => sum + stage.spilledBytes, 0),
    ),
    pressure: gauged?.pressure ?? { level: 'normal', index: 0, fraction: 0, managedFraction: 0, outsideFraction: 0 },
    flushes: readings?.flushes() ?? noFlushes(),
    isolates: [main, ...(readings?.isolates() ?? [])],
    barriers: { count: record.barriers, last: record.lastBarrier },
    restarts: record.restarts,
    recent: record.copyRecent(),
  };
}

function memoryOf(
  { sampler, limitBytes }: SnapshotParts,
  gauged: ReturnType<RunGauges['read']> | undefined,
  spilledBytes: number,
): MemoryMetrics {
  const rssBytes = sampler.sample();
  const { idleBytes: idleRssBytes, peakBytes: peakRssBytes } = sampler;
  return {
    limitBytes,
    promisedRssBytes: idleRssBytes + limitBytes * PROMISED_FACTOR,
    rssBytes,
    idleRssBytes,
    peakRssBytes,
    managedBytes: gauged?.managedBytes ?? 0,
    arenaBytes: gauged?.arenaBytes ?? 0,
    reservedBytes: gauged?.reservedBytes ?? 0,
    unmanagedBytes: idleRssBytes === 0 ? 0 : Math.max(0, rssBytes - idleRssBytes - (gauged?.touchedBytes ?? 0)),
    spilledBytes,
    onDiskBytes: gauged?.onDiskBytes ?? 0,
    holdings: gauged?.holdings ?? [],
  };
}
