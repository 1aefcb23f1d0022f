/** One lane of one stage in its thread: built, run to its end, stopped by the coordinator. */
import type { MessagePort } from 'node:worker_threads';
import type { PipelineErrorData } from '@spillway/core';
import { errorToData } from '@spillway/core/base';
import type { Arena, SavedChain } from '@spillway/core/internal';
import { outcomeOf } from '../control/outcome.ts';
import { namedError } from '../coordinator/failure.ts';
import { type BuiltLane, buildLane } from './build-lane.ts';
import type { FilePlace, LaneConfig, LaneControl, LaneMessage } from './protocol.ts';

export class Lane {
  readonly ended: Promise<void>;
  readonly control: LaneControl;
  readonly #arena: Arena;
  readonly #config: LaneConfig;
  readonly #port: MessagePort;
  readonly #abort: AbortController = new AbortController();
  #settle: () => void = () => {};
  #built: BuiltLane | undefined;
  /** Settles when nothing of it is being built any more. */
  #configured: Promise<void> = Promise.resolve();
  /** It runs, or is to end without. */
  #isRunning = false;

  constructor(arena: Arena, config: LaneConfig, port: MessagePort) {
    this.#arena = arena;
    this.#config = config;
    this.#port = port;
    this.ended = new Promise((resolve) => {
      this.#settle = resolve;
    });
    this.control = {
      save: (place) => outcomeOf(() => this.#save(place)),
      resume: () => this.#built?.loop.resume(),
      flush: (name) => this.#built?.loop.askFlush(name),
      relieve: () => this.#built?.loop.askRelief(),
      goOn: () => this.#built?.goOn(),
      stop: () => this.#stop(),
    };
  }

  /** Imports what the stage needs, builds its operators, says so, and takes what its input gives: nothing before the run starts. */
  begin(): void {
    this.#configured = this.#configure();
  }

  async #configure(): Promise<void> {
    const { stage } = this.#config;
    try {
      this.#built = await buildLane(this.#arena, this.#config, this.#abort.signal, (message) => this.#send(message));
    } catch (error) {
      if (this.#isRunning) return; // who has stopped it ends it
      this.#isRunning = true;
      return this.#end(errorToData(namedError(error, stage.name)));
    }
    if (this.#isRunning) return;
    this.#send({ type: 'configured', recovery: this.#built.recovery });
    void this.#run(this.#built);
  }

  async #save(place: FilePlace): Promise<SavedChain> {
    const built = this.#built as BuiltLane;
    return built.loop.hold(() => built.save(place));
  }

  async #run(built: BuiltLane): Promise<void> {
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
    this.#isRunning = true; // what is being built must not run
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
    this.#port.postMessage(message);
  }
}
