/**
 * The workers that can be given partitions. Each is asked first whether it can run them: it has Node and the engine, sees the shared path, imports
 * the ops. One that cannot when the run starts fails the run; one that comes later and cannot is left alone.
 */
import type { PipelineError } from '@spillway/core';
import type { Cluster, ClusterEvents, ClusterTask, WorkerReply, WorkerView } from './cluster.ts';
import { engineError, noWorkers, workerError, workerLost } from './problems.ts';

/** What became of a task. */
export type Outcome = { reply: WorkerReply } | { lost: string };

/** Who gives out tasks. */
export interface CrewListener {
  /** Which usable workers there are, whenever they have been looked at. */
  workers(views: WorkerView[]): void;
  /** All of them are gone with their scheduler, and the tasks that they had. */
  interrupted(why: string): void;
}

const NOBODY: CrewListener = { workers: () => {}, interrupted: () => {} };

export interface CrewOptions {
  /** Of the scheduler, for messages. */
  address: string;
  /** Never the same for two coordinators: the keys of tasks begin with it. */
  name: string;
  /** The request that asks a worker whether it can run partitions. */
  probe: string;
  /** How long there may be no usable worker: before there was any, and after. */
  patienceMs: { atFirst: number; later: number };
}

const PROBE_ATTEMPTS = 3;

export class Crew implements ClusterEvents {
  readonly #options: CrewOptions;
  #cluster: Cluster | undefined;
  readonly #calls: Map<string, (outcome: Outcome) => void> = new Map();
  /** What is known of a worker's answer to the probe. */
  readonly #admitted: Map<string, 'asked' | 'usable' | 'refused'> = new Map();
  #views: WorkerView[] = [];
  #unsent: ClusterTask[] = [];
  #hasStarted = false;
  #hasSeen = false;
  #probes = 0;
  #lonelySince: number | undefined;
  #refusal: PipelineError | undefined;
  #listener: CrewListener = NOBODY;
  #onFailure: (error: Error) => void;

  /** @param onFailure gets what the run cannot go on after */
  constructor(options: CrewOptions, onFailure: (error: Error) => void) {
    this.#options = options;
    this.#onFailure = onFailure;
  }

  /** Begins to ask workers. */
  start(cluster: Cluster, views: WorkerView[]): void {
    this.#cluster = cluster;
    this.workers(views);
  }

  /** Replaces the listener before; without one nobody is told. */
  listen(listener: CrewListener = NOBODY): void {
    this.#listener = listener;
    listener.workers(this.usable());
  }

  usable(): WorkerView[] {
    return this.#views.filter(({ address }) => this.#admitted.get(address) === 'usable');
  }

  /** Sends a task; the same key is never used twice. @param together see `ClusterTask` */
  call(key: string, worker: string, request: string, together = false): Promise<Outcome> {
    const name = `${this.#options.name}-${key}`;
    if (this.#unsent.length === 0) queueMicrotask(() => this.#send());
    this.#unsent.push({ key: name, worker, request, together });
    return new Promise((resolve) => this.#calls.set(name, resolve));
  }

  /** Its promise is never settled. */
  cancel(key: string): void {
    const name = `${this.#options.name}-${key}`;
    if (this.#calls.delete(name)) this.#cluster?.cancel([name]);
  }

  workers(views: WorkerView[]): void {
    this.#hasSeen ||= views.length > 0;
    this.#views = views;
    if (this.#cluster === undefined) return;
    const there = new Set(views.map(({ address }) => address));
    for (const address of this.#admitted.keys()) if (!there.has(address)) this.#admitted.delete(address);
    for (const { address } of views) if (!this.#admitted.has(address)) void this.#ask(address);
    this.#beImpatient();
    this.#listener.workers(this.usable());
  }

  done(key: string, reply: WorkerReply): void {
    this.#settle(key, { reply });
  }

  lost(key: string, why: string): void {
    this.#settle(key, { lost: why });
  }

  interrupted(why: string): void {
    this.#views = [];
    this.#admitted.clear();
    this.#unsent = [];
    this.#listener.interrupted(why);
    const keys = [...this.#calls.keys()];
    for (const key of keys) this.#settle(key, { lost: why });
    // Some may have reached the next scheduler already.
    this.#cluster?.cancel(keys);
  }

  failed(error: Error): void {
    this.#onFailure(error);
  }

  #settle(key: string, outcome: Outcome): void {
    const resolve = this.#calls.get(key);
    this.#calls.delete(key);
    resolve?.(outcome);
  }

  #send(): void {
    const tasks = this.#unsent.filter(({ key }) => this.#calls.has(key));
    this.#unsent = [];
    if (tasks.length > 0) this.#cluster?.submit(tasks);
  }

  async #ask(address: string): Promise<void> {
    this.#admitted.set(address, 'asked');
    for (let attempt = 1; this.#admitted.get(address) === 'asked'; attempt++) {
      const outcome = await this.call(`probe-${++this.#probes}`, address, this.#options.probe);
      if (this.#admitted.get(address) !== 'asked') return;
      if ('reply' in outcome && 'result' in outcome.reply) return this.#admit(address);
      const error = refusalOf(address, outcome);
      if ('lost' in outcome) return this.#forget(address, error);
      if (error.code !== 'ERR_DASK_WORKER' || attempt >= PROBE_ATTEMPTS) return this.#refuse(address, error);
    }
  }

  /** It, or its scheduler, is gone, and asked again if it is seen again. */
  #forget(address: string, error: PipelineError): void {
    this.#admitted.delete(address);
    this.#refusal = error;
  }

  #admit(address: string): void {
    this.#admitted.set(address, 'usable');
    this.#hasStarted = true;
    this.#refusal = undefined;
    this.#lonelySince = undefined;
    this.#listener.workers(this.usable());
  }

  #refuse(address: string, error: PipelineError): void {
    this.#admitted.set(address, 'refused');
    this.#refusal = error;
    if (!this.#hasStarted) this.#onFailure(error);
  }

  #beImpatient(): void {
    if (this.usable().length > 0) {
      this.#lonelySince = undefined;
      return;
    }
    this.#lonelySince ??= Date.now();
    const waitedMs = Date.now() - this.#lonelySince;
    const { atFirst, later } = this.#options.patienceMs;
    if (waitedMs < (this.#hasSeen ? later : atFirst)) return;
    this.#onFailure(this.#refusal ?? noWorkers(this.#options.address, Math.round(waitedMs / 1000)));
  }
}

/** Why a worker cannot be used, by its answer. */
export function refusalOf(address: string, outcome: Outcome, where = ''): PipelineError {
  if ('lost' in outcome) return workerLost(address, outcome.lost, where);
  const { reply } = outcome;
  if ('failed' in reply) return engineError(address, reply.failed, where);
  if ('error' in reply) return workerError(address, reply.error, where);
  return workerLost(address, 'the result is not whole', where);
}
