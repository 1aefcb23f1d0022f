/**
 * Keeps code of users from going on while it has broken the promise about memory. Before code of users is called again, the lane looks whether
 * what that code keeps is more than its part and whether the process is beyond its limit; both are read by the lane itself, so it does not
 * matter when the main thread comes to run. If so, it says so and waits for the coordinator's answer: to go on, since a barrier has begun and
 * only what is on its way is left to be worked on, or to stop. Within one call nothing can be done.
 *
 * The wait is a promise: what the code has going (timers, I/O) goes on, commands are served, and a lane that waits between two batches still
 * gives memory back. It ends by itself when the promise holds again, and with the failure when nobody answers.
 */
import { formatBytes, PipelineError } from '@spillway/core/base';
import type { MaybePromise } from '@spillway/core/internal';
import type { ActorStatistics } from '../monitor/actor-statistics.ts';
import type { HeapWatch } from './heap-watch.ts';
import type { SharedPressure } from './shared-pressure.ts';

export interface UserRoomParts {
  heap: Pick<HeapWatch, 'check' | 'aliveBeyond'>;
  shared: Pick<SharedPressure, 'overshootBytes'>;
  statistics: Pick<ActorStatistics, 'enter'>;
  /** Stage, for the failure. */
  name: string;
  /** Aborted when the lane is to stop. */
  signal: AbortSignal;
  /** Told each time that the lane waits: only a new thread is without what the code keeps. */
  onUnmanaged(error: PipelineError): void;
  sleep?: (ms: number) => Promise<void>;
}

/** A thread touches no more than some MiB meanwhile; a look costs a microsecond, and some code is called a million times a second. */
const LOOK_EVERY_MS = 1;
const STEP_MS = 20;
/** Looks in vain before the lane fails by itself. They are counted, and not timed: a process that was stopped has lost no patience. */
const MOST_STEPS = 3000;

export class UserRoom {
  readonly #parts: UserRoomParts;
  readonly #sleep: (ms: number) => Promise<void>;
  #lookAtMs = 0;
  #waiting: Promise<void> | undefined;
  #answer: (() => void) | undefined;

  constructor(parts: UserRoomParts) {
    this.#parts = parts;
    this.#sleep = parts.sleep ?? ((ms) => new Promise((resolve) => setTimeout(resolve, ms)));
  }

  /** To be awaited before each call of code of users. @throws the failure when nobody answers; ERR_ABORTED when the lane is to stop */
  beforeCall(): MaybePromise {
    if (this.#waiting !== undefined) return this.#waiting;
    const now = performance.now();
    if (now < this.#lookAtMs) return undefined;
    this.#lookAtMs = now + LOOK_EVERY_MS;
    return this.look(false);
  }

  /** The same between two morsels. @param hasCollected everything dead has just been collected */
  look(hasCollected: boolean): MaybePromise {
    if (this.#waiting !== undefined) return this.#waiting;
    const { heap, shared } = this.#parts;
    const overBytes = hasCollected ? heap.aliveBeyond() : heap.check();
    if (overBytes === 0) return undefined;
    const overshoot = shared.overshootBytes();
    if (overshoot === 0) return undefined;
    this.#waiting = this.#waitForAnswer(this.#failure(overBytes, overshoot)).finally(() => {
      this.#waiting = undefined;
    });
    return this.#waiting;
  }

  /** The answer: what is on its way may be worked on. */
  goOn(): void {
    this.#answer?.();
  }

  async #waitForAnswer(error: PipelineError): Promise<void> {
    const { statistics, signal, shared, onUnmanaged } = this.#parts;
    let isAnswered = false;
    let wake = (): void => {};
    const woken = new Promise<void>((resolve) => {
      wake = resolve;
    });
    this.#answer = () => {
      isAnswered = true;
      wake();
    };
    signal.addEventListener('abort', wake);
    statistics.enter('giving memory back');
    onUnmanaged(error);
    try {
      for (let step = 0; !isAnswered && !signal.aborted; step += 1) {
        if (step === MOST_STEPS) throw error;
        await Promise.race([woken, this.#sleep(STEP_MS)]);
        if (shared.overshootBytes() === 0) break;
      }
    } finally {
      // The signal is the lane's, which may wait many times.
      signal.removeEventListener('abort', wake);
    }
    if (signal.aborted) throw new PipelineError('ERR_ABORTED', 'the run is stopping');
    statistics.enter('working');
  }

  #failure(overBytes: number, overshoot: number): PipelineError {
    const { name } = this.#parts;
    return new PipelineError(
      'ERR_MEMORY_EXHAUSTED',
      `the code of "${name}" keeps ${formatBytes(overBytes)} more on its heap and in array buffers than its part of memoryLimit, ` +
        `also after collecting; the process is ${formatBytes(overshoot)} beyond its limit`,
      { stage: name, hint: 'let batches and results go: copy the few values that you need; or raise memoryLimit' },
    );
  }
}
