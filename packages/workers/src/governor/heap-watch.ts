/**
 * Keeps one isolate's heap and array buffers inside their part of the memory limit. Dead array buffers are what user code
 * leaves most of: they weigh nothing on the heap, so the collector, left alone, lets some 64 MiB of them gather in every
 * thread. Between two batches the watch compares what has grown since the start with the part; it asks for a quick collection,
 * then, when that did not help, for a whole one, and after that it says so: what is left is alive, and only whoever holds
 * it can let it go.
 */
import { getHeapStatistics } from 'node:v8';
import { type Collect, collectGarbage, freeBuffersAtOnce } from './collector.ts';

/** Bytes of this thread's heap in use and of its array buffers outside; about a microsecond. */
export function isolateBytes(): number {
  const { used_heap_size: used, external_memory: external } = getHeapStatistics();
  return used + external;
}

/** Part of the budget at which a collection is asked for: what dies until the next look needs room as well. */
const COLLECT_AT = 1 / 2;
/** Growth over what was alive after a whole collection, as part of the budget, before the next one. */
const AGAIN_AFTER = 1 / 4;

export class HeapWatch {
  readonly #budgetBytes: number;
  readonly #measure: () => number;
  readonly #collect: Collect;
  /** Falls with what earlier runs left in the thread and a collection frees. */
  #baseBytes: number;
  #collectAt: number;

  /** @param budgetBytes what the isolate may grow by from now on; 0 watches nothing */
  constructor(budgetBytes: number, measure: () => number = isolateBytes, collect: Collect = collectGarbage) {
    this.#budgetBytes = budgetBytes;
    this.#measure = measure;
    this.#collect = collect;
    this.#baseBytes = budgetBytes === 0 ? 0 : measure();
    this.#collectAt = budgetBytes * COLLECT_AT;
    if (budgetBytes > 0) freeBuffersAtOnce();
  }

  /** Bytes grown since the watch began, or since there were fewest. */
  grownBytes(): number {
    const bytes = this.#measure();
    this.#baseBytes = Math.min(this.#baseBytes, bytes);
    return bytes - this.#baseBytes;
  }

  /** Bytes beyond the budget that have grown, dead ones too: to be asked when everything dead has just been collected. */
  aliveBeyond(): number {
    return this.#budgetBytes === 0 ? 0 : Math.max(0, this.grownBytes() - this.#budgetBytes);
  }

  /**
   * Looks, and collects when there is much. Called between batches.
   * @returns bytes beyond the budget that are alive; 0 while there are none
   */
  check(): number {
    if (this.#budgetBytes === 0 || this.grownBytes() < this.#collectAt) return 0;
    this.#collect('minor');
    if (this.grownBytes() < this.#collectAt) return 0;
    this.#collect('major');
    const alive = this.grownBytes();
    this.#collectAt = Math.max(this.#budgetBytes * COLLECT_AT, alive + this.#budgetBytes * AGAIN_AFTER);
    return Math.max(0, alive - this.#budgetBytes);
  }
}
