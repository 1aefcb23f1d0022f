/**
 * The rules: what of a snapshot, and of the one before it, somebody should look at. A rule is raised when it has found the same stage at
 * every look of its duration, and cleared when it has not for a while: a value that swings round its threshold raises it once.
 */
import { formatBytes } from '@spillway/core/base';
import type { MetricsSnapshot } from '../monitor/snapshot.ts';
import type { AlertKind, AlertSeverity } from './alert.ts';

/** Rules that can be set. */
export type AlertRuleName = Exclude<AlertKind, 'stalled' | 'memory' | 'spill'>;

export interface AlertRule {
  kind: AlertRuleName;
  severity: AlertSeverity;
  /** What is compared, in the rule's own unit. */
  threshold: number;
  /** How long it has to hold before it is raised. */
  forMs: number;
  /** How long it has to be gone before it is cleared. */
  clearMs: number;
  find(look: AlertLook, threshold: number): AlertFinding[];
}

/** Two snapshots, some time apart; at the first look there is one, and everything counts from the beginning of the run. */
export interface AlertLook {
  now: MetricsSnapshot;
  before: MetricsSnapshot | undefined;
}

export interface AlertFinding {
  stage: string;
  message: string;
}

const MEBIBYTE = 1024 * 1024;
const MINUTE_MS = 60_000;

/** Where a sink counts as full enough to hold others up: this part of its channel. */
const HALF_FULL = 0.5;

function slowSinks({ now, before }: AlertLook, threshold: number): AlertFinding[] {
  const elapsed = now.elapsedMs - (before?.elapsedMs ?? 0);
  return now.sinks.flatMap((sink, index) => {
    const edge = now.edges.find(({ to }) => to === sink.name);
    const isFull = edge !== undefined && edge.packets >= edge.capacity * HALF_FULL;
    const worked = sink.spentMs.working - (before?.sinks[index]?.spentMs.working ?? 0);
    const part = elapsed > 0 ? worked / elapsed : 0;
    if (!isFull || part < threshold) return [];
    const message = `sink "${sink.name}" holds the run up: it is busy ${percent(part)} of the time, and ${edge.packets} batches wait for it`;
    return [{ stage: sink.name, message }];
  });
}

function criticalPressure({ now }: AlertLook): AlertFinding[] {
  const { level, fraction } = now.pressure;
  if (level !== 'critical') return [];
  const holders = now.memory.holdings.slice(0, 3).map(({ stage, bytes }) => `${stage} ${formatBytes(bytes)}`);
  const message = `memory presses critically: ${percent(fraction)} of the tightest bound is in use (${holders.join(', ')})`;
  return [{ stage: 'process', message }];
}

function spillRate({ now, before }: AlertLook, threshold: number): AlertFinding[] {
  const seconds = (now.elapsedMs - (before?.elapsedMs ?? 0)) / 1000;
  const rate = seconds > 0 ? (now.memory.spilledBytes - (before?.memory.spilledBytes ?? 0)) / seconds : 0;
  if (rate < threshold) return [];
  const message = `${formatBytes(Math.round(rate))} a second go to disk because they do not fit into memory; a higher memoryLimit would spare that`;
  return [{ stage: 'process', message }];
}

function spillDisk({ now }: AlertLook, threshold: number): AlertFinding[] {
  const { disk } = now.memory;
  if (disk === undefined || disk.freeBytes >= threshold) return [];
  const message = `the disk with ${disk.folder} has ${formatBytes(disk.freeBytes)} left, and ${formatBytes(now.memory.onDiskBytes)} of this run lie on it`;
  return [{ stage: 'process', message }];
}

function unmanagedGrowth({ now }: AlertLook, threshold: number): AlertFinding[] {
  const { unmanagedBytes, reservedBytes, limitBytes } = now.memory;
  const beyond = unmanagedBytes - reservedBytes;
  if (beyond < limitBytes * threshold) return [];
  const message = `${formatBytes(beyond)} are resident that nobody has reserved: memory outside the engine's batches, of user code or of a library`;
  return [{ stage: 'process', message }];
}

function promiseBroken({ now }: AlertLook, threshold: number): AlertFinding[] {
  const { rssBytes, promisedRssBytes, idleRssBytes } = now.memory;
  if (idleRssBytes === 0 || rssBytes <= promisedRssBytes * threshold) return [];
  const message = `${formatBytes(rssBytes)} are resident, ${formatBytes(Math.round(rssBytes - promisedRssBytes))} more than idle and memoryLimit × 1.1`;
  return [{ stage: 'process', message }];
}

function lateRows({ now, before }: AlertLook, threshold: number): AlertFinding[] {
  return now.stages.flatMap(({ name, lateRows: late }, index) => {
    const more = late - (before?.stages[index]?.lateRows ?? 0);
    if (more < threshold) return [];
    const message = `"${name}" has left out ${late} rows that came too late, ${more} of them just now; a larger allowedLateness would keep them`;
    return [{ stage: name, message }];
  });
}

function workerRestarts({ now, before }: AlertLook, threshold: number): AlertFinding[] {
  if (now.restarts - (before?.restarts ?? 0) < threshold) return [];
  const last = now.recent.restarts.at(-1);
  const message = `a worker of "${last?.stage}" was replaced, the ${now.restarts}. of this run: ${last?.reason}`;
  return [{ stage: last?.stage ?? 'process', message }];
}

function percent(part: number): string {
  return `${Math.round(part * 100)} %`;
}

/** All rules as they are when nothing is set. */
export const ALERT_RULES: readonly AlertRule[] = [
  // Any time at `critical`: the threshold is not used.
  rule('critical-pressure', 'critical', 0, 10_000, 5000, criticalPressure),
  rule('slow-sink', 'warning', 0.9, 30_000, 10_000, slowSinks),
  rule('spill-rate', 'warning', 100 * MEBIBYTE, 30_000, 10_000, spillRate),
  rule('spill-disk', 'critical', 1024 * MEBIBYTE, 0, 10_000, spillDisk),
  rule('unmanaged-growth', 'warning', 0.1, 30_000, 10_000, unmanagedGrowth),
  rule('promise-broken', 'critical', 1, 1000, 5000, promiseBroken),
  rule('late-rows', 'warning', 1, 0, MINUTE_MS, lateRows),
  rule('worker-restarts', 'warning', 1, 0, 5 * MINUTE_MS, workerRestarts),
];

function rule(
  kind: AlertRuleName,
  severity: AlertSeverity,
  threshold: number,
  forMs: number,
  clearMs: number,
  find: AlertRule['find'],
): AlertRule {
  return { kind, severity, threshold, forMs, clearMs, find };
}
