/** One incarnation of a run, from a start or restart to its end or the next crash. */
import type { Actor, Barriers, NodeSnapshot } from './actors.ts';
import { MapLane, SinkActor, SourceActor } from './actors.ts';
import { Edge } from './edge.ts';
import { edgeFloor } from './minimum.ts';
import type { ModelNode, ModelPlan } from './plan.ts';
import { type Account, Pool } from './pool.ts';
import { sourceRows } from './reference.ts';
import type { Row } from './rows.ts';
import type { Rules } from './rules.ts';
import { SerialLane } from './serial-lane.ts';
import { SharedJoinLane } from './shared-join-lane.ts';

/** A barrier that has come everywhere: what each node brings back, by its id. */
export interface Checkpoint {
  barrier: number;
  snapshots: Map<number, NodeSnapshot>;
}

export interface WorldParts {
  plan: ModelPlan;
  rules: Rules;
  budget: number;
  from: Checkpoint;
  /** By sink: what it has delivered. */
  delivered: Map<number, readonly Row[]>;
  pickRows: (most: number) => number;
}

export class World implements Barriers {
  readonly pool: Pool;
  readonly edges: Edge[];
  readonly actors: Actor[];
  asked: number;
  standsStill = false;
  /** The last barrier that is complete. */
  checkpoint: Checkpoint;
  #pending = new Map<number, NodeSnapshot>();
  readonly #rules: Rules;

  constructor(parts: WorldParts) {
    const { plan, rules, budget, from } = parts;
    this.asked = from.barrier;
    this.#rules = rules;
    this.checkpoint = from;
    this.pool = new Pool(budget, rules);
    const distances = distancesToSinks(plan);
    this.edges = plan.edges.map((spec) => {
      const own = rules.roomOfLowest === 'its own' ? spec.batchRows : 0;
      const open = (name: string, floor: number): Account =>
        this.pool.open(`${name} ${spec.from} to ${spec.to}`, floor, distances[spec.to] ?? 0);
      const shared = open('edge', edgeFloor(plan, spec) - own);
      const producers = (plan.nodes[spec.from] as ModelNode).lanes;
      return new Edge(spec, producers, { shared, lowest: open('lowest of edge', own) }, this.pool, rules);
    });
    this.actors = plan.nodes.flatMap((node) => this.#actors(node, parts, distances[node.id] ?? 0));
  }

  get spilled(): number {
    return this.actors.reduce((sum, actor) => {
      return sum + (actor instanceof SerialLane || actor instanceof SharedJoinLane ? actor.spilled : 0);
    }, 0);
  }

  get isDone(): boolean {
    return this.actors.every((actor) => actor.isDone);
  }

  sinks(): SinkActor[] {
    return this.actors.filter((actor) => actor instanceof SinkActor);
  }

  /** Asks all sources for a barrier, unless one is under way. */
  askBarrier(): void {
    if (this.#rules.barriers === 'standing still') {
      this.standsStill = true;
      return;
    }
    if (this.asked > this.checkpoint.barrier) return;
    this.asked += 1;
    this.#pending = new Map();
  }

  report(node: ModelNode, barrier: number, snapshot: NodeSnapshot): void {
    if (barrier !== this.asked) throw new Error(`barrier ${barrier} comes when ${this.asked} is under way`);
    if (this.#pending.has(node.id)) throw new Error(`${node.id} sees barrier ${barrier} twice`);
    this.#pending.set(node.id, snapshot);
  }

  /** A barrier is complete when every sink has it, or has come to its end without. */
  settleBarrier(): boolean {
    if (this.asked === this.checkpoint.barrier) return false;
    if (!this.sinks().every((sink) => sink.isDone || this.#pending.has(sink.node.id))) return false;
    for (const actor of this.actors) this.#addFinished(actor);
    this.checkpoint = { barrier: this.asked, snapshots: this.#pending };
    return true;
  }

  /** When sources stand still and nobody can do anything: what is there then is the snapshot, if nothing is on its way. */
  settleStanding(): boolean {
    if (!this.standsStill) return false;
    if (!this.edges.every((edge) => edge.isEmpty) || !this.actors.every((actor) => actor.isIdle)) return false;
    this.#pending = new Map();
    for (const actor of this.actors) this.#addStanding(actor);
    this.checkpoint = { barrier: this.asked, snapshots: this.#pending };
    this.standsStill = false;
    return true;
  }

  #addStanding(actor: Actor): void {
    const { id } = actor.node;
    if (actor instanceof SerialLane || actor instanceof SinkActor) this.#pending.set(id, actor.snapshot());
    if (actor instanceof SourceActor)
      this.#pending.set(id, { position: actor.position, held: [], state: [], isFinished: actor.isDone });
  }

  /** Who has not seen the barrier has come to its end before it; else it has not aligned. */
  #addFinished(actor: Actor): void {
    const { id, kind } = actor.node;
    if (kind === 'map' || this.#pending.has(id)) return;
    if (!actor.isDone) throw new Error(`barrier ${this.asked} has passed ${id} by`);
    if (actor instanceof SerialLane || actor instanceof SinkActor) this.#pending.set(id, actor.snapshot());
    if (actor instanceof SourceActor)
      this.#pending.set(id, { position: actor.position, held: [], state: [], isFinished: true });
  }

  #actors(node: ModelNode, parts: WorldParts, distance: number): Actor[] {
    const { rules, from, delivered, pickRows } = parts;
    const inputs = node.inputs.map((edge) => this.edges[edge] as Edge);
    const outputs = node.outputs.map((edge) => this.edges[edge] as Edge);
    const [input] = inputs as [Edge];
    const restored = from.snapshots.get(node.id);
    if (node.kind === 'source') return [new SourceActor(node, sourceRows(node), outputs, this, pickRows, restored)];
    if (node.kind === 'map') return Array.from({ length: node.lanes }, () => new MapLane(node, input, outputs, rules));
    if (node.kind === 'shared') {
      const own = { node, left: input, outputs, pool: this.pool, rules, distance };
      return inputs.slice(1).map((side) => new SharedJoinLane({ ...own, side }));
    }
    if (node.kind === 'sink') {
      // What came after the barrier was staged, and is dropped.
      const rows = (delivered.get(node.id) ?? []).slice(0, restored?.position ?? 0);
      return [new SinkActor(node, input, this, rows)];
    }
    return [new SerialLane({ node, inputs, outputs, pool: this.pool, rules, barriers: this, distance, restored })];
  }
}

/** By node: edges to the nearest sink. */
function distancesToSinks({ nodes, edges }: ModelPlan): number[] {
  const distances = nodes.map(() => 0);
  for (const node of nodes.toReversed()) {
    const behind = node.outputs.map((edge) => distances[edges[edge]?.to as number] as number);
    if (behind.length > 0) distances[node.id] = 1 + Math.min(...behind);
  }
  return distances;
}
