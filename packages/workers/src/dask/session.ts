/** A run on a cluster: its bridge, its workers, its folder on the shared path. What is opened here is given back by `close`, on every path. */
import { randomUUID } from 'node:crypto';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { PipelineError } from '@spillway/core';
import type { PartitionResult, PartitionTask } from '@spillway/core/partition';
import { DaskBridge } from './bridge.ts';
import type { WorkerView } from './cluster.ts';
import { Crew } from './crew.ts';
import type { ParsedDaskOptions } from './dask-options.ts';
import { Pieces } from './pieces.ts';
import { damageOfResult, type SharedFolder } from './shared-folder.ts';
import { runStep } from './step-run.ts';
import type { TaskRequest } from './task-request.ts';

/** What a run on a cluster is told of. */
export interface SessionEvents {
  onWorkers(views: WorkerView[]): void;
  onDone(result: PartitionResult): void;
  onRetry(error: PipelineError): void;
  /** What the run cannot go on after. */
  onFailure(error: Error): void;
}

export interface SessionOptions extends ParsedDaskOptions {
  /** URL of the module whose `runPartitionTask` the workers call. Default: ours. */
  engine?: string;
  /** URLs of the modules of ops. */
  modules: string[];
}

const CONNECT_SECONDS = 5;
/** Without a usable worker: at the start, and while a cluster is being started again. */
const PATIENCE_MS = { atFirst: 15_000, later: 60_000 };
/** Part of its share at which a Node process is ended. */
const END_AT = 0.95;
const LONE_ENTRY = fileURLToPath(new URL('./lone-process.cjs', import.meta.url));
const WORKER_ENTRY = fileURLToPath(new URL('./partition-worker.js', import.meta.url));

export class DaskSession {
  readonly #options: SessionOptions;
  readonly #folder: SharedFolder;
  readonly #events: SessionEvents;
  readonly #bridge: DaskBridge;
  readonly #crew: Crew;
  #stepsBegun = 0;

  private constructor(options: SessionOptions, folder: SharedFolder, events: SessionEvents) {
    this.#options = options;
    this.#folder = folder;
    this.#events = events;
    const probe: TaskRequest = { kind: 'probe', token: folder.token, modules: options.modules };
    this.#crew = new Crew(
      {
        address: options.scheduler,
        name: `spillway-${randomUUID()}`,
        probe: JSON.stringify(probe),
        patienceMs: PATIENCE_MS,
      },
      (error) => events.onFailure(error),
    );
    this.#bridge = new DaskBridge(options.python, {
      workers: (views) => {
        events.onWorkers(views);
        this.#crew.workers(views);
      },
      done: (key, reply) => this.#crew.done(key, reply),
      lost: (key, why) => this.#crew.lost(key, why),
      interrupted: (why) => this.#crew.interrupted(why),
      failed: (error) => events.onFailure(error),
    });
  }

  /** @throws ERR_DASK_PYTHON, ERR_DASK_SCHEDULER, ERR_DASK_VERSION; workers that cannot be used are told of by `onFailure` */
  static async open(options: SessionOptions, folder: SharedFolder, events: SessionEvents): Promise<DaskSession> {
    const session = new DaskSession(options, folder, events);
    try {
      await session.#connect();
      return session;
    } catch (error) {
      await session.close();
      throw error;
    }
  }

  async #connect(): Promise<void> {
    const { scheduler, workerMemoryBytes, localWorkers, node, isPerTask, engine = null, modules } = this.#options;
    const memory = workerMemoryBytes ?? null;
    const { workers } =
      scheduler === 'local'
        ? await this.#bridge.start({
            workers: localWorkers,
            threads: 1,
            memory,
            folder: join(this.#folder.path, 'dask'),
          })
        : await this.#bridge.connect(scheduler, CONNECT_SECONDS);
    await this.#bridge.register(`spillway-${randomUUID()}`, {
      node,
      entry: WORKER_ENTRY,
      engine,
      lone: engine === null && modules.length === 0 ? basename(LONE_ENTRY) : null,
      lease: this.#folder.lease,
      workerMemory: memory,
      endAt: END_AT,
      perTask: isPerTask,
    });
    this.#crew.start(this.#bridge, workers);
  }

  /**
   * Runs the tasks of a step; what lies on the shared path already is not run again.
   * @throws what a task fails with for good
   */
  async runStep(
    step: number,
    name: string,
    tasks: readonly PartitionTask[],
    signal: AbortSignal,
  ): Promise<PartitionResult[]> {
    await this.#folder.beginStep(step);
    const results = await this.#folder.results(step, tasks);
    for (const result of results.values()) this.#events.onDone(result);
    const pieces = new Pieces(tasks);
    const records: Promise<void>[] = [];
    await runStep<PartitionResult>(
      {
        key: `${step}.${++this.#stepsBegun}`,
        name,
        sizes: tasks.map(({ size = 1 }) => size),
        done: results.keys(),
        retries: this.#options.retries,
        request: (unit, attempt) => this.#request(pieces.task(unit), attempt),
        called: (unit) => pieces.called(unit),
        damage: damageOfResult,
        cut: (unit) => pieces.cut(unit),
        onDone: (unit, result) => {
          const whole = pieces.finish(unit, result);
          if (whole === undefined) return;
          results.set(whole.partition, whole);
          const task = tasks[whole.partition] as PartitionTask;
          records.push(this.#folder.keep(task, whole, whole !== result));
          this.#events.onDone(whole);
        },
        onRetry: (error) => this.#events.onRetry(error),
        signal,
      },
      this.#crew,
    );
    await Promise.all(records);
    return tasks.map((_, partition) => results.get(partition) as PartitionResult);
  }

  /** Until a worker can be given partitions. @throws the signal's reason */
  async untilUsable(signal: AbortSignal): Promise<void> {
    let stop = (): void => {};
    try {
      await new Promise<void>((resolve, reject) => {
        stop = () => reject(signal.reason);
        if (signal.aborted) return stop();
        signal.addEventListener('abort', stop);
        this.#crew.listen({ workers: ({ length }) => void (length > 0 && resolve()), interrupted: () => {} });
      });
    } finally {
      signal.removeEventListener('abort', stop);
      this.#crew.listen();
    }
  }

  /** Of all workers that can be used, now. */
  threads(): number {
    return this.#crew.usable().reduce((sum, { threads }) => sum + threads, 0);
  }

  /** Ends the Node processes of the workers and the bridge; does not throw. */
  async close(): Promise<void> {
    await this.#bridge.close();
  }

  #request(task: PartitionTask, attempt: number): string {
    const output = this.#folder.output(task, attempt);
    const passing = this.#folder.isKept ? {} : { isPassing: true };
    const request: TaskRequest = { kind: 'run', task: { ...task, attempt, output, ...passing }, workers: 1 };
    return JSON.stringify(request);
  }
}
