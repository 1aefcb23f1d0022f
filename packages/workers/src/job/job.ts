/** A running pipeline, as its owner sees it. */
import type { PipelineError } from '@spillway/core';
import type { LogicalPlan, MemoryHolding, StagedSink } from '@spillway/core/internal';
import type { Table } from 'apache-arrow';
import { Execution, type PlanMaker } from '../coordinator/execution.ts';
import { abortedError, asPipelineError } from '../coordinator/failure.ts';
import type { SinkInput } from '../coordinator/plan-run.ts';
import type { MetricsSnapshot } from '../monitor/snapshot.ts';
import type { BufferState } from './buffer-state.ts';
import { JobEmitter, type JobEvents, type Unsubscribe } from './events.ts';
import type { ParsedRunOptions } from './run-options.ts';
import type { Summary } from './summary.ts';

/** The buffers of a job, as data and drawn. */
export interface JobState {
  buffers: BufferState[];
  /** One line a buffer: `op1 [██░] 2/3`. */
  text: string;
  /** Who holds what of the memory limit, by stage, source and sink, largest first. */
  memory: MemoryHolding[];
}

/**
 * A running job. Made by `run`.
 *
 * @example
 * ```ts
 * const job = run(sinks, { memoryLimit: '256MiB' });
 * job.on('flush', ({ node, reason }) => console.error(node, reason));
 * const { rowsOut } = await job.done;
 * ```
 */
export interface Run extends AsyncDisposable {
  /** Resolves when everything is committed and given back; rejects with a `PipelineError` when the job has failed. */
  readonly done: Promise<Summary>;
  /** Stops the job; `done` rejects with ERR_ABORTED, nothing is committed. Does nothing once the commits have begun. */
  abort(reason?: unknown): void;
  /** Listens to events. Listeners attached in the same turn as `run` miss none. */
  on<K extends keyof JobEvents>(name: K, listener: (event: JobEvents[K]) => void): Unsubscribe;
  /** What each buffer holds against its triggers; after the end, as it was then. */
  state(): JobState;
  /** Everything that is shown of it anywhere, as of now; after the end, as it was then. From the first call on lanes also report their heaps. */
  metrics(): MetricsSnapshot;
  /** What has been done so far, or in all after the end; also after a failure, then with `ok: false` and the error. */
  summary(): Summary;
  /** Flushes one buffer by its node's name, or all of them, as soon as its lane is between two batches. */
  flush(node?: string): void;
  /** The rows of a `collect()` sink as a table of its own memory, when the job has ended. @throws what `done` rejects with */
  table(sink: SinkInput): Promise<Table>;
  /** The same as objects; 64-bit integers are bigint. */
  rows(sink: SinkInput): Promise<Record<string, unknown>[]>;
}

export class Job implements Run {
  readonly done: Promise<Summary>;
  readonly #execution: Execution;
  readonly #emitter: JobEmitter;
  #hasEnded = false;

  /** `plan`: see `planRun`; or what makes it, as the first thing that the job does. */
  constructor(sinks: readonly SinkInput[], options: ParsedRunOptions, plan?: LogicalPlan | PlanMaker) {
    this.#emitter = new JobEmitter((error) => this.#execution.stop(error));
    this.#execution = new Execution(options, this.#emitter);
    this.done = this.#run(sinks, plan);
    // A loop over a sink throws the error itself: that it is not awaited here as well must not end the process.
    if (sinks.some((sink) => sink?.kind === 'iterate')) this.done.catch(() => {});
  }

  abort(reason?: unknown): void {
    if (!this.#hasEnded) this.#execution.stop(abortedError(reason));
  }

  on<K extends keyof JobEvents>(name: K, listener: (event: JobEvents[K]) => void): Unsubscribe {
    const off = this.#emitter.on(name, listener);
    if (name === 'flush' && !this.#hasEnded) this.#execution.listenToFlushes();
    return off;
  }

  state(): JobState {
    const buffers: BufferState[] = this.#execution.readings?.buffers() ?? [];
    const memory = this.#execution.readings?.memory() ?? [];
    return { buffers, text: buffers.map((buffer) => buffer.text).join('\n'), memory };
  }

  metrics(): MetricsSnapshot {
    return this.#execution.snapshot();
  }

  summary(): Summary {
    return this.#execution.summary(this.#hasEnded && this.#execution.latch.error === undefined);
  }

  flush(node?: string): void {
    if (!this.#hasEnded) this.#execution.flush(node);
  }

  async table(sink: SinkInput): Promise<Table> {
    await this.done;
    return this.#execution.collectedOf(sink).table();
  }

  async rows(sink: SinkInput): Promise<Record<string, unknown>[]> {
    await this.done;
    return this.#execution.collectedOf(sink).rows();
  }

  /** What sinks that leave their files to somebody else have written, when the job has ended. */
  left(): StagedSink[] {
    return (this.#execution.written ?? []).flatMap(({ left }) => left ?? []);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.abort();
    await this.done.catch((error: PipelineError) => {
      if (error.code !== 'ERR_ABORTED') throw error;
    });
  }

  async #run(sinks: readonly SinkInput[], plan: LogicalPlan | PlanMaker | undefined): Promise<Summary> {
    await Promise.resolve(); // listeners attached in the turn of `run` hear everything
    try {
      return await this.#execution.run(sinks, plan);
    } catch (error) {
      throw asPipelineError(error);
    } finally {
      this.#hasEnded = true;
      this.#emitter.emit('end', { ok: this.#execution.latch.error === undefined });
    }
  }
}
