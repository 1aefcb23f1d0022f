/**
 * Cuts a plan into stages. Operators are fused unless something has to be exchanged between threads:
 *
 * - from a source (or any cut), the steps whose result does not depend on the order of batches run as one stage on all
 *   lanes, morsel by morsel; an aggregate at their ends is halved, and the partial half runs there too;
 * - what depends on order (buffers, folds, ops that keep state, final halves) runs on one lane, together with everything
 *   behind it;
 * - sinks take edges; ops that wait for something outside, and steps with `ownStage`, begin a stage of their own;
 * - a step with several inputs begins a stage of its own on one lane, with an edge for each input, once all of them are there;
 * - but for joins that lanes can share: such a one is a step behind its left input like any other, one a stage, to which an edge for each lane brings
 *   the right rows.
 */

import { PipelineError } from '../errors.ts';
import { partialFields } from '../operators/aggregate/output-fields.ts';
import { isLattice, isMergeable } from '../operators/windows/columns.ts';
import type { Fields } from '../schema/types.ts';
import { entangledInputs } from './entangled.ts';
import type { EdgeSpec, StageInput, StageOperator, StagePort, StageSpec } from './physical.ts';
import type { ResolvedNode, ResolvedPlan } from './resolved.ts';
import { hasTraits, traitsOf } from './steps/traits.ts';

/** A step behind a cut: the node, which half of it when it is an aggregate, and which of its inputs the cut is. */
interface Branch {
  node: ResolvedNode;
  half: StageOperator['half'];
  input: number;
}

/** Rows of a packet at most, and packets of an edge. */
const LARGEST_ROWS = 65_536;
const MOST_SLOTS = 256;

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

/** The stages and edges of a plan; `shared`: joins that lanes share, by node. */
export class StageCutter {
  readonly stages: StageSpec[] = [];
  readonly edges: EdgeSpec[] = [];
  readonly #plan: ResolvedPlan;
  readonly #workers: number;
  /** Joins that lanes share. */
  readonly #shared: ReadonlySet<number>;
  readonly #codecsRead: boolean;
  /** Inputs of steps with several, as far as they have been reached. */
  readonly #origins = new Map<number, (Origin | undefined)[]>();

  /** @param codecsRead lanes read no row groups */
  constructor(
    plan: ResolvedPlan,
    workers: number,
    { shared, codecsRead }: { shared: ReadonlySet<number>; codecsRead: boolean },
  ) {
    this.#plan = plan;
    this.#workers = workers;
    this.#shared = shared;
    this.#codecsRead = codecsRead;
    for (const node of plan.nodes) if (node.spec.kind === 'source') this.#cutSource(node);
    for (const stage of this.stages) this.#bringSide(stage);
  }

  /** One edge for each lane of a stage whose lanes share a join, now that both sides are there. */
  #bringSide(stage: StageSpec): void {
    const { side } = stage;
    const join = side && stage.operators[side.operator];
    const origin = join && this.#origins.get(join.node)?.[1];
    if (side === undefined || origin === undefined) return;
    for (let lane = 0; lane < stage.lanes; lane++)
      side.edges.push(this.#addEdge(origin, { kind: 'stage', stage: stage.id, lane }));
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
    if (source.type !== 'fed' && (source.type !== 'parquet' || this.#readsOnLanes(node, users))) {
      this.#cutSplits(node, { kind: 'splits', source, node: node.id, fields }, users);
      return;
    }
    const producer: EdgeSpec['producer'] = { kind: source.type === 'parquet' ? 'reader' : 'feeder', node: node.id };
    const origin: Origin = { node, port: 'out', fields, producer, carriesStates: false, leave: () => undefined };
    const [first] = users;
    const isAlone = first !== undefined && users.length === 1;
    if (isAlone && isSink(first)) this.#edge(origin, first);
    else if (isAlone && this.#isInput(first)) this.#reach(origin, first);
    else this.#open(users, (stage) => this.#edgeToStage(origin, stage));
  }

  /**
   * Whether lanes read row groups themselves: where each makes states of what it reads. Rows of a row group would wait for those of the one before,
   * which another lane reads, with nothing else for the lane to do; states of it take little room.
   */
  #readsOnLanes({ codec }: ResolvedNode, users: readonly Branch[]): boolean {
    if (this.#codecsRead || codec?.libraryBytes !== undefined) return false;
    return users.length > 0 && users.every((user) => this.#makesStates(user));
  }

  #makesStates(branch: Branch): boolean {
    if (!this.#runsOnLanes(branch) || this.#isShared(branch) || this.#needsOwnStage(branch)) return false;
    const { node } = branch;
    if (node.spec.kind === 'aggStream') return true;
    const users = Object.keys(node.outputFields).flatMap((port) => this.#users(node, port));
    return users.length > 0 && users.every((user) => this.#makesStates(user));
  }

  /** Rows that lanes make themselves; several lanes make generated rows, also where one lane then works on them. */
  #cutSplits(node: ResolvedNode, input: Extract<StageInput, { kind: 'splits' }>, users: readonly Branch[]): void {
    const isParallel = users.some((user) => this.#runsOnLanes(user));
    const isSerial = users.every((user) => !isSink(user) && !this.#runsOnLanes(user) && !this.#needsOwnStage(user));
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

  /** One input of a step with several. Its stage is opened when all of them are there; that of a join that lanes share opens with its left input. */
  #reach(origin: Origin, { node, input }: Branch): void {
    const origins = this.#origins.get(node.id) ?? node.inputs.map(() => undefined);
    this.#origins.set(node.id, origins);
    origins[input] = origin;
    if (this.#shared.has(node.id)) return;
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
    const steps = branches.filter((branch) => !isSink(branch) && !this.#isInput(branch));
    const shared = steps.filter((branch) => !this.#needsOwnStage(branch));
    const firstJoin = shared.find((branch) => this.#isShared(branch));
    const parallel = shared.filter(
      (branch) => this.#runsOnLanes(branch) && (branch === firstJoin || !this.#isShared(branch)),
    );
    // A shared join before what might have another one behind it: a stage has one.
    if (parallel.length > 0) return parallel.sort((a, b) => Number(this.#isShared(b)) - Number(this.#isShared(a)));
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
    if (this.#isShared(branch)) stage.side = { operator: index, edges: [] };
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
    if (isSink(branch) || this.#needsOwnStage(branch) || branch.half === 'final') return false;
    if (this.#isShared(branch) && (stage.lanes === 1 || stage.side !== undefined)) return false;
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
    const own = steps.filter((branch) => this.#needsOwnStage(branch));
    for (const branch of own) {
      if (this.#isInput(branch)) this.#reach(origin, branch);
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
      capacity: endsStage(node) ? 1 : Math.max(16, this.#workers * 4, this.#packetsAtWork(producer)),
      creditBytes: 0,
      carriesStates,
    };
    this.edges.push(edge);
    origin.leave(edge.id);
    return edge.id;
  }

  /** Packets of the row groups that lanes read at once: none of the lanes is to wait for the others. */
  #packetsAtWork(producer: EdgeSpec['producer']): number {
    const input = producer.kind === 'stage' ? this.stages[producer.stage]?.input : undefined;
    if (input?.kind !== 'splits' || input.source.type !== 'parquet') return 0;
    const files = this.#plan.nodes.find(({ id }) => id === input.node)?.files ?? [];
    const rows = files.reduce(
      (most, { rowGroups }) => rowGroups.reduce((all, group) => Math.max(all, group.rows), most),
      0,
    );
    return Math.min(MOST_SLOTS, 2 * this.#workers * Math.ceil(rows / Math.min(input.source.batchRows, LARGEST_ROWS)));
  }

  /** One of several inputs, which a step waits for: not the left one of a join that lanes share. */
  #isInput(branch: Branch): boolean {
    return isJoin(branch) && !this.#isShared(branch);
  }

  #isShared({ node, input }: Branch): boolean {
    return input === 0 && this.#shared.has(node.id);
  }

  #needsOwnStage(branch: Branch): boolean {
    return branch.node.ownStage === true || isBlocking(branch) || this.#isInput(branch);
  }

  /** Whether several lanes may run a step: its result for a batch depends on that batch alone, or can be merged. */
  #runsOnLanes(branch: Branch): boolean {
    const { node, half } = branch;
    if (this.#workers === 1 || half === 'final') return false;
    if (this.#isShared(branch)) return true;
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
