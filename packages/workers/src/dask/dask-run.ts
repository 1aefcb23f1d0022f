/**
 * A job on a Dask cluster. To its owner it is a job as any other: the plan that it runs here is the rest of the cut one, and what makes that plan,
 * before anything else, is that the partitions are run on the cluster.
 */
import { createHash } from 'node:crypto';
import type { Sink } from '@spillway/core';
import { PipelineError } from '@spillway/core/base';
import type { LogicalPlan } from '@spillway/core/internal';
import { type CutPlan, cutPlan, type PartitionResult, tasksOf } from '@spillway/core/partition';
import type { Table } from 'apache-arrow';
import type { JobEmitter, JobEvents, Unsubscribe } from '../job/events.ts';
import { Job, type JobState, type Run } from '../job/job.ts';
import { parseRunOptions } from '../job/run-options.ts';
import { stopOnSignals } from '../job/signals.ts';
import type { Summary } from '../job/summary.ts';
import type { MetricsSnapshot } from '../monitor/snapshot.ts';
import { planOfRest } from '../partition/merge-partitions.ts';
import { type DaskOptions, type ParsedDaskOptions, parseDaskOptions } from './dask-options.ts';
import { modulesOfTasks } from './op-modules.ts';
import { PartitionCounts } from './partition-counts.ts';
import { DaskSession } from './session.ts';
import { SharedFolder } from './shared-folder.ts';

/**
 * Runs a pipeline on a Dask cluster: its sources are cut into ordered partitions, which the workers run with the same engine, each inside its memory;
 * what they give is merged here, in order, into the sinks. Same answer as `run`, bit for bit, whatever is killed and run again on
 * the way. Returns at once; `done` tells how it ended.
 *
 * @throws ERR_OPTIONS at once when an option is wrong; everything else rejects `done`
 * @example
 * ```ts
 * const job = runOnDask([hourly.toStore(store, { freq: '1h' })], { scheduler: 'tcp://10.0.0.1:8786', sharedPath: '/mnt/shared' });
 * console.log(await job.done);
 * ```
 */
export function runOnDask(sinks: Sink | readonly Sink[], options: DaskOptions): Run {
  const parsed = parseDaskOptions(options);
  const job = new DaskRun(Array.isArray(sinks) ? sinks : [sinks as Sink], parsed);
  if (parsed.run.handleSignals === true) stopOnSignals(job);
  return job;
}

class DaskRun implements Run {
  readonly done: Promise<Summary>;
  readonly #options: ParsedDaskOptions;
  readonly #sinks: readonly Sink[];
  readonly #job: Job;
  readonly #counts: PartitionCounts = new PartitionCounts();
  /** Sources of the rest that read what the partitions gave. */
  #fed: ReadonlySet<string> = new Set();
  #folder: SharedFolder | undefined;

  constructor(sinks: readonly Sink[], options: ParsedDaskOptions) {
    this.#options = options;
    this.#sinks = sinks;
    const run = parseRunOptions({ ...options.run, handleSignals: false });
    this.#job = new Job(sinks, run, (signal, events) => this.#runPartitions(signal, events));
    this.done = this.#finish();
    if (sinks.some((sink) => sink?.kind === 'iterate')) this.done.catch(() => {});
  }

  abort(reason?: unknown): void {
    this.#job.abort(reason);
  }

  on<K extends keyof JobEvents>(name: K, listener: (event: JobEvents[K]) => void): Unsubscribe {
    return this.#job.on(name, listener);
  }

  state(): JobState {
    return this.#job.state();
  }

  metrics(): MetricsSnapshot {
    return this.#job.metrics();
  }

  summary(): Summary {
    return this.#counts.summary(this.#job.summary(), this.#fed);
  }

  flush(node?: string): void {
    this.#job.flush(node);
  }

  async table(sink: Sink): Promise<Table> {
    await this.done;
    return this.#job.table(sink);
  }

  async rows(sink: Sink): Promise<Record<string, unknown>[]> {
    await this.done;
    return this.#job.rows(sink);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.abort();
    await this.done.catch((error: PipelineError) => {
      if (error.code !== 'ERR_ABORTED') throw error;
    });
  }

  async #finish(): Promise<Summary> {
    try {
      const summary = await this.#job.done;
      await this.#folder?.remove();
      return this.#counts.summary(summary, this.#fed);
    } catch (error) {
      const isGoneOnWith = this.#options.run.resume !== undefined && this.#counts.rows > 0;
      await (isGoneOnWith ? this.#folder?.leave() : this.#folder?.remove());
      throw error;
    }
  }

  async #runPartitions(signal: AbortSignal, events: JobEmitter): Promise<LogicalPlan> {
    const { sharedPath, partitions, run } = this.#options;
    const cut = await cutPlan(this.#sinks, { partitions });
    if (cut.steps.length === 0) return cut.rest;
    this.#fed = new Set(cut.inputs.flatMap(({ node }) => cut.rest.nodes.find(({ id }) => id === node)?.name ?? []));
    const folder = await SharedFolder.open(sharedPath, run.resume);
    this.#folder = folder;
    if (!(await folder.claim(fingerprintOf(cut)))) throw otherPlan(folder.path);
    const stop = new AbortController();
    const endReports = this.#report(events, stop);
    try {
      const session = await this.#openSession(cut, folder, stop, events);
      try {
        return await this.#restOf(cut, folder, session, AbortSignal.any([signal, stop.signal]), events);
      } finally {
        await session.close();
      }
    } finally {
      endReports();
    }
  }

  #openSession(cut: CutPlan, folder: SharedFolder, stop: AbortController, events: JobEmitter): Promise<DaskSession> {
    const modules = modulesOfTasks(cut.steps.flatMap(({ tasks }) => tasks));
    return DaskSession.open({ ...this.#options, modules }, folder, {
      onWorkers: (views) => this.#counts.see(views),
      onDone: (result) => this.#counts.add(result),
      onRetry: (error) => this.#tellAgain(error, events),
      onFailure: (error) => stop.abort(error),
    });
  }

  /**
   * The steps, until the files of all partitions are there as they were written. What becomes of a file after it was taken is seen by who reads it next; then
   * its partition is run again: the steps are gone over once more, and what lies there whole is not run.
   */
  async #restOf(
    cut: CutPlan,
    folder: SharedFolder,
    session: DaskSession,
    signal: AbortSignal,
    events: JobEmitter,
  ): Promise<LogicalPlan> {
    await session.untilUsable(signal);
    for (let pass = 1; ; pass++) {
      try {
        return await planOfRest(cut, await this.#runSteps(cut, session, signal, events), true);
      } catch (error) {
        if (!folder.isDamage(error) || pass > this.#options.retries) throw error;
        this.#tellAgain(error, events);
      }
    }
  }

  #tellAgain(error: PipelineError, events: JobEmitter): void {
    const restarts = ++this.#counts.retries;
    const stage = this.#counts.step;
    events.emit('restart', { kind: 'crash', stage, reason: error.message, error, epoch: 0, restarts });
  }

  async #runSteps(
    cut: CutPlan,
    session: DaskSession,
    signal: AbortSignal,
    events: JobEmitter,
  ): Promise<PartitionResult[]> {
    const results: PartitionResult[] = [];
    for (const [at, { name }] of cut.steps.entries()) {
      const tasks = tasksOf(cut, at, results);
      this.#counts.begin(at, name, tasks);
      const lanes = session.threads();
      events.emit('stage', { stage: name, lanes, state: 'started' });
      results.push(...(await session.runStep(at, name, tasks, signal)));
      events.emit('stage', { stage: name, lanes, state: 'ended' });
    }
    return results;
  }

  /** Tells how far it is, until what it returns is called. */
  #report(events: JobEmitter, stop: AbortController): () => void {
    const { onProgress, progressEveryMs } = parseRunOptions(this.#options.run);
    if (progressEveryMs === 0) return () => {};
    const timer = setInterval(() => {
      const progress = this.#counts.progress();
      try {
        onProgress?.(progress);
      } catch (error) {
        stop.abort(error);
      }
      events.emit('progress', progress);
    }, progressEveryMs);
    timer.unref();
    return () => clearInterval(timer);
  }
}

/** What tells one cut from another: only results of the same one can be gone on with. */
function fingerprintOf({ steps }: CutPlan): string {
  const hash = createHash('sha256');
  for (const { tasks } of steps)
    for (const { plan, inputs } of tasks) hash.update(plan).update(JSON.stringify(inputs)).update('\n');
  return hash.digest('hex');
}

function otherPlan(path: string): PipelineError {
  return new PipelineError('ERR_RESUME_PLAN', `${path} has partitions of another plan, or of other files`, {
    file: path,
    hint: 'run the plan that was begun, with as many partitions; or remove the folder, or give another resume id',
  });
}
