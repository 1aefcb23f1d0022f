/** The coordinator's end of one lane: commands out, messages in, and what happens when its thread dies. */
import { MessageChannel, type MessagePort } from 'node:worker_threads';
import { errorFromData, PipelineError } from '@spillway/core/base';
import type { Recovery, SavedChain } from '@spillway/core/internal';
import { type ControlPort, openControl } from '../control/control-port.ts';
import { valueOf } from '../control/outcome.ts';
import type { FilePlace, LaneConfig, LaneControl, LaneMessage, LaneTask } from '../lanes/protocol.ts';
import type { ThreadPool } from './thread-pools.ts';

export type FlushMessage = Extract<LaneMessage, { type: 'flush' }>;
export type AlertMessage = Extract<LaneMessage, { type: 'alert' }>;
export type DroppedMessage = Extract<LaneMessage, { type: 'dropped' }>;
export type BadRowsMessage = Extract<LaneMessage, { type: 'bad-rows' }>;
export type SplitMessage = Extract<LaneMessage, { type: 'split' }>;

/** What the coordinator does with a lane's messages. */
export interface LaneListener {
  onFlush(lane: LaneHandle, message: FlushMessage): void;
  onSplit(lane: LaneHandle, message: SplitMessage): void;
  onAlert(message: AlertMessage): void;
  onDropped(lane: LaneHandle, message: DroppedMessage): void;
  onUnmanaged(lane: LaneHandle, error: PipelineError): void;
  /** No further row can change what this step gives. */
  onEnough(node: string): void;
  onBadRows(lane: LaneHandle, message: BadRowsMessage): void;
}

export class LaneHandle {
  readonly config: LaneConfig;
  /** Resolves when the lane has ended well; rejects with a `PipelineError` that names the stage. */
  readonly ended: Promise<void>;
  /** Whether the thread is gone or has ended its part: nothing of the run is left in it. */
  hasEnded = false;
  /** Set when the thread died instead of ending. */
  death: PipelineError | undefined;
  /** How its operators come through a crash, once it is configured. */
  recovery: readonly Recovery[] = [];
  readonly #port: MessagePort;
  /** Opened for the first command: most lanes of short runs get none. */
  #control: ControlPort<LaneControl> | undefined;
  readonly #configured: Promise<void>;

  constructor(pool: ThreadPool, config: LaneConfig, listener: LaneListener) {
    this.config = config;
    const { port1, port2 } = new MessageChannel();
    this.#port = port1;
    const task: LaneTask = { config, port: port2 };
    const finished = pool.runner.run(task, { transferList: [port2] });
    let setConfigured = (): void => {};
    this.#configured = new Promise((resolve) => {
      setConfigured = resolve;
    });
    this.ended = new Promise<void>((resolve, reject) => {
      finished.catch((cause: unknown) => reject(this.#died(cause)));
      this.#port.on('message', (message: LaneMessage) => {
        if (message.type === 'configured') {
          this.recovery = message.recovery;
          return setConfigured();
        }
        if (message.type !== 'ended') return this.#tell(listener, message);
        finished.then(
          () => (message.error === undefined ? resolve() : reject(errorFromData(message.error))),
          () => {},
        );
      });
    }).finally(() => this.#close());
    this.ended.catch(() => {}); // whoever awaits it sees the error
  }

  /** Answers to commands come by the same port, and are nobody's here. */
  #tell(listener: LaneListener, message: LaneMessage): void {
    if (message.type === 'flush') listener.onFlush(this, message);
    else if (message.type === 'split') listener.onSplit(this, message);
    else if (message.type === 'alert') listener.onAlert(message);
    else if (message.type === 'enough') listener.onEnough(message.node);
    else if (message.type === 'dropped') listener.onDropped(this, message);
    else if (message.type === 'unmanaged') listener.onUnmanaged(this, errorFromData(message.error));
    else if (message.type === 'bad-rows') listener.onBadRows(this, message);
  }

  get #remote(): ControlPort<LaneControl>['remote'] {
    this.#control ??= openControl<LaneControl>(this.#port);
    return this.#control.remote;
  }

  /** Resolves when it has built its operators. @throws the lane's error, named for its stage; ERR_WORKER_DIED when the thread died at it */
  configured(): Promise<void> {
    return Promise.race([this.#configured, this.ended]);
  }

  /** Has the lane, which is quiet, save its operators and hold still. Undefined when it has ended. @throws what saving refuses */
  async save(place: FilePlace): Promise<SavedChain | undefined> {
    const outcome = await Promise.race([this.#remote.save(place), this.ended]);
    return outcome === undefined ? undefined : valueOf(outcome);
  }

  /** Ends holding still. */
  resume(): void {
    if (!this.hasEnded) void this.#remote.resume();
  }

  flush(name: string | undefined): void {
    if (!this.hasEnded) void this.#remote.flush(name);
  }

  /** Wakes the lane to give memory back, if it was chosen to. */
  relieve(): void {
    if (!this.hasEnded) void this.#remote.relieve();
  }

  /** Lets the lane work on what is on its way, though its code keeps too much. */
  goOn(): void {
    if (!this.hasEnded) void this.#remote.goOn();
  }

  stop(): void {
    if (!this.hasEnded) void this.#remote.stop();
  }

  /** Whether it died of a full heap. */
  get isHeapFull(): boolean {
    return (this.death?.cause as { code?: unknown } | undefined)?.code === 'ERR_WORKER_OUT_OF_MEMORY';
  }

  #died(cause: unknown): PipelineError {
    this.death = workerDied(this.config.stage.name, cause);
    return this.death;
  }

  #close(): void {
    this.hasEnded = true;
    if (this.#control === undefined) this.#port.close();
    else this.#control.close();
  }
}

/** The error for a thread that ended in the middle of its work. */
export function workerDied(stage: string, cause: unknown): PipelineError {
  const isHeap = cause instanceof Error && (cause as { code?: string }).code === 'ERR_WORKER_OUT_OF_MEMORY';
  const why = isHeap ? 'its JavaScript heap is full' : cause instanceof Error ? cause.message : String(cause);
  return new PipelineError('ERR_WORKER_DIED', `a worker of stage "${stage}" died: ${why}`, {
    stage,
    cause,
    hint: isHeap
      ? 'user code holds too many objects: keep typed arrays or less state, or raise memoryLimit'
      : 'user code must not end its thread: throw an error instead of process.exit, and catch errors of its own callbacks',
  });
}
