/** What a lane has to do with memory: its consumer in the run's pool, the heap that it reserves, and what it does under pressure. */
import { isMainThread } from 'node:worker_threads';
import { errorToData, type MemoryConsumer, MemoryPool, type MemoryReservation } from '@spillway/core/base';
import type { Arena, MaybePromise } from '@spillway/core/internal';
import { madeBytes } from '@spillway/core/lane';
import type { Ring } from '../channels/ring.ts';
import { Arbiter } from '../governor/arbiter.ts';
import { AwaitedRoom } from '../governor/awaited-room.ts';
import { HeapWatch } from '../governor/heap-watch.ts';
import { LanePressure } from '../governor/lane-pressure.ts';
import { SharedPressure } from '../governor/shared-pressure.ts';
import { UserRoom } from '../governor/user-room.ts';
import type { ActorStatistics } from '../monitor/actor-statistics.ts';
import type { LaneConfig, LaneMessage } from './protocol.ts';

/** Batches that a lane of a source makes of what it reads, and has on their way. */
const BATCHES_MADE = 2;

/** What a watched lane is driven by, and whom it tells. */
export interface WatchParts {
  outputs: readonly Ring[];
  statistics: ActorStatistics;
  signal: AbortSignal;
  send(message: LaneMessage): void;
}

export class LaneMemory {
  readonly consumer: MemoryConsumer;
  readonly #config: LaneConfig;
  readonly #shared: SharedPressure;
  readonly #heap: MemoryReservation;
  readonly #arbiter: Arbiter;
  #userRoom: UserRoom | undefined;

  /** @throws ERR_MEMORY_EXHAUSTED when the lane's heap has no room */
  constructor(arena: Arena, config: LaneConfig) {
    this.#config = config;
    const pool = new MemoryPool(arena, config.pool.place);
    this.consumer = pool.consumer(config.pool.consumer);
    this.#heap = this.consumer.reserve();
    this.#heap.grow(config.pool.reservedBytes);
    this.#shared = new SharedPressure(arena, config.pressure, pool);
    this.#arbiter = new Arbiter(arena.buffer, config.arbiter.place, pool);
    const { lane } = config.arbiter;
    const mayWait = config.isGoverned && !isMainThread;
    arena.setHolders(config.owner, mayWait ? new AwaitedRoom({ pool, arbiter: this.#arbiter, lane }) : pool);
  }

  /** To be awaited before each call of code of users. */
  beforeUserCall(): MaybePromise {
    return this.#userRoom?.beforeCall();
  }

  /** The coordinator's answer to a lane whose code keeps too much. */
  goOn(): void {
    this.#userRoom?.goOn();
  }

  /** From now on what the thread's heap grows by counts. */
  watch({ outputs, statistics, signal, send }: WatchParts): Pick<LanePressure, 'relieve'> {
    const { stage, heapBytes, arbiter, isGoverned } = this.#config;
    if (!isGoverned) return { relieve: () => undefined };
    const { input, lanes } = stage;
    const userRoom = new UserRoom({
      heap: new HeapWatch(heapBytes),
      shared: this.#shared,
      statistics,
      name: stage.name,
      signal,
      onUnmanaged: (error) => send({ type: 'unmanaged', error: errorToData(error) }),
    });
    if (heapBytes > 0) this.#userRoom = userRoom;
    return new LanePressure({
      shared: this.#shared,
      userRoom,
      arbiter: this.#arbiter,
      consumer: this.consumer,
      lane: arbiter.lane,
      isSource: input.kind === 'splits',
      makesBytes: BATCHES_MADE * lanes * madeBytes(input),
      hasRowsBehind: () => outputs.some((ring) => ring.depth().packets > 0),
    });
  }

  close(): void {
    this.#shared.close();
    this.consumer.setHeld(0);
    this.consumer.setStuck(0, 0);
    this.#heap.free();
  }
}
