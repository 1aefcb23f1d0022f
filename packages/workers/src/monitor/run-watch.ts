/** Whoever looks at a run from outside: what is resident, what happened, what the lanes are asked to report, and what is left of it. */
import { getHeapStatistics } from 'node:v8';
import type { Advice } from '../advice/advice.ts';
import { AlertBoard } from '../alerts/alert-board.ts';
import { type ParsedAlertOptions, parseAlertOptions } from '../alerts/alert-options.ts';
import { Webhook } from '../alerts/webhook.ts';
import type { PlannedRun } from '../coordinator/plan-run.ts';
import { historyPlace } from '../history/history-place.ts';
import type { FollowedRun, RunHistory } from '../history/run-history.ts';
import type { JobEmitter } from '../job/events.ts';
import type { ParsedRunOptions } from '../job/run-options.ts';
import type { Summary } from '../job/summary.ts';
import type { Attention } from '../lanes/attention.ts';
import { CollectionMeter } from './collection-meter.ts';
import { ResidentSampler } from './resident.ts';
import { RunRecord } from './run-record.ts';
import type { IsolateMetrics, MetricsSnapshot } from './snapshot.ts';
import { type SnapshotParts, takeSnapshot } from './take-snapshot.ts';

/** The records of earlier runs are read where that takes a small part of the run itself. */
const LONG_MS = 1000;

export class RunWatch {
  readonly sampler: ResidentSampler = new ResidentSampler();
  readonly #emitter: JobEmitter;
  readonly #record: RunRecord;
  readonly alerts: AlertBoard;
  /** Of the main thread; there from the first snapshot on. */
  #collections: CollectionMeter | undefined;
  #history: RunHistory | undefined;
  #isClosed = false;

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

  /** @param isLookedAt whether somebody looks: heaps and collections are measured from then on */
  snapshot(parts: Omit<SnapshotParts, 'sampler' | 'record' | 'alerts'>, isLookedAt: boolean): MetricsSnapshot {
    if (isLookedAt && !this.#isClosed) this.#collections ??= new CollectionMeter();
    const { sampler, alerts } = this;
    const whole = { ...parts, sampler, record: this.#record, alerts: alerts.active() };
    return takeSnapshot(whole, mainIsolate(this.#collections));
  }

  /** From now on a record of the run is kept, unless it is to leave none. */
  async keepHistory(planned: PlannedRun, options: ParsedRunOptions, run: FollowedRun): Promise<void> {
    const place = historyPlace(options.history);
    if (place === undefined) return;
    const { RunHistory } = await import('../history/run-history.ts');
    this.#history = new RunHistory({ place, planned, resume: options.resume?.id, run });
  }

  /** The run is over: says what it teaches, and leaves its record. */
  async conclude(planned: PlannedRun, snapshot: MetricsSnapshot, summary: Summary): Promise<Advice> {
    const { advise } = await import('../advice/advise.ts');
    const history = this.#history;
    const before = summary.elapsedMs < LONG_MS ? [] : ((await history?.before()) ?? []);
    const record = history?.record(summary, snapshot);
    const advice = advise({ ...planned, snapshot }, record === undefined ? before : [...before, record]);
    if (record !== undefined) await history?.leave({ ...record, summary: { ...summary, advice } });
    return advice;
  }

  close(): void {
    this.#isClosed = true;
    this.#history?.close();
    this.sampler.close();
    this.#record.close();
    this.#collections?.close();
  }
}

function mainIsolate(meter: CollectionMeter | undefined): IsolateMetrics {
  const { collections = 0, collectionMs = 0 } = meter ?? {};
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
