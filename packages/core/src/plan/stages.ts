/**
 * Stages that fit into the limit: a plan is cut for as many lanes as there may be (`StageCutter`), for fewer where these have no room, and what is
 * left of the limit becomes credits of the edges and shares of what can spill.
 */
import { PipelineError } from '../errors.ts';
import { isLattice } from '../operators/windows/columns.ts';
import { formatBytes } from '../schema/sizes.ts';
import { mergingBytes } from './aggregate-bytes.ts';
import { largestBatchRows } from './batch-rows.ts';
import { splitMemory } from './budget.ts';
import { joinsOnLanes } from './joins-on-lanes.ts';
import { edgeFloor, joinBytes, lanesAt, minimumTerms, sortBytes, sumOf } from './minimum.ts';
import type { EdgeSpec, PhysicalPlan, StageOperator, StageSpec } from './physical.ts';
import type { ResolvedPlan } from './resolved.ts';
import { StageCutter } from './stage-cutter.ts';
import { hasTraits, traitsOf } from './steps/traits.ts';

export interface StageOptions {
  /** Largest number of lanes of one stage. */
  workers: number;
  /** Hard total in bytes; default the plan's own. */
  memoryLimitBytes?: number;
  /** Every join is to run on one lane, so that its state can be saved: for runs that are resumed. */
  joinsOnOneLane?: boolean;
  /** Row groups are read on codec threads only: lanes that read need room for pages, each of them. */
  codecsRead?: boolean;
}

/**
 * With as many lanes as the limit admits: each needs room of its own, and `workers` is how many there may be at most.
 * @throws ERR_MEMORY_MINIMUM when the limit is below what the plan cannot run without, on one lane a stage
 */
export function planStages(plan: ResolvedPlan, options: StageOptions): PhysicalPlan {
  const physical = fitStages(plan, options);
  if (physical.memoryLimitBytes >= physical.minimumBytes) return physical;
  throw new PipelineError(
    'ERR_MEMORY_MINIMUM',
    `the plan needs at least ${formatBytes(physical.minimumBytes)}, its memoryLimit is ${formatBytes(physical.memoryLimitBytes)}`,
    {
      expected: String(physical.minimumBytes),
      value: String(physical.memoryLimitBytes),
      hint: `raise memoryLimit to '${Math.ceil(physical.minimumBytes / 2 ** 20)}MiB'; explain(sinks, { memory: true }) says what needs it`,
    },
  );
}

/** As `planStages`, also where the limit is too low: for `explain`. */
export function fitStages(plan: ResolvedPlan, options: StageOptions): PhysicalPlan {
  if (options.joinsOnOneLane !== true && options.workers > 1 && joinsOnLanes(plan).size > 0) {
    const shared = cutStages(plan, options);
    if (shared.memoryLimitBytes >= shared.minimumBytes && hasRoomForShared(shared, largestBatchRows(plan)))
      return shared;
  }
  const physical = cutStages(plan, { ...options, joinsOnOneLane: true });
  if (physical.memoryLimitBytes >= physical.minimumBytes || options.workers === 1) return physical;
  if (physical.stages.some(readsRowGroups)) return fitStages(plan, { ...options, codecsRead: true });
  return fitStages(plan, { ...options, workers: Math.floor(options.workers / 2) });
}

function readsRowGroups({ input }: StageSpec): boolean {
  return input.kind === 'splits' && input.source.type === 'parquet';
}

/** A lane of a shared join has at least so many times what it cannot do without; else one lane has it all. */
const SHARED_JOIN_ROOM = 4;

function hasRoomForShared({ stages }: PhysicalPlan, rows: number): boolean {
  return stages.every(({ side, operators }) => {
    const join = side && operators[side.operator];
    if (join === undefined) return true;
    const most = Math.min(SHARED_JOIN_ROOM * joinBytes(join.inputFields, rows), ownLimit(join));
    return (join.shareBytes ?? 0) >= most;
  });
}

/** Stages of exactly so many lanes. */
export function cutStages(plan: ResolvedPlan, options: StageOptions): PhysicalPlan {
  const memoryLimitBytes = options.memoryLimitBytes ?? plan.memoryLimitBytes;
  const joinsOnOneLane = options.joinsOnOneLane === true || options.workers === 1;
  const codecsRead = options.codecsRead === true;
  const cut = cutOf(plan, { workers: options.workers, joinsOnOneLane, codecsRead });
  const { rows, terms, floors } = cut;
  const stages = cut.stages.map((stage) => ({
    ...stage,
    operators: stage.operators.map((operator) => ({ ...operator })),
  }));
  const edges = cut.edges.map((edge) => ({ ...edge }));
  const minimumBytes = sumOf(terms);
  const { arenaBytes } = splitMemory(plan, { stages, memoryLimitBytes, minimumBytes, workers: options.workers });
  const freeBytes = arenaBytes - terms.floorBytes - terms.stateBytes;
  const creditBytes = setCredits(edges, freeBytes, floors);
  const shareBytes = setShares(stages, rows, freeBytes - creditBytes);
  return {
    stages,
    edges,
    workers: options.workers,
    joinsOnOneLane,
    codecsRead,
    memoryLimitBytes,
    minimumBytes,
    promisedBytes: terms.floorBytes + terms.stateBytes + creditBytes + shareBytes,
    timingDependence: plan.timingDependence,
  };
}

/** What of a plan's stages does not depend on the limit. */
interface Cut {
  stages: readonly StageSpec[];
  edges: readonly EdgeSpec[];
  /** Of the largest batch. */
  rows: number;
  terms: ReturnType<typeof minimumTerms>;
  floors: readonly EdgeFloor[];
}

/** By lanes. Whoever looks for a limit asks for the same plan again and again, and a resolved plan stays what it is. */
const cuts = new WeakMap<ResolvedPlan, Map<string, Cut>>();

function cutOf(plan: ResolvedPlan, options: Required<Omit<StageOptions, 'memoryLimitBytes'>>): Cut {
  const ofPlan = cuts.get(plan) ?? new Map<string, Cut>();
  cuts.set(plan, ofPlan);
  const { workers, joinsOnOneLane, codecsRead } = options;
  const key = `${workers} ${joinsOnOneLane} ${codecsRead}`;
  const known = ofPlan.get(key);
  if (known !== undefined) return known;
  const { stages, edges } = new StageCutter(plan, workers, {
    shared: joinsOnOneLane ? new Set() : joinsOnLanes(plan),
    codecsRead,
  });
  const rows = largestBatchRows(plan);
  const floors = edges.map((edge) => ({
    bytes: edgeFloor(plan, edge, rows),
    hasOneProducer: lanesAt(stages, edge.producer) === 1,
  }));
  const cut = { stages, edges, rows, terms: minimumTerms(plan, stages, edges, rows), floors };
  ofPlan.set(key, cut);
  return cut;
}

const MAX_CREDIT_BYTES = 64 * 2 ** 20;
/** Batches of an edge that credits are meant for: enough to keep both sides busy. */
const CREDIT_BATCHES = 8;

/** Room for the largest packet of an edge, and whether one lane alone brings them. */
interface EdgeFloor {
  bytes: number;
  hasOneProducer: boolean;
}

/**
 * Each edge an equal share of half of what is left; no more than some batches can use. A single producer has its floor as credit
 * too; several do not, because besides the credit their lowest sequence always passes, in what the floor is meant for.
 *
 * Returns the bytes given beyond floors.
 */
function setCredits(edges: readonly EdgeSpec[], freeBytes: number, floors: readonly EdgeFloor[]): number {
  const share = Math.max(0, freeBytes) / 2 / Math.max(1, edges.length);
  let given = 0;
  for (const [index, edge] of edges.entries()) {
    const { bytes: floor, hasOneProducer } = floors[index] as EdgeFloor;
    const most = Math.min(floor + share, Math.max(floor * CREDIT_BATCHES, 2 ** 20), MAX_CREDIT_BYTES);
    const beyond = Math.max(0, Math.floor(most - floor));
    edge.creditBytes = beyond + (hasOneProducer ? floor : 0);
    given += beyond;
  }
  return given;
}

/** Left for what cannot be known before: packing, states that grow. */
const UNSHARED = 1 / 8;

/**
 * Each operator that can spill its least, and an equal share of what the edges leave; no more than it asks for.
 *
 * Returns the bytes given beyond the least.
 */
function setShares(stages: readonly StageSpec[], rows: number, leftBytes: number): number {
  let given = 0;
  const operators = stages.flatMap((stage) => stage.operators.map((operator) => ({ operator, lanes: lanesOf(stage) })));
  const sharers = operators.reduce(
    (sum, { operator, lanes }) => sum + (leastShare(operator, rows) !== undefined || isAuto(operator) ? lanes : 0),
    0,
  );
  for (const { operator, lanes } of operators) {
    const least = leastShare(operator, rows);
    if (isAuto(operator)) operator.autoBytes = Math.floor((Math.max(0, leftBytes) * (1 - UNSHARED)) / sharers);
    if (least === undefined) continue;
    const share = least + (Math.max(0, leftBytes) * (1 - UNSHARED)) / sharers;
    operator.shareBytes = Math.floor(Math.min(share, ownLimit(operator) / lanes));
    given += lanes * Math.max(0, operator.shareBytes - least);
  }
  return given;
}

/** Lanes that hold something each: those of a join that they share. */
function lanesOf({ side, lanes }: StageSpec): number {
  return side === undefined ? 1 : lanes;
}

/** Whether the governor chooses when it flushes. */
function isAuto({ spec, half }: StageOperator): boolean {
  return half !== 'partial' && 'triggers' in spec && spec.triggers.memoryLimitBytes === 'auto';
}

/** The least that an operator which can spill can do with; undefined for all others. */
function leastShare(operator: StageOperator, rows: number): number | undefined {
  const { spec, inputFields } = operator;
  if (spec.kind === 'sort') return sortBytes(inputFields[0] ?? [], rows);
  if (spec.kind === 'joinStream') return joinBytes(inputFields, rows);
  if (spec.kind === 'aggStream') return canSpill(operator) ? mergingBytes(spec) : undefined;
  if (!hasTraits(spec)) return undefined;
  const { canSpill: can, stateBytes } = traitsOf(spec);
  return (typeof can === 'function' ? can(spec) : can) ? stateBytes(spec, inputFields, rows) : undefined;
}

/** Aggregates that merge states of many keys, over windows, or hold closed rows until something makes them flush. */
function canSpill({ spec, half, emissionsVisible }: StageOperator): boolean {
  if (spec.kind !== 'aggStream' || half === 'partial') return false;
  const { by, triggers, aggregations } = spec;
  return (
    by.length > 0 ||
    !aggregations.every(isLattice) ||
    emissionsVisible ||
    Object.values(triggers).some((trigger) => trigger !== undefined)
  );
}

function ownLimit({ spec }: StageOperator): number {
  return ('memoryLimitBytes' in spec ? spec.memoryLimitBytes : undefined) ?? Infinity;
}
