/** Alerts: what a person should look at while a run goes on. */
import { formatBytes } from '@spillway/core/base';

/** What it is about. The first three are told by whoever sees them; the others are rules over snapshots. */
export type AlertKind =
  | 'stalled'
  | 'memory'
  | 'spill'
  | 'critical-pressure'
  | 'slow-sink'
  | 'spill-rate'
  | 'spill-disk'
  | 'unmanaged-growth'
  | 'promise-broken'
  | 'late-rows'
  | 'worker-restarts';

/** `critical`: a limit is about to be broken, or has been. */
export type AlertSeverity = 'warning' | 'critical';

/** What `alert` tells. */
export interface AlertEvent {
  kind: AlertKind;
  severity: AlertSeverity;
  /** `noted`: it happened once, and nothing tells when it is over. */
  state: 'raised' | 'cleared' | 'noted';
  /** Stage, source or sink; `process` where it is about all. */
  stage: string;
  message: string;
}

/** One that has been raised and not cleared. */
export interface ActiveAlert extends Omit<AlertEvent, 'state'> {
  /** Wall clock, in milliseconds since 1970. */
  sinceMs: number;
}

/** Code of users has ended without releasing batches that it kept. */
export function keptAlert(stage: string, batches: number, bytes: number): AlertEvent {
  const message = `"${stage}" ended without releasing ${batches} of the batches that it retained (${formatBytes(bytes)})`;
  return noted('memory', stage, message);
}

/** Something that happened once. */
export function noted(kind: AlertKind, stage: string, message: string): AlertEvent {
  return { kind, severity: 'warning', state: 'noted', stage, message };
}
