/**
 * The memory pool of a run: who may hold what outside the arena, from the split of its limit. What threads of the runtime and the codec
 * library take is reserved here for the whole run; a lane reserves its own heap when it is built; results that are kept are reserved as
 * they come.
 */
import {
  MAIN_SCOPE,
  type MemoryConsumer,
  MemoryPool,
  type MemoryReservation,
  type PoolConsumer,
  type PoolPlace,
} from '@spillway/core/base';
import type { PhysicalPlan, ResolvedPlan } from '@spillway/core/internal';
import { hasUserCode, type MemorySplit, poolBytes } from '@spillway/core/planner';
import type { ArenaLease } from './arena-lease.ts';
import type { Cleanup } from './cleanup.ts';

/** A consumer for each part of the split, the first `reservedBytes` of which are its from the start. */
interface PlannedConsumer extends PoolConsumer {
  key: string;
  reservedBytes: number;
}

export interface RunMemoryParts {
  logical: ResolvedPlan;
  physical: PhysicalPlan;
  split: MemorySplit;
  lease: ArenaLease;
  /** Whom the control block is charged to. */
  owner: number;
  cleanup: Cleanup;
}

export class RunMemory {
  readonly place: PoolPlace;
  readonly pool: MemoryPool;
  /** What the main thread may take for what passes through it. */
  readonly mainHeap: MemoryConsumer;
  readonly #kept: Map<number, MemoryReservation> = new Map();
  readonly #planned: readonly PlannedConsumer[];
  readonly #arena: ArenaLease['arena'];
  /** Resident when the run began, whatever was in it. */
  readonly #touchedBefore: number;

  constructor(parts: RunMemoryParts) {
    const { lease, physical, split, owner, cleanup } = parts;
    const { arena } = lease;
    this.#arena = arena;
    this.#planned = plannedConsumers(parts);
    const at = arena.alloc(poolBytes(this.#planned.length), owner);
    this.place = {
      at,
      owners: lease.owners,
      consumers: this.#planned.map(({ stage, name, scope, lends, operators }) => ({
        stage,
        name,
        scope,
        ...(lends && { lends }),
        ...(operators && { operators }),
      })),
    };
    this.pool = new MemoryPool(arena, this.place);
    const { memoryLimitBytes: limitBytes, promisedBytes } = physical;
    this.pool.begin({ limitBytes, arenaBytes: split.arenaBytes, promisedBytes });
    lease.setPool(this.pool);
    this.mainHeap = this.pool.consumer(this.#indexOf('main'));
    this.#planned.forEach(({ scope, reservedBytes }, index) => {
      if (scope === MAIN_SCOPE) this.pool.consumer(index).reserve().grow(reservedBytes);
    });
    cleanup.add(() => {
      lease.setPool(undefined);
      arena.release(at);
    });
    this.#touchedBefore = arena.highWaterBytes();
  }

  /** Index of a lane's consumer. */
  ofLane(stage: number, lane: number): number {
    return this.#indexOf(laneKey(stage, lane));
  }

  /** What a sink keeps for good. */
  keptBy(node: number): MemoryReservation {
    const known = this.#kept.get(node);
    if (known !== undefined) return known;
    const kept = this.pool.consumer(this.#indexOf(`results ${node}`)).reserve();
    this.#kept.set(node, kept);
    return kept;
  }

  /** What a consumer is meant to reserve. */
  reservedBytes(index: number): number {
    return this.#planned[index]?.reservedBytes ?? 0;
  }

  /** Makes room outside the arena of what nobody uses. */
  reclaimUnused(bytes: number): boolean {
    return this.pool.reclaimUnused(bytes, this.touchedBytes());
  }

  /** Of the arena, resident since the run began whatever is in it. */
  touchedBytes(): number {
    return this.#arena.highWaterBytes() - this.#touchedBefore;
  }

  /** Bytes outside the arena that threads have not given back; once they all have ended. */
  leftBytes(): number {
    this.pool.releaseScope(MAIN_SCOPE);
    return this.pool.reservedBytes();
  }

  #indexOf(key: string): number {
    return this.#planned.findIndex((consumer) => consumer.key === key);
  }
}

function laneKey(stage: number, lane: number): string {
  return `lane ${stage} ${lane}`;
}

function plannedConsumers({ logical, physical, split }: RunMemoryParts): PlannedConsumer[] {
  const { stages } = physical;
  const { processBytes, codecBytes, codecThreads, laneBytes, userBytesEach, mainBytes } = split;
  const lanes = stages.reduce((sum, stage) => sum + stage.lanes, 0);
  const consumers: PlannedConsumer[] = [
    { key: 'process', stage: 'process', name: 'heap', scope: MAIN_SCOPE, reservedBytes: processBytes },
    { key: 'main', stage: 'main thread', name: 'heap', scope: MAIN_SCOPE, lends: true, reservedBytes: mainBytes },
  ];
  for (let thread = 0; thread < codecThreads; thread += 1) {
    const name = `library of thread ${thread}`;
    const reservedBytes = codecBytes / codecThreads;
    consumers.push({ key: `codec ${thread}`, stage: 'codecs', name, scope: MAIN_SCOPE, reservedBytes });
  }
  let scope = 0;
  for (const stage of stages) {
    const reservedBytes = laneBytes / lanes + (hasUserCode(stage) ? userBytesEach : 0);
    for (let lane = 0; lane < stage.lanes; lane += 1, scope += 1)
      consumers.push({
        key: laneKey(stage.id, lane),
        stage: stage.name,
        name: `heap of lane ${lane}`,
        scope,
        operators: stage.operators.map((operator) => operator.name),
        reservedBytes,
      });
  }
  for (const { id, name, spec } of logical.nodes) {
    // What `collect()` gathers, and what a function keeps of what it is lent.
    if (spec.kind === 'sink' && (spec.sink.type === 'collect' || spec.sink.type === 'callback'))
      consumers.push({ key: `results ${id}`, stage: name, name: 'results', scope: MAIN_SCOPE, reservedBytes: 0 });
  }
  return consumers.map((consumer) => ({
    ...consumer,
    reservedBytes: Math.floor(consumer.reservedBytes / 1024) * 1024,
  }));
}
