/**
 * What a lane does about memory between two batches, by the level that all threads share: flush what it holds, one lane at a
 * time; keep new rows back for a moment where it makes them; collect its garbage when asked; and, when code of users holds
 * more than its part and the promise is broken, fail and say who it was.
 */
import { formatBytes, PipelineError } from '@spillway/core/base';
import type { MaybePromise } from '@spillway/core/internal';
import { collectGarbage } from './collector.ts';
import type { HeapWatch } from './heap-watch.ts';
import type { SharedPressure } from './shared-pressure.ts';

/** The chain, as far as pressure is about it. */
export interface PressedChain {
  flush(reason: 'pressure'): MaybePromise;
  /** Writes down what its operators hold, which `heldBytes` then tells. */
  reportHeld(): void;
  heldBytes(): number;
}

export interface LanePressureParts {
  shared: SharedPressure;
  heap: Pick<HeapWatch, 'check'>;
  /** Stage, for the failure. */
  name: string;
  /** The lane makes its rows itself: it is a source. */
  isSource: boolean;
}

/** A flush for less would cost more than it gives back. */
const WORTH_BYTES = 64 * 1024;
/** How long a source waits at most before it makes its next rows all the same: never an eternal pause. */
const PAUSE_MS = 20;
const PAUSE_STEP_MS = 2;

export class LanePressure {
  readonly #parts: LanePressureParts;
  #collections: number;
  /** What was still held after the last flush by pressure: open bins and the like. */
  #heldAfterFlush = 0;

  constructor(parts: LanePressureParts) {
    this.#parts = parts;
    this.#collections = parts.shared.collections;
  }

  /** @throws ERR_MEMORY_EXHAUSTED naming the stage whose code holds too much */
  relieve(chain: PressedChain): MaybePromise {
    const { shared, heap } = this.#parts;
    shared.look();
    if (this.#collections !== shared.collections) {
      this.#collections = shared.collections;
      collectGarbage('major');
    }
    const overBytes = heap.check();
    if (overBytes > 0) this.#failIfBroken(overBytes);
    return shared.isHigh ? this.#relieveHigh(chain) : undefined;
  }

  async #relieveHigh(chain: PressedChain): Promise<void> {
    const { shared, isSource } = this.#parts;
    if (chain.heldBytes() - this.#heldAfterFlush >= WORTH_BYTES && shared.beginCascade()) {
      try {
        await chain.flush('pressure');
        chain.reportHeld();
      } finally {
        shared.endCascade();
      }
      this.#heldAfterFlush = chain.heldBytes();
    }
    this.#heldAfterFlush = Math.min(this.#heldAfterFlush, chain.heldBytes());
    if (isSource) await this.#pause();
  }

  async #pause(): Promise<void> {
    const { shared } = this.#parts;
    for (let waited = 0; waited < PAUSE_MS && shared.isHigh; waited += PAUSE_STEP_MS) {
      await new Promise((resolve) => setTimeout(resolve, PAUSE_STEP_MS));
      shared.look();
    }
  }

  #failIfBroken(overBytes: number): void {
    const { shared, name } = this.#parts;
    const overshoot = shared.overshootBytes();
    if (overshoot === 0) return;
    throw new PipelineError(
      'ERR_MEMORY_EXHAUSTED',
      `the code of "${name}" keeps ${formatBytes(overBytes)} more on its heap and in array buffers than its part of memoryLimit, ` +
        `also after collecting; the process is ${formatBytes(overshoot)} beyond its limit`,
      {
        stage: name,
        hint: 'let batches and results go: copy the few values that you need; or raise memoryLimit',
      },
    );
  }
}
