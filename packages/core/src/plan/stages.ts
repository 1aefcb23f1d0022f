/**
 * Cuts a plan into stages. Operators are fused unless something has to be exchanged between threads:
 *
 * - from a source (or any cut), the steps whose result does not depend on the order of batches run as one stage on all
 *   lanes, morsel by morsel; an aggregate at their ends is halved, and the partial half runs there too;
 * - what depends on order (buffers, folds, ops that keep state, final halves) runs on one lane, together with everything
 *   behind it;
 * - sinks take edges; ops that wait for something outside, and steps with `ownStage`, begin a stage of their own;
 * - a step with several inputs begins a stage of its own on one lane, with an edge for each input, once all of them are there.
 */

import { PipelineError } from '../errors.ts';
import { partialFields } from '../operators/aggregate/output-fields.ts';
import { isLattice, isMergeable } from '../operators/windows/columns.ts';
import { formatBytes } from '../schema/sizes.ts';
import type { Fields } from '../schema/types.ts';
import { mergingBytes } from './aggregate-bytes.ts';
import { splitMemory } from './budget.ts';
import { entangledInputs } from './entangled.ts';
import { edgeFloor, joinBytes, lanesAt, largestBatchRows, minimumTerms, sortBytes, sumOf } from './minimum.ts';
import type { EdgeSpec, PhysicalPlan, StageInput, StageOperator, StagePort, StageSpec } from './physical.ts';
import type { ResolvedNode, ResolvedPlan } from './resolved.ts';
import { hasTraits, traitsOf } from './steps/traits.ts';

export interface StageOptions {
  /** Largest number of lanes of one stage. */
  workers: number;
  /** Hard total in bytes; default the plan's own. */
  memoryLimitBytes?: number;
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
  const physical = cutStages(plan, options);
  if (physical.memoryLimitBytes >= physical.minimumBytes || options.workers === 1) return physical;
  return fitStages(plan, { ...options, workers: Math.floor(options.workers / 2) });
}

/** Stages of exactly so many lanes. */
export function cutStages(plan: ResolvedPlan, options: StageOptions): PhysicalPlan {
  const memoryLimitBytes = options.memoryLimitBytes ?? plan.memoryLimitBytes;
  const cut = cutOf(plan, options.workers);
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
const cuts = new WeakMap<ResolvedPlan, Map<number, Cut>>();

function cutOf(plan: ResolvedPlan, workers: number): Cut {
  const ofPlan = cuts.get(plan) ?? new Map<number, Cut>();
  cuts.set(plan, ofPlan);
  const known = ofPlan.get(workers);
  if (known !== undefined) return known;
  const { stages, edges } = new StageCutter(plan, workers);
  const rows = largestBatchRows(plan);
  const floors = edges.map((edge) => ({
    bytes: edgeFloor(plan, edge, rows),
    hasOneProducer: lanesAt(stages, edge.producer) === 1,
  }));
  const cut = { stages, edges, rows, terms: minimumTerms(plan, stages, edges, rows), floors };
  ofPlan.set(workers, cut);
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
  const operators = stages.flatMap((stage) => stage.operators);
  const sharers = operators.filter((operator) => leastShare(operator, rows) !== undefined || isAuto(operator)).length;
  for (const operator of operators) {
    const least = leastShare(operator, rows);
    if (isAuto(operator)) operator.autoBytes = Math.floor((Math.max(0, leftBytes) * (1 - UNSHARED)) / sharers);
    if (least === undefined) continue;
    const share = least + (Math.max(0, leftBytes) * (1 - UNSHARED)) / sharers;
    operator.shareBytes = Math.floor(Math.min(share, ownLimit(operator)));
    given += Math.max(0, operator.shareBytes - least);
  }
  return given;
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

/** A step behind a cut: the node, which half of it when it is an aggregate, and which of its inputs the cut is. */
interface Branch {
  node: ResolvedNode;
  half: StageOperator['half'];
  input: number;
}

/** Where a stage's rows come from: the output of a node, or of the partial half of one. */
interface Origin {
  node: ResolvedNode;
  port: string;
  fields: Fields;
  producer: EdgeSpec['producer'];
  carriesStates: boolean;
  /** Tells the producing stage that one more edge leaves it. */
  leave(edge: number): void;
}

class StageCutter {
  readonly stages: StageSpec[] = [];
  readonly edges: EdgeSpec[] = [];
  readonly #plan: ResolvedPlan;
  readonly #workers: number;
  /** Inputs of steps with several, as far as they have been reached. */
  readonly #origins = new Map<number, (Origin | undefined)[]>();

  constructor(plan: ResolvedPlan, workers: number) {
    this.#plan = plan;
    this.#workers = workers;
    for (const node of plan.nodes) if (node.spec.kind === 'source') this.#cutSource(node);
  }

  #users(node: ResolvedNode, port: string): Branch[] {
    return this.#plan.nodes.flatMap((user) =>
      user.inputs.flatMap((origin, input): Branch[] =>
        origin.node === node.id && origin.port === port ? [{ node: user, half: 'whole', input }] : [],
      ),
    );
  }

  #cutSource(node: ResolvedNode): void {
    if (node.spec.kind !== 'source') return;
    const { source } = node.spec;
    const users = this.#users(node, 'out');
    const fields = node.outputFields['out'] ?? [];
    if (source.type !== 'parquet' && source.type !== 'fed') {
      this.#cutSplits(node, { kind: 'splits', source, node: node.id, fields }, users);
      return;
    }
    const producer: EdgeSpec['producer'] = { kind: source.type === 'parquet' ? 'reader' : 'feeder', node: node.id };
    const origin: Origin = { node, port: 'out', fields, producer, carriesStates: false, leave: () => undefined };
    const [first] = users;
    const isAlone = first !== undefined && users.length === 1;
    if (isAlone && isSink(first)) this.#edge(origin, first);
    else if (isAlone && isJoin(first)) this.#reach(origin, first);
    else this.#open(users, (stage) => this.#edgeToStage(origin, stage));
  }

  /** Rows that lanes make themselves; several lanes make generated rows, also where one lane then works on them. */
  #cutSplits(node: ResolvedNode, input: Extract<StageInput, { kind: 'splits' }>, users: readonly Branch[]): void {
    const isParallel = users.some((user) => this.#runsOnLanes(user));
    const isSerial = users.every((user) => !isSink(user) && !this.#runsOnLanes(user) && !needsOwnStage(user));
    const makesHere = !isParallel && isSerial && (input.source.type === 'shared' || this.#workers === 1);
    if (isParallel || makesHere) {
      this.#open(users, () => input);
      return;
    }
    const stage = this.#addStage(node.name, input, this.#workers, false);
    this.#continue(stage, { node, port: 'out', from: 'stage-input', fields: input.fields }, users);
  }

  /** Opens the stage in which the given steps begin; those that cannot be in it get edges out of it. */
  #open(branches: readonly Branch[], connect: (stage: number) => StageInput): void {
    const first = this.#firstOf(branches);
    const lanes = first.some((branch) => this.#runsOnLanes(branch)) ? this.#workers : 1;
    const stage = this.#addStage('', { kind: 'edge', edge: -1 }, lanes, first.some(isBlocking));
    stage.input = connect(stage.id);
    const source = branches[0]?.node;
    const input = branches[0]?.input ?? 0;
    for (const branch of first) this.#fuse(stage, branch, [{ from: 'stage-input' }]);
    const rest = branches.filter((branch) => !first.includes(branch));
    const at = {
      node: this.#producerOf(source, input),
      port: source?.inputs[input]?.port ?? 'out',
      from: 'stage-input' as const,
      fields: source?.inputFields[input] ?? [],
    };
    this.#continue(stage, at, rest);
    stage.name = nameOf(stage) || at.node.name;
  }

  /** One input of a step with several. Its stage is opened when all of them are there. */
  #reach(origin: Origin, { node, input }: Branch): void {
    const origins = this.#origins.get(node.id) ?? node.inputs.map(() => undefined);
    this.#origins.set(node.id, origins);
    origins[input] = origin;
    if (origins.every((candidate) => candidate !== undefined)) this.#openJoin(node, origins);
  }

  #openJoin(node: ResolvedNode, origins: readonly Origin[]): void {
    const inputs: StagePort[] = [];
    const stage = this.#addStage('', { kind: 'edges', inputs }, 1, false);
    const isEntangled = entangledInputs(node, this.#plan.nodes);
    const takesAny = hasTraits(node.spec) && traitsOf(node.spec).takesAny === true;
    for (const [index, origin] of origins.entries()) {
      const edge = this.#addEdge(origin, { kind: 'stage', stage: stage.id });
      inputs.push({ edge, port: portName(node, index), isElastic: takesAny || isEntangled[index] === true });
    }
    const froms = inputs.map(({ port }) => ({ from: 'stage-input' as const, port }));
    this.#fuse(stage, { node, half: 'whole', input: 0 }, froms);
    stage.name = nameOf(stage);
  }

  /** Which of several steps behind one output share its first stage: those that lanes can run, else those that need order. */
  #firstOf(branches: readonly Branch[]): Branch[] {
    const steps = branches.filter((branch) => !isSink(branch) && !isJoin(branch));
    const shared = steps.filter((branch) => !needsOwnStage(branch));
    const parallel = shared.filter((branch) => this.#runsOnLanes(branch));
    if (parallel.length > 0) return parallel;
    return shared.length === 0 && steps.length === 1 ? steps : shared;
  }

  #producerOf(node: ResolvedNode | undefined, input: number): ResolvedNode {
    const producer = this.#plan.nodes.find((candidate) => candidate.id === node?.inputs[input]?.node);
    if (producer === undefined) throw new PipelineError('ERR_INTERNAL', 'a step of the plan has no input');
    return producer;
  }

  #addStage(name: string, input: StageInput, lanes: number, blocking: boolean): StageSpec {
    const stage: StageSpec = { id: this.stages.length, name, input, operators: [], lanes, outputs: [], blocking };
    this.stages.push(stage);
    return stage;
  }

  /** Puts a step into a stage, and what follows it, as far as it can be in the same one. */
  #fuse(stage: StageSpec, branch: Branch, inputs: StageOperator['inputs']): void {
    const { node } = branch;
    const isHalved = branch.half === 'whole' && stage.lanes > 1 && node.spec.kind === 'aggStream';
    const half = isHalved ? 'partial' : branch.half;
    const outputFields = half === 'partial' ? { out: statesOf(node) } : node.outputFields;
    const index = stage.operators.length;
    stage.operators.push({
      node: node.id,
      name: node.name,
      spec: node.spec,
      half,
      inputs,
      inputFields: node.inputFields,
      outputFields,
      emissionsVisible: node.emissionsVisible,
      ...(node.tiesUnseen === true && { tiesUnseen: true }),
    });
    for (const port of Object.keys(outputFields)) {
      const users: Branch[] = half === 'partial' ? [{ node, half: 'final', input: 0 }] : this.#users(node, port);
      const fused = endsStage(node) ? [] : users.filter((user) => this.#fusesInto(stage, user));
      for (const user of fused) this.#fuse(stage, user, [{ from: 'operator', index, port }]);
      const rest = users.filter((user) => !fused.includes(user));
      this.#continue(stage, { node, port, from: { operator: index, port }, fields: outputFields[port] ?? [] }, rest);
    }
  }

  #fusesInto(stage: StageSpec, branch: Branch): boolean {
    if (isSink(branch) || needsOwnStage(branch) || branch.half === 'final') return false;
    // Behind a blocking op everything goes on elsewhere, so that the pool for blocking ops only waits.
    return !stage.blocking && (stage.lanes === 1 || this.#runsOnLanes(branch));
  }

  /** Edges out of a stage: one for each sink and each stage that follows. */
  #continue(
    stage: StageSpec,
    at: { node: ResolvedNode; port: string; from: StageSpec['outputs'][number]['from']; fields: Fields },
    branches: readonly Branch[],
  ): void {
    const origin: Origin = {
      node: at.node,
      port: at.port,
      fields: at.fields,
      producer: { kind: 'stage', stage: stage.id },
      carriesStates: branches.some((branch) => branch.half === 'final'),
      leave: (edge) => stage.outputs.push({ edge, from: at.from }),
    };
    for (const branch of branches) if (isSink(branch)) this.#edge(origin, branch);
    const steps = branches.filter((branch) => !isSink(branch));
    const own = steps.filter(needsOwnStage);
    for (const branch of own) {
      if (isJoin(branch)) this.#reach(origin, branch);
      else this.#open([branch], (next) => this.#edgeToStage(origin, next));
    }
    const others = steps.filter((branch) => !own.includes(branch));
    if (others.length > 0) this.#open(others, (next) => this.#edgeToStage(origin, next));
  }

  #edge(origin: Origin, sink: Branch): void {
    const { spec } = sink.node;
    const isWriter = spec.kind === 'sink' && (spec.sink.type === 'file' || spec.sink.type === 'store');
    this.#addEdge(origin, { kind: isWriter ? 'writer' : 'main', node: sink.node.id });
  }

  #edgeToStage(origin: Origin, stage: number): StageInput {
    return { kind: 'edge', edge: this.#addEdge(origin, { kind: 'stage', stage }) };
  }

  #addEdge(origin: Origin, consumer: EdgeSpec['consumer']): number {
    const { node, port, fields, producer, carriesStates } = origin;
    const edge: EdgeSpec = {
      id: this.edges.length,
      fields,
      source: { node: node.id, port },
      producer,
      consumer,
      capacity: endsStage(node) ? 1 : Math.max(16, this.#workers * 4),
      creditBytes: 0,
      carriesStates,
    };
    this.edges.push(edge);
    origin.leave(edge.id);
    return edge.id;
  }

  /** Whether several lanes may run a step: its result for a batch depends on that batch alone, or can be merged. */
  #runsOnLanes({ node, half }: Branch): boolean {
    if (this.#workers === 1 || half === 'final') return false;
    const { spec } = node;
    if (spec.kind === 'filter' || spec.kind === 'select' || spec.kind === 'withColumns') return true;
    if (spec.kind === 'op') return spec.stateless && !spec.observesBatches && !hasTriggers(spec.triggers);
    if (spec.kind === 'aggStream')
      return spec.aggregations.every((aggregation) => isLattice(aggregation) || isMergeable(aggregation));
    return hasTraits(spec) && traitsOf(spec).isStateless && node.inputs.length === 1;
  }
}

function hasTriggers(triggers: object): boolean {
  return Object.values(triggers).some((trigger) => trigger !== undefined);
}

function isSink({ node }: Branch): boolean {
  return node.spec.kind === 'sink';
}

function isBlocking({ node }: Branch): boolean {
  return node.spec.kind === 'op' && node.spec.blocking;
}

function isJoin({ node }: Branch): boolean {
  return node.inputs.length > 1;
}

function endsStage({ spec }: ResolvedNode): boolean {
  return hasTraits(spec) && traitsOf(spec).endsStage === true;
}

function needsOwnStage(branch: Branch): boolean {
  return branch.node.ownStage === true || isBlocking(branch) || isJoin(branch);
}

/** What a step with several inputs calls one of them. */
function portName({ spec }: ResolvedNode, input: number): string {
  const name = spec.kind === 'joinStream' ? spec.sides[input]?.name : 'names' in spec ? spec.names[input] : undefined;
  return typeof name === 'string' ? name : String(input);
}

function nameOf(stage: StageSpec): string {
  return stage.operators
    .map((operator) => (operator.half === 'partial' ? `${operator.name}:partial` : operator.name))
    .join('+');
}

function statesOf(node: ResolvedNode): Fields {
  if (node.spec.kind !== 'aggStream') throw new PipelineError('ERR_INTERNAL', `${node.name} has no halves`);
  return partialFields(node.spec, node.inputFields[0] ?? []);
}
