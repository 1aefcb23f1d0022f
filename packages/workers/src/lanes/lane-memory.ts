/** What a lane has to do with memory: its consumer in the run's pool, the heap that it reserves, and what it does under pressure. */
import { type MemoryConsumer, MemoryPool, type MemoryReservation } from '@spillway/core/base';
import type { Arena } from '@spillway/core/internal';
import { HeapWatch } from '../governor/heap-watch.ts';
import { LanePressure } from '../governor/lane-pressure.ts';
import { SharedPressure } from '../governor/shared-pressure.ts';
import type { LaneConfig } from './protocol.ts';

export class LaneMemory {
  readonly consumer: MemoryConsumer;
  readonly #config: LaneConfig;
  readonly #shared: SharedPressure;
  readonly #heap: MemoryReservation;

  /** @throws ERR_MEMORY_EXHAUSTED when the lane's heap has no room */
  constructor(arena: Arena, config: LaneConfig) {
    this.#config = config;
    const pool = new MemoryPool(arena, config.pool.place);
    arena.setHolders(config.owner, pool);
    this.consumer = pool.consumer(config.pool.consumer);
    this.#heap = this.consumer.reserve();
    this.#heap.grow(config.pool.reservedBytes);
    this.#shared = new SharedPressure(arena, config.pressure, pool);
  }

  /** From now on what the thread's heap grows by counts. */
  watch(): LanePressure {
    const { stage, heapBytes } = this.#config;
    const heap = new HeapWatch(heapBytes);
    return new LanePressure({ shared: this.#shared, heap, name: stage.name, isSource: stage.input.kind === 'splits' });
  }

  close(): void {
    this.#shared.close();
    this.consumer.setHeld(0);
    this.#heap.free();
  }
}
