/**
 * Keeps what passes through the main thread inside its part of the memory limit: copies for `collect()` and iteration, rows as
 * objects, what a program feeds. The thread belongs to the program that called `run`, so its heap has no cap, and the collector, left
 * alone, lets some hundred MiB of dead objects and array buffers gather. Before a batch is delivered or fed, room is asked for here; where
 * there is none, dead memory is collected while the batch waits, which holds the run back. What `collect()` keeps is reserved before it is
 * copied, out of what nobody uses, and refused where that is not enough. What the program itself keeps alive can only be seen: when it breaks the promise, the run fails.
 */
import { formatBytes, type MemoryConsumer, type MemoryReservation, PipelineError } from '@spillway/core/base';
import type { MaybePromise } from '@spillway/core/internal';
import { type Collect, collectGarbage } from './collector.ts';
import { isGoverned } from './governed.ts';
import { isolateBytes } from './heap-watch.ts';

/** The main thread's part of a run's memory pool. */
export interface MainMemory {
  /** Whose reservation the thread's heap and array buffers may grow by; it gets smaller when others need what is not used of it. */
  readonly mainHeap: Pick<MemoryConsumer, 'reservedBytes' | 'setUsed'>;
  /** What a sink keeps for good, by its node. */
  keptBy(node: number): Pick<MemoryReservation, 'grow' | 'tryGrow' | 'shrink'>;
  /** Makes room for reservations, of what nobody uses. */
  reclaimUnused(bytes: number): boolean;
}

export interface MainHeapParts {
  /** Of the attempt that goes on now. */
  memory(): MainMemory;
  /** What the thread keeps of its part in any case. */
  leastBytes: number;
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
const TOO_MUCH_KEPT =
  'results of this size belong into a file (toParquet, toStore) or a loop (toIterable, forEach); or raise memoryLimit';
const STEPS = ['minor', 'major', 'major'] as const;

export class MainHeap {
  readonly #parts: Required<MainHeapParts>;
  readonly #baseBytes: number;
  /** What the last whole collection left. */
  #aliveBytes = 0;
  #keptBytes = 0;

  constructor(parts: MainHeapParts) {
    this.#parts = {
      measure: isolateBytes,
      collect: collectGarbage,
      pause: () => new Promise((resolve) => setTimeout(resolve, 1)),
      ...parts,
    };
    this.#baseBytes = this.#parts.measure();
    this.#grownBytes();
  }

  /**
   * Reserves a copy that a sink is about to keep; less than none when copies have gone.
   * @throws ERR_MEMORY_EXHAUSTED naming the sink and what everybody holds, when there is no room
   */
  keep(node: number, bytes: number): void {
    const memory = this.#parts.memory();
    const kept = memory.keptBy(node);
    if (bytes < 0) kept.shrink(-bytes);
    else if (!kept.tryGrow(bytes)) {
      this.#reclaim(bytes);
      kept.grow(bytes, TOO_MUCH_KEPT);
    }
    this.#keptBytes += bytes;
  }

  /**
   * Resolves when so many bytes may be made on this thread. Nothing is waited for while there is little.
   * @throws ERR_MEMORY_EXHAUSTED naming who was to have the bytes, when what is alive breaks the promise
   */
  room(name: string, bytes: number): MaybePromise {
    if (!isGoverned() || this.#grownBytes() + bytes < this.#collectAt()) return undefined;
    return this.#makeRoom(name, bytes);
  }

  /** Room of what nobody uses; what is dead on this thread is used until it is collected. */
  #reclaim(bytes: number): void {
    const { memory, collect } = this.#parts;
    this.#grownBytes();
    if (memory().reclaimUnused(bytes)) return;
    collect('major');
    this.#grownBytes();
    memory().reclaimUnused(bytes);
  }

  #grownBytes(): number {
    const { measure, memory, leastBytes } = this.#parts;
    const bytes = measure() - this.#baseBytes - this.#keptBytes;
    memory().mainHeap.setUsed(Math.max(bytes, leastBytes));
    this.#aliveBytes = Math.min(this.#aliveBytes, bytes);
    return bytes;
  }

  /** From the budget as it is now: others may have what was not used of it. */
  #collectAt(): number {
    const budgetBytes = this.#parts.memory().mainHeap.reservedBytes;
    return Math.max(budgetBytes * COLLECT_AT, this.#aliveBytes + budgetBytes * AGAIN_AFTER);
  }

  async #makeRoom(name: string, bytes: number): Promise<void> {
    const { collect, pause, memory } = this.#parts;
    for (const kind of STEPS) {
      collect(kind);
      if (this.#grownBytes() + bytes < this.#collectAt()) return;
      await pause();
    }
    const grown = this.#grownBytes();
    this.#aliveBytes = grown + bytes;
    if (grown + bytes > memory().mainHeap.reservedBytes) this.#failIfBroken(name, grown, bytes);
  }

  #failIfBroken(name: string, grown: number, bytes: number): void {
    const { overshootBytes, memory } = this.#parts;
    const overshoot = overshootBytes(bytes);
    if (overshoot === 0) return;
    throw new PipelineError(
      'ERR_MEMORY_EXHAUSTED',
      `"${name}" was to get ${formatBytes(bytes)}, but what the program keeps on the main thread has grown by ${formatBytes(grown)}, ` +
        `of ${formatBytes(memory().mainHeap.reservedBytes)} that it may take of memoryLimit; the process would be ${formatBytes(overshoot)} beyond its limit`,
      {
        stage: name,
        hint: 'let batches and rows go: copy the few values that you need; or raise memoryLimit',
      },
    );
  }
}
