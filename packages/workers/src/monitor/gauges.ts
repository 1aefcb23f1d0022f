/** What stands in shared memory beside the counters of a run: how full channels are, who holds what, how hard memory presses. */
import type { Arena, EdgeSpec, LogicalPlan, MemoryHolding, PhysicalPlan } from '@spillway/core/internal';
import type { Ring } from '../channels/ring.ts';
import { PRESSURE_LEVELS } from '../governor/pressure.ts';
import type { SharedPressure } from '../governor/shared-pressure.ts';
import type { EdgeMetrics, PressureMetrics } from './snapshot.ts';

export interface Gauges {
  edges: EdgeMetrics[];
  pressure: PressureMetrics;
  managedBytes: number;
  peakManagedBytes: number;
  arenaBytes: number;
  reservedBytes: number;
  /** Of the arena, resident since the run began whatever is in it. */
  touchedBytes: number;
  onDiskBytes: number;
  holdings: MemoryHolding[];
}

/** The memory pool of an attempt, as far as it is shown. */
export interface GaugedMemory {
  readonly pool: {
    readonly arenaBytes: number;
    slabBytes(): number;
    reservedBytes(): number;
    holdings(): MemoryHolding[];
  };
  touchedBytes(): number;
}

export interface GaugesParts {
  logical: LogicalPlan;
  physical: PhysicalPlan;
  /** In the order of the plan's edges. */
  rings: readonly Pick<Ring, 'depth' | 'capacity' | 'creditBytes' | 'isNarrow'>[];
  memory: GaugedMemory;
  pressure: Pick<SharedPressure, 'level' | 'fraction' | 'managedFraction' | 'outsideFraction' | 'peakManagedBytes'>;
  arena: Pick<Arena, 'buffer'>;
  /** Where bytes on disk are counted. */
  spilled: number;
}

/** Reads the gauges of one attempt; after `freeze` it goes on telling what they were then. */
export class RunGauges {
  #read: () => Gauges;

  constructor(parts: GaugesParts) {
    this.#read = () => readGauges(parts);
  }

  read(): Gauges {
    return this.#read();
  }

  /** Keeps the present readings; the shared memory behind them may then go. What is on disk goes with it. */
  freeze(): void {
    const last = { ...this.#read(), onDiskBytes: 0 };
    this.#read = () => last;
  }
}

function readGauges({ logical, physical, rings, memory, pressure, arena, spilled }: GaugesParts): Gauges {
  const { pool } = memory;
  const { level } = pressure;
  return {
    edges: physical.edges.map((edge, index) => {
      const ring = rings[index] as GaugesParts['rings'][number];
      const { capacity, creditBytes, isNarrow } = ring;
      return { ...endsOfEdge(logical, physical, edge), ...ring.depth(), capacity, creditBytes, isNarrow };
    }),
    pressure: {
      level,
      index: PRESSURE_LEVELS.indexOf(level),
      fraction: pressure.fraction(),
      managedFraction: pressure.managedFraction(),
      outsideFraction: pressure.outsideFraction(),
    },
    managedBytes: pool.slabBytes(),
    peakManagedBytes: pressure.peakManagedBytes,
    arenaBytes: pool.arenaBytes,
    reservedBytes: pool.reservedBytes(),
    touchedBytes: memory.touchedBytes(),
    onDiskBytes: Number(Atomics.load(new BigInt64Array(arena.buffer, spilled, 1), 0)),
    holdings: pool.holdings(),
  };
}

/** Names of what an edge leads from and to. */
export function endsOfEdge(
  logical: LogicalPlan,
  physical: PhysicalPlan,
  { producer, consumer }: EdgeSpec,
): { from: string; to: string } {
  const nameOf = (end: EdgeSpec['producer'] | EdgeSpec['consumer']): string =>
    (end.kind === 'stage'
      ? physical.stages.find(({ id }) => id === end.stage)
      : logical.nodes.find(({ id }) => id === end.node)
    )?.name ?? '';
  return { from: nameOf(producer), to: nameOf(consumer) };
}

/** A stage, and everything behind it in the order in which rows get there: what a cascade that it begins goes through. */
export function pathFrom(plan: { logical: LogicalPlan; physical: PhysicalPlan } | undefined, stage: string): string[] {
  if (plan === undefined) return [stage];
  const { logical, physical } = plan;
  const ends = physical.edges.map((edge) => endsOfEdge(logical, physical, edge));
  const path = [stage];
  for (const name of path) for (const { from, to } of ends) if (from === name && !path.includes(to)) path.push(to);
  return path;
}
