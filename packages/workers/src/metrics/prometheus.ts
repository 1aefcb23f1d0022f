/**
 * A snapshot in the text format of Prometheus. Names follow its conventions: base units, `_total` for counters. Labels are names of the plan
 * and fixed words, so that a run has as many series at its end as at its start.
 */
import { Counter, Gauge, Registry } from 'prom-client';
import type { MetricsSnapshot } from '../monitor/snapshot.ts';

/** One metric: its series, each with the values of its labels. */
interface Metric {
  name: string;
  help: string;
  isCounter: boolean;
  labels: readonly string[];
  series: readonly (readonly [number, ...string[]])[];
}

/** An answer to a scrape. */
export interface PrometheusText {
  /** For the header `content-type`. */
  type: string;
  text: string;
}

/**
 * A snapshot of a run in the text format of Prometheus.
 * @param labels put on every series: what tells runs of several jobs apart
 */
export async function prometheusText(
  snapshot: MetricsSnapshot,
  labels: Record<string, string> = {},
): Promise<PrometheusText> {
  const registry = new Registry();
  registry.setDefaultLabels(labels);
  for (const { name, help, isCounter, labels: labelNames, series } of metricsOf(snapshot)) {
    const options = { name: `spillway_${name}`, help, labelNames, registers: [registry] };
    const metric = isCounter ? new Counter(options) : new Gauge(options);
    for (const [value, ...values] of series)
      metric.inc(Object.fromEntries(labelNames.map((label, index) => [label, values[index] as string])), value);
  }
  return { type: registry.contentType, text: await registry.metrics() };
}

function metricsOf(snapshot: MetricsSnapshot): Metric[] {
  return [...runMetrics(snapshot), ...memoryMetrics(snapshot), ...flowMetrics(snapshot), ...threadMetrics(snapshot)];
}

function runMetrics({ elapsedMs, restarts, barriers, alerts, pressure, flushes }: MetricsSnapshot): Metric[] {
  const active = new Map<string, number>();
  for (const { kind, severity } of alerts)
    active.set(`${kind} ${severity}`, (active.get(`${kind} ${severity}`) ?? 0) + 1);
  return [
    gauge('run_seconds', 'Time since the run began.', [[elapsedMs / 1000]]),
    counter('restarts_total', 'Workers that died or were replaced.', [[restarts]]),
    counter('barriers_total', 'Barriers that the run can go on from.', [[barriers.count]]),
    gauge('pressure_level', 'How hard memory presses: 0 normal, 1 elevated, 2 high, 3 critical.', [[pressure.index]]),
    gauge('pressure_ratio', 'Part of the tightest bound that is in use.', [[pressure.fraction]]),
    gauge(
      'alerts_active',
      'Alerts that are up.',
      [...active].map(([key, number]) => [number, ...(key.split(' ') as [string, string])] as const),
      ['kind', 'severity'],
    ),
    counter(
      'flushes_total',
      'Buffers that were emptied downstream, by reason.',
      Object.entries(flushes).map(([reason, number]) => [number, reason] as const),
      ['reason'],
    ),
  ];
}

function memoryMetrics({ memory }: MetricsSnapshot): Metric[] {
  const kinds = {
    limit: memory.limitBytes,
    promised: memory.promisedRssBytes,
    resident: memory.rssBytes,
    resident_idle: memory.idleRssBytes,
    resident_peak: memory.peakRssBytes,
    managed: memory.managedBytes,
    reserved: memory.reservedBytes,
    unmanaged: memory.unmanagedBytes,
    on_disk: memory.onDiskBytes,
  };
  const { disk } = memory;
  return [
    gauge(
      'memory_bytes',
      'Memory of the run, by kind; on_disk is what was spilled and is still there.',
      Object.entries(kinds).map(([kind, bytes]) => [bytes, kind] as const),
      ['kind'],
    ),
    counter('spilled_bytes_total', 'Bytes written to disk because they did not fit into memory.', [
      [memory.spilledBytes],
    ]),
    gauge(
      'spill_disk_free_bytes',
      'Room on the disk that the run spills to.',
      disk === undefined ? [] : [[disk.freeBytes]],
    ),
  ];
}

function flowMetrics({ sources, sinks, stages, edges, buffers }: MetricsSnapshot): Metric[] {
  const ends = [
    ...sources.map((end) => ({ ...end, kind: 'source' })),
    ...sinks.map((end) => ({ ...end, kind: 'sink' })),
  ];
  return [
    counter(
      'rows_total',
      'Rows of sources and sinks.',
      ends.map(({ rows, kind, name }) => [rows, kind, name] as const),
      ['kind', 'name'],
    ),
    counter(
      'bytes_total',
      'Bytes of sources and sinks.',
      ends.map(({ bytes, kind, name }) => [bytes, kind, name] as const),
      ['kind', 'name'],
    ),
    counter(
      'stage_rows_total',
      'Rows that stages took and gave.',
      stages.flatMap(({ name, rowsIn, rowsOut }) => [[rowsIn, name, 'in'] as const, [rowsOut, name, 'out'] as const]),
      ['stage', 'direction'],
    ),
    counter(
      'stage_spilled_bytes_total',
      'Bytes that stages wrote to disk.',
      stages.map(({ spilledBytes, name }) => [spilledBytes, name] as const),
      ['stage'],
    ),
    counter(
      'late_rows_total',
      'Rows that came too late and were left out.',
      stages.map(({ lateRows, name }) => [lateRows, name] as const),
      ['stage'],
    ),
    gauge(
      'queue_packets',
      'Batches on their way between two stages.',
      edges.map(({ packets, from, to }) => [packets, from, to] as const),
      ['from', 'to'],
    ),
    gauge(
      'queue_bytes',
      'Bytes on their way between two stages.',
      edges.map(({ bytes, from, to }) => [bytes, from, to] as const),
      ['from', 'to'],
    ),
    gauge(
      'buffer_held_bytes',
      'What buffering steps hold.',
      buffers.map(({ bytes, stage, name }) => [bytes, stage, name] as const),
      ['stage', 'node'],
    ),
  ];
}

function threadMetrics({ stages, isolates }: MetricsSnapshot): Metric[] {
  const spent = stages.flatMap(({ name, spentMs }) =>
    Object.entries(spentMs).map(([activity, ms]) => [ms / 1000, name, activity.replaceAll(' ', '_')] as const),
  );
  return [
    counter('stage_seconds_total', 'Time of the lanes of a stage, by what they did.', spent, ['stage', 'activity']),
    gauge(
      'heap_bytes',
      'JavaScript heaps, by thread.',
      isolates.map(({ heapBytes, name }) => [heapBytes, name] as const),
      ['thread'],
    ),
    counter(
      'collections_total',
      'Garbage collections, by thread.',
      isolates.map(({ collections, name }) => [collections, name] as const),
      ['thread'],
    ),
    counter(
      'collection_seconds_total',
      'Time in garbage collections, by thread.',
      isolates.map(({ collectionMs, name }) => [collectionMs / 1000, name] as const),
      ['thread'],
    ),
  ];
}

function gauge(name: string, help: string, series: Metric['series'], labels: readonly string[] = []): Metric {
  return { name, help, isCounter: false, labels, series };
}

function counter(name: string, help: string, series: Metric['series'], labels: readonly string[] = []): Metric {
  return { name, help, isCounter: true, labels, series };
}
