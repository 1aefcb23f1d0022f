/** Puts the snapshot of a run together from its counters, its gauges and what happened in it. */
import { statfsSync } from 'node:fs';
import { dirname } from 'node:path';
import type { ActiveAlert } from '../alerts/alert.ts';
import { PROMISED_FACTOR } from '../governor/shared-pressure.ts';
import type { RunGauges } from './gauges.ts';
import { noFlushes } from './operator-statistics.ts';
import type { JobReadings } from './readings.ts';
import type { ResidentSampler } from './resident.ts';
import type { RunRecord } from './run-record.ts';
import type { DiskMetrics, IsolateMetrics, MemoryMetrics, MetricsSnapshot } from './snapshot.ts';

/** What a snapshot is taken of. Readings and gauges are there once the run has been wired. */
export interface SnapshotParts {
  readings: JobReadings | undefined;
  gauges: RunGauges | undefined;
  sampler: Pick<ResidentSampler, 'sample' | 'idleBytes' | 'peakBytes'>;
  record: RunRecord;
  alerts: readonly ActiveAlert[];
  /** The run's own folder for what does not fit into memory; undefined for runs that cannot spill. */
  spillFolder: string | undefined;
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
    alerts: [...parts.alerts],
    recent: record.copyRecent(),
  };
}

function memoryOf(
  { sampler, limitBytes, spillFolder }: SnapshotParts,
  gauged: ReturnType<RunGauges['read']> | undefined,
  spilledBytes: number,
): MemoryMetrics {
  const rssBytes = sampler.sample();
  const disk = spillFolder === undefined ? undefined : diskOf(dirname(spillFolder));
  const { idleBytes: idleRssBytes, peakBytes: peakRssBytes } = sampler;
  return {
    limitBytes,
    promisedRssBytes: idleRssBytes + limitBytes * PROMISED_FACTOR,
    rssBytes,
    idleRssBytes,
    peakRssBytes,
    managedBytes: gauged?.managedBytes ?? 0,
    peakManagedBytes: gauged?.peakManagedBytes ?? 0,
    arenaBytes: gauged?.arenaBytes ?? 0,
    reservedBytes: gauged?.reservedBytes ?? 0,
    unmanagedBytes: idleRssBytes === 0 ? 0 : Math.max(0, rssBytes - idleRssBytes - (gauged?.touchedBytes ?? 0)),
    spilledBytes,
    onDiskBytes: gauged?.onDiskBytes ?? 0,
    ...(disk !== undefined && { disk }),
    holdings: gauged?.holdings ?? [],
  };
}

/** The run's own folder may not be made yet; the one that it will lie in is. */
function diskOf(folder: string): DiskMetrics | undefined {
  try {
    const { bavail, bsize, blocks } = statfsSync(folder);
    return { folder, freeBytes: bavail * bsize, totalBytes: blocks * bsize };
  } catch {
    return undefined; // the folder is gone: spilling will say so
  }
}
