/** What is better read as a table: stages, heaps, who holds the memory, alerts. */
import type {
  CascadeRecord,
  EndpointMetrics,
  IsolateMetrics,
  MetricsSnapshot,
  StageMetrics,
} from '../dist/monitor/snapshot.js';
import { element, table } from './elements.js';
import { bytes, count, duration, percent, rough } from './format.js';

export function numbersOf({ memory, pressure, elapsedMs, restarts, barriers }: MetricsSnapshot): HTMLElement {
  const { rssBytes, promisedRssBytes, limitBytes, managedBytes, reservedBytes, unmanagedBytes } = memory;
  const numbers: [string, string][] = [
    ['running for', duration(elapsedMs)],
    ['resident', bytes(rssBytes)],
    ['promised at most', bytes(promisedRssBytes)],
    ['memory limit', bytes(limitBytes)],
    ['in batches', bytes(managedBytes)],
    ['reserved beside them', bytes(reservedBytes)],
    ['unmanaged', bytes(unmanagedBytes)],
    ['on disk', bytes(memory.onDiskBytes)],
    ['pressure', `${pressure.level}, ${percent(pressure.fraction)}`],
    ['barriers', count(barriers.count)],
    ['workers replaced', count(restarts)],
  ];
  const items = numbers.map(([name, value]) =>
    element('div', {}, element('dt', {}, name), element('dd', { 'data-name': name }, value)),
  );
  return element('dl', { class: 'numbers' }, ...items);
}

export function stagesOf({ stages, elapsedMs }: MetricsSnapshot): HTMLElement {
  const part = (stage: StageMetrics, activity: keyof StageMetrics['spentMs']): string => {
    const all = Object.entries(stage.spentMs).reduce((sum, [name, ms]) => (name === 'done' ? sum : sum + ms), 0);
    return percent(all > 0 ? stage.spentMs[activity] / all : 0);
  };
  return table<StageMetrics>(
    'stages',
    [
      { name: 'stage', text: ({ name }) => name },
      { name: 'lanes', text: ({ lanes }) => count(lanes) },
      { name: 'rows in', text: ({ rowsIn }) => count(rowsIn) },
      { name: 'rows out', text: ({ rowsOut }) => count(rowsOut) },
      { name: 'rows in/s', text: ({ rowsIn }) => rough((rowsIn * 1000) / Math.max(1, elapsedMs)) },
      { name: 'working', text: (stage) => part(stage, 'working') },
      { name: 'waits for input', text: (stage) => part(stage, 'waiting for input') },
      { name: 'waits for room', text: (stage) => part(stage, 'waiting for room in its output') },
      { name: 'gives memory back', text: (stage) => part(stage, 'giving memory back') },
      { name: 'spilled', text: ({ spilledBytes }) => bytes(spilledBytes) },
      { name: 'held at most', text: ({ peakHeldBytes }) => bytes(peakHeldBytes) },
    ],
    stages,
  );
}

export function endsOf({ sources, sinks, elapsedMs }: MetricsSnapshot): HTMLElement {
  return table<EndpointMetrics & { kind: string }>(
    'sources and sinks',
    [
      { name: 'name', text: ({ name }) => name },
      { name: '', text: ({ kind }) => kind },
      {
        name: 'rows',
        text: ({ rows, totalRows }) =>
          totalRows === undefined ? count(rows) : `${count(rows)} of ${count(totalRows)}`,
      },
      { name: 'bytes', text: (end) => bytes(end.bytes) },
      { name: 'rows/s', text: ({ rows }) => rough((rows * 1000) / Math.max(1, elapsedMs)) },
    ],
    [...sources.map((end) => ({ ...end, kind: 'source' })), ...sinks.map((end) => ({ ...end, kind: 'sink' }))],
  );
}

export function heapsOf({ isolates }: MetricsSnapshot): HTMLElement {
  return table<IsolateMetrics>(
    'heaps',
    [
      { name: 'thread', text: ({ name }) => name },
      { name: 'heap', text: ({ heapBytes }) => bytes(heapBytes) },
      { name: 'buffers outside', text: ({ externalBytes }) => bytes(externalBytes) },
      { name: 'collections', text: ({ collections }) => count(collections) },
      { name: 'time in them', text: ({ collectionMs }) => duration(collectionMs) },
    ],
    isolates,
  );
}

export function holdersOf({ memory }: MetricsSnapshot): HTMLElement {
  return table(
    'who holds the memory',
    [
      { name: 'holder', text: ({ stage }: { stage: string; bytes: number }) => stage },
      { name: 'bytes', text: (holding) => bytes(holding.bytes) },
    ],
    memory.holdings,
  );
}

export function flushesOf({ flushes, recent, atMs }: MetricsSnapshot): HTMLElement {
  const reasons = Object.entries(flushes).map(([name, times]) => ({ name, times }));
  const byReason = table(
    'flushes by reason',
    [
      { name: 'because of', text: ({ name }: { name: string; times: number }) => name },
      { name: 'flushes', text: ({ times }) => count(times) },
    ],
    reasons,
  );
  const cascades = recent.cascades.slice(-8).toReversed();
  const list = element('ul', { 'aria-label': 'cascades' }, ...cascades.map((cascade) => cascadeItem(cascade, atMs)));
  return element('div', {}, byReason, list);
}

function cascadeItem({ path, action, bytes: size, atMs }: CascadeRecord, nowMs: number): HTMLElement {
  const how = action === 'flush' ? path.join(' → ') : `${path[0]} to disk`;
  return element('li', {}, `${duration(nowMs - atMs)} ago: ${bytes(size)}, ${how}`);
}

export function alertsOf({ alerts, atMs }: MetricsSnapshot): HTMLElement {
  if (alerts.length === 0) return element('p', { class: 'quiet' }, 'none');
  const items = alerts.map(({ kind, severity, message, sinceMs }) =>
    element(
      'li',
      { 'data-level': severity, 'data-kind': kind },
      `${severity}, for ${duration(atMs - sinceMs)}: ${message}`,
    ),
  );
  return element('ul', {}, ...items);
}
