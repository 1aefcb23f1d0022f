/** Whoever looks at a run from outside: what is resident, what happened, and what the lanes are asked to report. */
import { getHeapStatistics } from 'node:v8';
import { AlertBoard } from '../alerts/alert-board.ts';
import { type ParsedAlertOptions, parseAlertOptions } from '../alerts/alert-options.ts';
import { Webhook } from '../alerts/webhook.ts';
import type { JobEmitter } from '../job/events.ts';
import type { Attention } from '../lanes/attention.ts';
import { CollectionMeter } from './collection-meter.ts';
import { ResidentSampler } from './resident.ts';
import { RunRecord } from './run-record.ts';
import type { IsolateMetrics, MetricsSnapshot } from './snapshot.ts';
import { type SnapshotParts, takeSnapshot } from './take-snapshot.ts';

export class RunWatch {
  readonly sampler: ResidentSampler = new ResidentSampler();
  readonly #emitter: JobEmitter;
  readonly #record: RunRecord;
  readonly alerts: AlertBoard;
  /** Of the main thread; there from the first snapshot on. */
  #collections: CollectionMeter | undefined;

  /** @param pathFrom the stages and sinks behind a stage, it first */
  constructor(
    emitter: JobEmitter,
    alerts: ParsedAlertOptions = parseAlertOptions({}),
    pathFrom: (stage: string) => string[],
  ) {
    this.#emitter = emitter;
    this.alerts = new AlertBoard(alerts.rules, (event) => emitter.emit('alert', event));
    tellOthers(emitter, alerts);
    this.#record = new RunRecord(emitter, pathFrom);
  }

  /** Whether anybody has asked for a snapshot yet. */
  get isWatched(): boolean {
    return this.#collections !== undefined;
  }

  attention(): Attention {
    return { flushes: this.#emitter.hasListeners('flush'), isolates: this.isWatched };
  }

  snapshot(parts: Omit<SnapshotParts, 'sampler' | 'record' | 'alerts'>): MetricsSnapshot {
    this.#collections ??= new CollectionMeter();
    const { sampler, alerts } = this;
    const whole = { ...parts, sampler, record: this.#record, alerts: alerts.active() };
    return takeSnapshot(whole, mainIsolate(this.#collections));
  }

  close(): void {
    this.sampler.close();
    this.#record.close();
    this.#collections?.close();
  }
}

function mainIsolate({ collections, collectionMs }: CollectionMeter): IsolateMetrics {
  const { used_heap_size: heapBytes, external_memory: externalBytes } = getHeapStatistics();
  return { name: 'main thread', heapBytes, externalBytes, collections, collectionMs };
}

/** Those that hear of alerts beside listeners of the job. */
function tellOthers(emitter: JobEmitter, { webhook, log }: ParsedAlertOptions): void {
  const hook = webhook === undefined ? undefined : new Webhook({ url: webhook });
  if (hook !== undefined) emitter.on('alert', (event) => hook.post(event, Date.now()));
  if (log !== undefined)
    emitter.on('alert', ({ kind, severity, state, stage, message }) =>
      log(`${new Date().toISOString()} ${severity} ${kind} ${state} ${stage}: ${message}`),
    );
}
