/** One lane of one stage in its thread: configured, started, stopped by the coordinator. */
import type { MessagePort } from 'node:worker_threads';
import type { PipelineErrorData } from '@spillway/core';
import { errorToData } from '@spillway/core/base';
import type { Arena, Recovery, SavedChain } from '@spillway/core/internal';
import { outcomeOf } from '../control/outcome.ts';
import { namedError } from '../coordinator/failure.ts';
import { type BuiltLane, buildLane } from './build-lane.ts';
import type { FilePlace, LaneConfig, LaneControl, LaneMessage } from './protocol.ts';

export class Lane {
  readonly ended: Promise<void>;
  readonly control: LaneControl;
  readonly #arena: Arena;
  readonly #events: MessagePort;
  readonly #abort: AbortController = new AbortController();
  #settle: () => void = () => {};
  #built: BuiltLane | undefined;
  /** Settles when nothing of `configure` goes on any more. */
  #configured: Promise<void> = Promise.resolve();
  #isRunning = false;

  constructor(arena: Arena, events: MessagePort) {
    this.#arena = arena;
    this.#events = events;
    this.ended = new Promise((resolve) => {
      this.#settle = resolve;
    });
    this.control = {
      configure: (config) => {
        const configuring = this.#configure(config);
        this.#configured = configuring.then(
          () => {},
          () => {},
        );
        return outcomeOf(() => configuring);
      },
      start: () => void this.#run(),
      save: (place) => outcomeOf(() => this.#save(place)),
      resume: () => this.#built?.loop.resume(),
      flush: (name) => this.#built?.loop.askFlush(name),
      relieve: () => this.#built?.loop.askRelief(),
      stop: () => this.#stop(),
    };
  }

  async #configure(config: LaneConfig): Promise<Recovery[]> {
    try {
      this.#built = await buildLane(this.#arena, config, this.#abort.signal, (message) => this.#send(message));
      return this.#built.recovery;
    } catch (error) {
      throw namedError(error, config.stage.name);
    }
  }

  async #save(place: FilePlace): Promise<SavedChain> {
    const built = this.#built as BuiltLane;
    return built.loop.hold(() => built.save(place));
  }

  async #run(): Promise<void> {
    const built = this.#built;
    if (built === undefined || this.#isRunning) return;
    this.#isRunning = true;
    let failure: unknown;
    try {
      await built.loop.run();
    } catch (error) {
      failure = error ?? new Error('a stage failed without a reason');
    }
    try {
      await built.close();
    } catch (error) {
      failure ??= error;
    }
    this.#end(failure === undefined ? undefined : errorToData(namedError(failure, built.stageName)));
  }

  #stop(): void {
    this.#abort.abort();
    this.#built?.loop.resume();
    if (this.#isRunning) return; // the loop ends by itself: its rings have been failed
    this.#isRunning = true; // a start that comes later must not run
    // A lane that ended while it was still being built would allocate in the name of whoever has its owner number next.
    const closed = this.#configured.then(() => this.#built?.close());
    closed.then(
      () => this.#end(undefined),
      (error: unknown) => this.#end(errorToData(error)),
    );
  }

  #end(error: PipelineErrorData | undefined): void {
    this.#send(error === undefined ? { type: 'ended' } : { type: 'ended', error });
    this.#settle();
  }

  #send(message: LaneMessage): void {
    this.#events.postMessage(message);
  }
}
