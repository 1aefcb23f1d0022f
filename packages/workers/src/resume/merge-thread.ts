/**
 * A thread that merges what a checkpoint names into datasets that are behind it, while nothing of the run is there yet: it may take the memory of
 * the whole run, and ends before the run begins, so that none of it stays.
 */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { PipelineError } from '@spillway/core/base';
import type { ForeignTask, MergedRegion, MergeTask, StagedFile, StoreRunner } from '@spillway/core/internal';
import { type Outcome, valueOf } from '../control/outcome.ts';

export type MergeThreadTask = { type: 'merge'; task: MergeTask } | { type: 'stageForeign'; task: ForeignTask };

/** What the thread gets at its start. */
export interface MergeThreadData {
  /** Of rows, decoded and encoded, at a time. */
  arenaBytes: number;
}

const MEBIBYTE = 2 ** 20;
/** The thread's heap, its modules, and the decoder. */
const THREAD_BYTES = 48 * MEBIBYTE;
const LEAST_ARENA_BYTES = 16 * MEBIBYTE;
const HEAP_LIMIT_MEBIBYTES = 64;

/** Takes one task at a time. The thread starts with the first. */
export class MergeThread implements StoreRunner {
  readonly #data: MergeThreadData;
  #worker: Worker | undefined;

  constructor(limitBytes: number) {
    this.#data = { arenaBytes: Math.max(LEAST_ARENA_BYTES, limitBytes - THREAD_BYTES) };
  }

  merge(task: MergeTask): Promise<MergedRegion[]> {
    return this.#run({ type: 'merge', task });
  }

  stageForeign(task: ForeignTask): Promise<StagedFile[]> {
    return this.#run({ type: 'stageForeign', task });
  }

  /** None: a later version has one. */
  async checkpoint(): Promise<void> {}

  /** Ends the thread. */
  async close(): Promise<void> {
    await this.#worker?.terminate();
    this.#worker = undefined;
  }

  async #run<T>(task: MergeThreadTask): Promise<T> {
    this.#worker ??= new Worker(new URL('./merge-worker.js', import.meta.url), {
      workerData: this.#data,
      resourceLimits: { maxOldGenerationSizeMb: HEAP_LIMIT_MEBIBYTES },
    });
    const worker = this.#worker;
    const answered = new AbortController();
    const { signal } = answered;
    worker.postMessage(task);
    try {
      const [outcome] = (await Promise.race([
        once(worker, 'message', { signal }),
        once(worker, 'exit', { signal }).then(([code]) => Promise.reject(new Error(`it ended with code ${code}`))),
      ])) as [Outcome<T>];
      return valueOf(outcome);
    } catch (cause) {
      if (cause instanceof PipelineError) throw cause;
      throw new PipelineError('ERR_WORKER_DIED', `the thread that merges staged rows has died: ${String(cause)}`, {
        cause,
        hint: 'what is staged is still there: run again, with a larger memoryLimit if memory was what it lacked',
      });
    } finally {
      answered.abort();
    }
  }
}
