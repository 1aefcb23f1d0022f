/**
 * Lays a physical plan out in shared memory: a ring for each edge, a slot of statistics for each lane, reader and sink,
 * and what each lane has to be told. Nothing runs yet.
 */

import { sharedTableBatches } from '@spillway/core/data';
import type { EdgeSpec, PhysicalPlan, PlanNode, Ptr, ResolvedPlan, StageSpec } from '@spillway/core/internal';
import { hasUserCode, type MemorySplit } from '@spillway/core/planner';
import { createRing, type Ring } from '../channels/ring.ts';
import { GATE_BYTES, SourceGate } from '../channels/source-gate.ts';
import type { ArbiterPlace } from '../governor/arbiter.ts';
import { isGoverned } from '../governor/governed.ts';
import type { PressurePlace } from '../governor/shared-pressure.ts';
import type { LaneConfig, LaneInputConfig } from '../lanes/protocol.ts';
import type { PositionSegment } from '../lanes/source-position.ts';
import { placeStatistics, type StatisticsPlace } from '../monitor/statistics.ts';
import { CHAIN_BYTES, startsOf } from '../sources/chunk-chain.ts';
import type { RowGroupTask } from '../sources/row-groups.ts';
import { arbitratedLanes, numberOfLane } from './arbitrated-lanes.ts';
import type { ArenaLease } from './arena-lease.ts';
import { type Checkpoint, laneKey } from './checkpoint.ts';
import type { Cleanup } from './cleanup.ts';
import { RunMemory } from './run-memory.ts';
import type { SpillPlace } from './spill-place.ts';

/** Something that has a slot of statistics. */
export interface Actor {
  kind: 'lane' | 'reader' | 'feeder' | 'sink';
  /** Stage, or node of the source or sink. */
  name: string;
  /** Stage id for lanes, else node id. */
  id: number;
  lane: number;
  place: StatisticsPlace;
}

/** A source's reader or feeder, or a sink: what is at an end of edges and is not a stage. */
export interface EdgeEnd {
  node: PlanNode;
  /** One for a sink; a source has one for each stage that reads it, and gives the same rows to all. */
  edges: EdgeSpec[];
  rings: Ring[];
  owner: number;
  actor: Actor;
}

export interface Wiring {
  actors: Actor[];
  rings: Ring[];
  lanes: LaneConfig[];
  readers: EdgeEnd[];
  feeders: EdgeEnd[];
  mainSinks: EdgeEnd[];
  writers: EdgeEnd[];
  /** Shared word: who listens, see `Attention`. */
  listening: Ptr;
  /** Shared flag: not 0 while a barrier waits for everything on its way to be taken in. */
  aligning: Ptr;
  pressure: PressurePlace;
  arbiter: ArbiterPlace;
  memory: RunMemory;
  /** By source node. */
  gates: Map<number, SourceGate>;
  /** Of CSV sources, by stage: where the lanes say where chunks start. */
  chains: Map<number, Uint8Array>;
  /** All statistics, as bytes. */
  statistics: Uint8Array;
  /** Shared counter of bytes on disk. */
  spilled: Ptr;
}

/** Where a stage's morsels lie in the source, for stages that see the source's own morsels. */
export type PositionsOfNode = (node: number) => PositionSegment[];

interface WiringParts {
  logical: ResolvedPlan;
  physical: PhysicalPlan;
  lease: ArenaLease;
  cleanup: Cleanup;
  positionsOf: PositionsOfNode;
  /** Of a Parquet source, in order. */
  rowGroupsOf(node: number): readonly RowGroupTask[];
  split: MemorySplit;
  /** For runs that may have to spill. */
  spill: SpillPlace | undefined;
  /** Which attempt of the run this is. */
  attempt: number;
  /** By source node: batches that killed their worker. */
  drops: ReadonlyMap<number, readonly number[]>;
  /** What it goes on from; undefined at the start. */
  from: Checkpoint | undefined;
  /** More input comes in another run: sources wait at their ends. */
  holdsEnds: boolean;
}

/** Bytes of a shared counter: a cache line of its own, so that lanes claiming splits disturb nothing else. */
const COUNTER_BYTES = 64;

/** @throws ERR_MEMORY_EXHAUSTED when the rings alone do not fit */
export function wireRun(parts: WiringParts): Wiring {
  const { logical, physical, lease, cleanup } = parts;
  const control = lease.takeOwner('control');
  const memory = new RunMemory({ ...parts, owner: control });
  const counters = new SharedCounters(lease, control, cleanup, 5);
  const rings = physical.edges.map((edge) => makeRing(parts, edge, control));
  const gateOf = placeGates(parts, control);
  const ringOf = (edge: number): Ring => rings[physical.edges.findIndex((candidate) => candidate.id === edge)] as Ring;
  const nodeOf = (id: number): PlanNode => logical.nodes.find((node) => node.id === id) as PlanNode;
  const planEnds = endsOfPlan(physical.edges);
  const { actors, statistics } = placeActors(parts, control, [
    ...physical.stages.flatMap(laneActors),
    ...planEnds.map(({ kind, node }) => ({ kind, name: nodeOf(node).name, id: node, lane: 0, operators: 0 })),
  ]);
  const listening = counters.next();
  const spilled = counters.next();
  const aligning = counters.next();
  const pressure: PressurePlace = { at: counters.next(), memoryLimitBytes: physical.memoryLimitBytes };
  const arbiter: ArbiterPlace = { at: counters.next(), lanes: arbitratedLanes(physical, memory) };
  const lanes = physical.stages.flatMap((stage) =>
    laneConfigs(parts, { stage, actors, ringOf, gateOf, listening, aligning, pressure, arbiter, spilled, memory }),
  );
  const ends = planEnds.map((end, index): EdgeEnd & { role: EndRole } => ({
    role: end.role,
    node: nodeOf(end.node),
    edges: end.edges,
    rings: end.edges.map((edge) => ringOf(edge.id)),
    owner: lease.takeOwner(nodeOf(end.node).name),
    actor: actors[actors.length - planEnds.length + index] as Actor,
  }));
  const inRole = (role: EndRole): EdgeEnd[] => ends.filter((end) => end.role === role);
  return {
    actors,
    rings,
    lanes,
    listening,
    aligning,
    pressure,
    arbiter,
    memory,
    chains: new Map(
      lanes.flatMap(({ stage, input }) =>
        input.kind === 'splits' && input.chain !== 0
          ? [[stage.id, startsOf(lease.arena.bytesAt(input.chain, CHAIN_BYTES))]]
          : [],
      ),
    ),
    gates: new Map([...gateOf].map(([node, at]) => [node, new SourceGate(lease.arena, at)])),
    statistics,
    spilled,
    readers: inRole('reader'),
    feeders: inRole('feeder'),
    mainSinks: inRole('main'),
    writers: inRole('writer'),
  };
}

type UnplacedActor = Omit<Actor, 'place'> & { operators: number };

function laneActors({ name, id, lanes, operators }: StageSpec): UnplacedActor[] {
  return Array.from({ length: lanes }, (_, lane) => ({ kind: 'lane', name, id, lane, operators: operators.length }));
}

/** Gives every actor its slots of statistics. */
function placeActors(
  { lease, cleanup }: WiringParts,
  owner: number,
  unplaced: readonly UnplacedActor[],
): { actors: Actor[]; statistics: Uint8Array } {
  const counts = unplaced.map((actor) => actor.operators);
  const { slab, bytes, places } = placeStatistics(lease.arena, owner, counts);
  cleanup.add(() => lease.arena.release(slab));
  const actors = unplaced.map(({ kind, name, id, lane }, index) => {
    return { kind, name, id, lane, place: places[index] as StatisticsPlace };
  });
  return { actors, statistics: lease.arena.bytesAt(slab, bytes) };
}

/** The gates of all sources, shut until the attempt starts. */
function placeGates({ logical, lease, cleanup, from, holdsEnds }: WiringParts, owner: number): Map<number, Ptr> {
  const sources = logical.nodes.filter((node) => node.spec.kind === 'source');
  const slab = lease.arena.alloc(sources.length * GATE_BYTES, owner);
  cleanup.add(() => lease.arena.release(slab));
  return new Map(
    sources.map(({ id }, index) => {
      const at = slab + index * GATE_BYTES;
      const gate = new SourceGate(lease.arena, at);
      const first = from?.sources.get(id) ?? 0;
      gate.begin(first, holdsEnds);
      gate.limit(first);
      return [id, at];
    }),
  );
}

interface StageWiring {
  stage: StageSpec;
  actors: readonly Actor[];
  ringOf(edge: number): Ring;
  /** By source node. */
  gateOf: ReadonlyMap<number, Ptr>;
  listening: Ptr;
  aligning: Ptr;
  pressure: PressurePlace;
  arbiter: ArbiterPlace;
  /** Counts bytes on disk. */
  spilled: Ptr;
  memory: RunMemory;
}

/** What the lanes of one stage are told; they share an owner. */
function laneConfigs(parts: WiringParts, wiring: StageWiring): LaneConfig[] {
  const { physical, lease, positionsOf, split, spill, from } = parts;
  const { stage, actors, ringOf, gateOf, listening, aligning, pressure, arbiter, spilled, memory } = wiring;
  const owner = lease.takeOwner(stage.name);
  const positions = positionsOfStage(physical, stage, positionsOf);
  const chain = placeChain(parts, stage, owner);
  const heapBytes = hasUserCode(stage) ? split.userBytesEach : 0;
  return actors
    .filter((actor) => actor.kind === 'lane' && actor.id === stage.id)
    .map((actor) => ({
      stage,
      lane: actor.lane,
      input: laneInput(parts, stage, { gateOf, chain, ringOf }),
      ...sideOf(stage, actor.lane, ringOf),
      outputs: stage.outputs.map((output) => ringOf(output.edge).handle),
      owner,
      ...poolOfLane(memory, stage.id, actor.lane),
      statistics: actor.place,
      listening,
      aligning,
      positions,
      heapBytes,
      pressure,
      isGoverned: isGoverned(),
      arbiter: { place: arbiter, lane: numberOfLane(physical.stages, stage, actor.lane) },
      attempt: parts.attempt,
      drops: dropsOf(parts, stage),
      spilled,
      ...(spill !== undefined && (from !== undefined || mayHold(stage)) && { spill }),
      ...restoreOf(from, stage, actor.lane),
    }));
}

/** Whether a stage has an operator that may have to put something on disk: else its lanes load nothing for that, unless they take up a snapshot. */
function mayHold({ operators }: StageSpec): boolean {
  return operators.some(({ shareBytes, autoBytes }) => shareBytes !== undefined || autoBytes !== undefined);
}

/** Zeroed words in which the lanes of a CSV source agree; 0 for other stages. */
function placeChain({ lease, cleanup }: WiringParts, { input }: StageSpec, owner: number): Ptr {
  if (input.kind !== 'splits' || input.source.type !== 'text') return 0;
  const chain = lease.arena.alloc(CHAIN_BYTES, owner);
  lease.arena.u8.fill(0, chain, chain + CHAIN_BYTES);
  cleanup.add(() => lease.arena.release(chain));
  return chain;
}

function poolOfLane(memory: RunMemory, stage: number, lane: number): Pick<LaneConfig, 'pool'> {
  const consumer = memory.ofLane(stage, lane);
  return { pool: { place: memory.place, consumer, reservedBytes: memory.reservedBytes(consumer) } };
}

/** By input of a stage: packets of a source that it takes itself and that are dropped. */
function dropsOf({ physical, drops }: WiringParts, { input }: StageSpec): number[][] {
  if (input.kind === 'splits') return [[...(drops.get(input.node) ?? [])]];
  const ids = input.kind === 'edge' ? [input.edge] : input.inputs.map(({ edge }) => edge);
  return ids.map((id) => {
    const producer = physical.edges.find((edge) => edge.id === id)?.producer;
    return producer === undefined || producer.kind === 'stage' ? [] : [...(drops.get(producer.node) ?? [])];
  });
}

function restoreOf(from: Checkpoint | undefined, { id }: StageSpec, lane: number): Pick<LaneConfig, 'restore'> {
  const restore = from?.lanes.get(laneKey(id, lane));
  return restore === undefined ? {} : { restore };
}

type EndRole = 'reader' | 'feeder' | 'main' | 'writer';

interface PlanEnd {
  role: EndRole;
  kind: Actor['kind'];
  node: number;
  edges: EdgeSpec[];
}

/** The ends of all edges that are not stages, each source once. */
function endsOfPlan(edges: readonly EdgeSpec[]): PlanEnd[] {
  const ends: PlanEnd[] = [];
  for (const edge of edges) {
    const { producer, consumer } = edge;
    if (producer.kind !== 'stage') {
      const same = ends.find((end) => end.role === producer.kind && end.node === producer.node);
      if (same !== undefined) same.edges.push(edge);
      else ends.push({ role: producer.kind, kind: producer.kind, node: producer.node, edges: [edge] });
    }
    if (consumer.kind !== 'stage') ends.push({ role: consumer.kind, kind: 'sink', node: consumer.node, edges: [edge] });
  }
  return ends;
}

/** Whether rows keep coming until their end: those of files and tables do, those that a program feeds may pause. */
function isBounded(physical: PhysicalPlan, edge: EdgeSpec): boolean {
  const { producer } = edge;
  if (producer.kind !== 'stage') return producer.kind === 'reader';
  const input = physical.stages.find((stage) => stage.id === producer.stage)?.input;
  if (input?.kind !== 'edge') return true;
  const before = physical.edges.find((candidate) => candidate.id === input.edge);
  return before !== undefined && isBounded(physical, before);
}

function makeRing({ physical, lease, cleanup, from }: WiringParts, edge: EdgeSpec, owner: number): Ring {
  const ring = createRing(lease.arena, {
    capacity: edge.capacity,
    creditBytes: edge.creditBytes,
    fields: edge.fields,
    owner,
    isLazy: edge.carriesStates && isBounded(physical, edge),
    ...(edge.producer.kind === 'feeder' && edge.consumer.kind === 'stage' && { mainIs: 'producer' as const }),
    ...(edge.producer.kind === 'stage' && edge.consumer.kind === 'main' && { mainIs: 'consumer' as const }),
    first: firstOf(physical, edge, from),
  });
  cleanup.add(() => ring.close());
  return ring;
}

/** Number of an edge's first packet: morsels keep their numbers through stages of several lanes, a stage of one lane counts anew. */
function firstOf(physical: PhysicalPlan, { producer }: EdgeSpec, from: Checkpoint | undefined): number {
  if (producer.kind !== 'stage') return from?.sources.get(producer.node) ?? 0;
  const stage = physical.stages.find(({ id }) => id === producer.stage);
  if (stage === undefined || stage.lanes === 1 || stage.input.kind === 'edges') return 0;
  const { input } = stage;
  if (input.kind === 'splits') return from?.sources.get(input.node) ?? 0;
  const before = physical.edges.find(({ id }) => id === input.edge);
  return before === undefined ? 0 : firstOf(physical, before, from);
}

function laneInput(
  { rowGroupsOf }: WiringParts,
  stage: StageSpec,
  { gateOf, chain, ringOf }: Pick<StageWiring, 'gateOf' | 'ringOf'> & { chain: Ptr },
): LaneInputConfig {
  const { input } = stage;
  if (input.kind === 'edge') return { kind: 'edge', edge: input.edge, ring: ringOf(input.edge).handle };
  if (input.kind === 'edges') {
    const inputs = input.inputs.map(({ edge, isElastic }) => ({ edge, ring: ringOf(edge).handle, isElastic }));
    return { kind: 'edges', inputs };
  }
  const batches = input.source.type === 'shared' ? sharedTableBatches(input.source.tableId) : [];
  const gate = gateOf.get(input.node) as Ptr;
  const rowGroups = input.source.type === 'parquet' ? rowGroupsOf(input.node) : [];
  return { kind: 'splits', source: input.source, fields: input.fields, gate, batches, chain, rowGroups };
}

function sideOf({ side }: StageSpec, lane: number, ringOf: (edge: number) => Ring): Pick<LaneConfig, 'side'> {
  if (side === undefined) return {};
  const edge = side.edges[lane] as number;
  return { side: { edge, ring: ringOf(edge).handle } };
}

/**
 * Morsels keep their numbers through stages of several lanes, so such a stage knows where each began in the source; a
 * stage of one lane numbers its outputs anew, and what follows it does not know.
 */
function positionsOfStage(physical: PhysicalPlan, stage: StageSpec, positionsOf: PositionsOfNode): PositionSegment[] {
  const { input } = stage;
  if (input.kind === 'splits')
    return input.source.type === 'parquet' ? positionsOf(input.node) : splitPositions(input.source);
  // Rows of several inputs are counted by the operator that takes them.
  if (input.kind === 'edges') return [];
  const edge = physical.edges.find((candidate) => candidate.id === input.edge);
  const producer = edge?.producer;
  if (producer?.kind === 'reader') return positionsOf(producer.node);
  if (producer?.kind !== 'stage') return [];
  const before = physical.stages.find((candidate) => candidate.id === producer.stage);
  return before !== undefined && before.lanes > 1 ? positionsOfStage(physical, before, positionsOf) : [];
}

function splitPositions(source: Extract<StageSpec['input'], { kind: 'splits' }>['source']): PositionSegment[] {
  if (source.type !== 'shared') return [];
  return [{ firstSequence: 0, firstRow: 0, morselRows: source.batchRows, missingRows: 0 }];
}

/** Zeroed words in shared memory, each in a cache line of its own. */
class SharedCounters {
  #next: Ptr;

  constructor(lease: ArenaLease, owner: number, cleanup: Cleanup, count: number) {
    const bytes = count * COUNTER_BYTES;
    const slab = lease.arena.alloc(bytes, owner);
    lease.arena.u8.fill(0, slab, slab + bytes);
    cleanup.add(() => lease.arena.release(slab));
    this.#next = slab;
  }

  next(): Ptr {
    const place = this.#next;
    this.#next += COUNTER_BYTES;
    return place;
  }
}
