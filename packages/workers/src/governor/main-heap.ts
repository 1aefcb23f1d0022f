/**
 * Keeps what passes through the main thread inside its part of the memory limit: copies for `collect()` and iteration, rows as
 * objects, what a program feeds. The thread belongs to the program that called `run`, so its heap has no cap, and the collector, left
 * alone, lets some hundred MiB of dead objects and array buffers gather. Before a batch is delivered or fed, room is asked for here; where
 * there is none, dead memory is collected while the batch waits, which holds the run back. What `collect()` keeps is counted to the byte and
 * refused before it is copied. What the program itself keeps alive can only be seen: when it breaks the promise, the run fails.
 */
import { formatBytes, PipelineError } from '@spillway/core/base';
import type { MaybePromise } from '@spillway/core/internal';
import { type Collect, collectGarbage } from './collector.ts';
import { isolateBytes } from './heap-watch.ts';

export interface MainHeapParts {
  /** What the thread's heap and array buffers may grow by while the run goes on. */
  budgetBytes: number;
  memoryLimitBytes: number;
  /** Resident bytes beyond what is promised, if so many came on top. */
  overshootBytes(more: number): number;
  measure?: () => number;
  collect?: Collect;
  /** The memory of dead array buffers is given back beside this thread, a moment after the collection. */
  pause?: () => Promise<void>;
}

/** Part of the budget at which dead memory is collected: what comes until the next look needs room as well. */
const COLLECT_AT = 1 / 4;
/** Growth over what was alive after a whole collection, as part of the budget, before the next one. */
const AGAIN_AFTER = 1 / 4;
const STEPS = ['minor', 'major', 'major'] as const;

export class MainHeap {
  readonly #parts: Required<MainHeapParts>;
  readonly #baseBytes: number;
  #collectAt: number;
  #keptBytes = 0;

  constructor(parts: MainHeapParts) {
    this.#parts = {
      measure: isolateBytes,
      collect: collectGarbage,
      pause: () => new Promise((resolve) => setTimeout(resolve, 1)),
      ...parts,
    };
    this.#baseBytes = this.#parts.measure();
    this.#collectAt = parts.budgetBytes * COLLECT_AT;
  }

  /** Bytes that sinks keep for good. */
  get keptBytes(): number {
    return this.#keptBytes;
  }

  /** Counts a copy that a sink is about to keep. @throws ERR_MEMORY_EXHAUSTED naming the sink, when it is too much */
  keep(name: string, bytes: number): void {
    const { budgetBytes, memoryLimitBytes } = this.#parts;
    if (this.#keptBytes + bytes > budgetBytes) {
      throw new PipelineError(
        'ERR_MEMORY_EXHAUSTED',
        `collect "${name}" asked ${formatBytes(bytes)} more; ${formatBytes(this.#keptBytes)} are kept for collect already, ` +
          `of the ${formatBytes(budgetBytes)} of memoryLimit ${formatBytes(memoryLimitBytes)} that results may take`,
        {
          stage: name,
          hint: 'results of this size belong into a file (toParquet, toStore) or a loop (toIterable, forEach); or raise memoryLimit',
        },
      );
    }
    this.#keptBytes += bytes;
  }

  /**
   * Resolves when so many bytes may be made on this thread. Nothing is waited for while there is little.
   * @throws ERR_MEMORY_EXHAUSTED naming who was to have the bytes, when what is alive breaks the promise
   */
  room(name: string, bytes: number): MaybePromise {
    if (this.#grownBytes() + bytes < this.#collectAt) return undefined;
    return this.#makeRoom(name, bytes);
  }

  #grownBytes(): number {
    return this.#parts.measure() - this.#baseBytes - this.#keptBytes;
  }

  async #makeRoom(name: string, bytes: number): Promise<void> {
    const { collect, pause, budgetBytes } = this.#parts;
    for (const kind of STEPS) {
      collect(kind);
      if (this.#grownBytes() + bytes < this.#collectAt) return;
      await pause();
    }
    const grown = this.#grownBytes();
    this.#collectAt = Math.max(budgetBytes * COLLECT_AT, grown + bytes + budgetBytes * AGAIN_AFTER);
    if (grown + bytes > budgetBytes - this.#keptBytes) this.#failIfBroken(name, grown, bytes);
  }

  #failIfBroken(name: string, grown: number, bytes: number): void {
    const { overshootBytes, budgetBytes } = this.#parts;
    const overshoot = overshootBytes(bytes);
    if (overshoot === 0) return;
    throw new PipelineError(
      'ERR_MEMORY_EXHAUSTED',
      `"${name}" was to get ${formatBytes(bytes)}, but what the program keeps on the main thread has grown by ${formatBytes(grown)}, ` +
        `of ${formatBytes(budgetBytes)} that it may take of memoryLimit; the process would be ${formatBytes(overshoot)} beyond its limit`,
      {
        stage: name,
        hint: 'let batches and rows go: copy the few values that you need; or raise memoryLimit',
      },
    );
  }
}
