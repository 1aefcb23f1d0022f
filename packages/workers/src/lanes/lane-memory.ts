/** What a lane has to do with memory: its consumer in the run's pool, the heap that it reserves, and what it does under pressure. */
import { isMainThread } from 'node:worker_threads';
import { type MemoryConsumer, MemoryPool, type MemoryReservation, type PipelineError } from '@spillway/core/base';
import type { Arena } from '@spillway/core/internal';
import { floorBytes } from '@spillway/core/lane';
import type { Ring } from '../channels/ring.ts';
import { Arbiter } from '../governor/arbiter.ts';
import { AwaitedRoom } from '../governor/awaited-room.ts';
import { HeapWatch } from '../governor/heap-watch.ts';
import { LanePressure } from '../governor/lane-pressure.ts';
import { SharedPressure } from '../governor/shared-pressure.ts';
import type { LaneConfig } from './protocol.ts';

/** Batches that a lane of a source makes of what it reads, and has on their way. */
const BATCHES_MADE = 2;
/** Rows of the largest batch. */
const LARGEST_ROWS = 65_536;

export class LaneMemory {
  readonly consumer: MemoryConsumer;
  readonly #config: LaneConfig;
  readonly #shared: SharedPressure;
  readonly #heap: MemoryReservation;
  readonly #arbiter: Arbiter;

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

  /** From now on what the thread's heap grows by counts. @param onUnmanaged told when only a new thread can help */
  watch(outputs: readonly Ring[], onUnmanaged: (error: PipelineError) => void): Pick<LanePressure, 'relieve'> {
    const { stage, heapBytes, arbiter, isGoverned } = this.#config;
    if (!isGoverned) return { relieve: () => undefined };
    const { input, lanes } = stage;
    const fields = input.kind === 'splits' ? input.fields : [];
    return new LanePressure({
      shared: this.#shared,
      arbiter: this.#arbiter,
      heap: new HeapWatch(heapBytes),
      consumer: this.consumer,
      lane: arbiter.lane,
      name: stage.name,
      isSource: input.kind === 'splits',
      makesBytes: BATCHES_MADE * lanes * floorBytes(fields, LARGEST_ROWS),
      onUnmanaged,
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
