/** Sources, lanes of parallel stages, and sinks: each step is one thing that the real ones do without interruption. */
import type { Edge, Packet } from './edge.ts';
import { LaneOutputs } from './lane-outputs.ts';
import type { ModelNode } from './plan.ts';
import { mapped, type Row } from './rows.ts';
import type { Rules } from './rules.ts';

/** Something that takes its turn. */
export interface Actor {
  readonly node: ModelNode;
  readonly isDone: boolean;
  /** It has nothing in hand that has to go on. */
  readonly isIdle: boolean;
  /** One atomic step; false when there is nothing that it can do now. */
  step(): boolean;
  waitsFor(): string;
}

/** What a node has to bring back after a restart. */
export interface NodeSnapshot {
  /** Source: rows sent. Sink: rows delivered. */
  position: number;
  /** By input: rows taken and not yet worked on. */
  held: Row[][];
  state: Row[];
  /** It had come to its end: nothing more is to be made. */
  isFinished: boolean;
}

/** Barriers, as those who see them tell the coordinator. */
export interface Barriers {
  /** The last one that sources have been asked for; 0 for none. */
  readonly asked: number;
  /** Sources have to stand still, until everything on its way has been taken in. */
  readonly standsStill: boolean;
  report(node: ModelNode, barrier: number, snapshot: NodeSnapshot): void;
}

export class SourceActor implements Actor {
  readonly node: ModelNode;
  isDone = false;
  position: number;
  readonly #rows: readonly Row[];
  readonly #outputs: LaneOutputs;
  readonly #barriers: Barriers;
  readonly #pickRows: (most: number) => number;
  #next = 0;
  #injected: number;

  constructor(
    node: ModelNode,
    rows: readonly Row[],
    outputs: readonly Edge[],
    barriers: Barriers,
    pickRows: (most: number) => number,
    restored: NodeSnapshot | undefined,
  ) {
    this.node = node;
    this.#rows = rows;
    this.#outputs = new LaneOutputs(outputs);
    this.#barriers = barriers;
    this.#pickRows = pickRows;
    this.position = restored?.position ?? 0;
    this.#injected = barriers.asked;
    if (restored?.isFinished === true) this.#end();
  }

  get isIdle(): boolean {
    return !this.#outputs.isPublishing;
  }

  step(): boolean {
    const outputs = this.#outputs;
    if (outputs.isPublishing) return outputs.publish();
    if (this.#barriers.standsStill) return false;
    if (this.position === this.#rows.length) return this.#end();
    if (this.#barriers.asked > this.#injected) return this.#inject();
    if (!outputs.isReserved) return outputs.reserve(this.#next);
    const rows = this.#rows.slice(this.position, this.position + this.#pickRows(this.node.batchRows));
    this.position += rows.length;
    outputs.send(this.#next++, rows);
    return true;
  }

  #inject(): boolean {
    this.#injected = this.#barriers.asked;
    const snapshot = { position: this.position, held: [], state: [], isFinished: false };
    this.#barriers.report(this.node, this.#injected, snapshot);
    this.#outputs.sendBarrier(this.#next++, this.#injected);
    return true;
  }

  #end(): boolean {
    this.#outputs.giveBack();
    for (const edge of this.#outputs.edges) edge.end(this.#next);
    this.isDone = true;
    return true;
  }

  waitsFor(): string {
    return this.#outputs.describe();
  }
}

/** One lane of a parallel stage: claims a sequence, works on its packet, publishes under the same number. */
export class MapLane implements Actor {
  readonly node: ModelNode;
  isDone = false;
  readonly #input: Edge;
  readonly #outputs: LaneOutputs;
  readonly #rules: Rules;
  #claim = -1;
  #packet: Packet | undefined;

  constructor(node: ModelNode, input: Edge, outputs: readonly Edge[], rules: Rules) {
    this.node = node;
    this.#input = input;
    this.#outputs = new LaneOutputs(outputs);
    this.#rules = rules;
  }

  get isIdle(): boolean {
    return !this.#outputs.isPublishing && this.#packet === undefined;
  }

  step(): boolean {
    const outputs = this.#outputs;
    if (outputs.isPublishing) return outputs.publish();
    if (this.#claim < 0) return this.#claimNext();
    if (this.#packet === undefined && this.#input.isEnd(this.#claim)) return this.#end();
    const mayReserve = this.#rules.reservesFirst || this.#packet !== undefined;
    if (!outputs.isReserved && mayReserve) return outputs.reserve(this.#claim);
    return this.#packet === undefined ? this.#take() : this.#process(this.#packet);
  }

  #claimNext(): boolean {
    this.#claim = this.#input.claim();
    return true;
  }

  #take(): boolean {
    if (!this.#input.has(this.#claim)) return false;
    this.#packet = this.#input.take(this.#claim);
    return true;
  }

  #process({ rows, barrier }: Packet): boolean {
    if (barrier > 0) this.#outputs.sendBarrier(this.#claim, barrier);
    else {
      const made = rows.map((row) => mapped(row, this.node.size)).filter((row) => row !== undefined);
      this.#outputs.send(this.#claim, made);
      this.#input.release(this.#claim);
    }
    this.#packet = undefined;
    this.#claim = -1;
    return true;
  }

  #end(): boolean {
    this.#outputs.giveBack();
    for (const edge of this.#outputs.edges) edge.end(this.#input.total);
    this.isDone = true;
    return true;
  }

  waitsFor(): string {
    const isWaitingForInput = this.#outputs.isReserved || (!this.#rules.reservesFirst && this.#packet === undefined);
    if (this.#outputs.isPublishing || !isWaitingForInput) return this.#outputs.describe();
    return `sequence ${this.#claim} from ${this.#input.spec.from}`;
  }
}

export class SinkActor implements Actor {
  readonly node: ModelNode;
  isDone = false;
  /** Delivered, the open epoch included. */
  readonly rows: Row[];
  readonly #input: Edge;
  readonly #barriers: Barriers;
  #next = 0;
  #inHand: readonly Row[] | undefined;

  constructor(node: ModelNode, input: Edge, barriers: Barriers, rows: readonly Row[]) {
    this.node = node;
    this.#input = input;
    this.#barriers = barriers;
    this.rows = [...rows];
  }

  get isIdle(): boolean {
    return this.#inHand === undefined;
  }

  step(): boolean {
    if (this.#inHand !== undefined) return this.#deliver(this.#inHand);
    if (this.#input.isEnd(this.#next)) {
      this.isDone = true;
      return true;
    }
    if (!this.#input.has(this.#next)) return false;
    const { rows, barrier } = this.#input.take(this.#next++);
    if (barrier > 0) this.#barriers.report(this.node, barrier, this.snapshot());
    else this.#inHand = rows;
    return true;
  }

  snapshot(): NodeSnapshot {
    return { position: this.rows.length, held: [], state: [], isFinished: this.isDone };
  }

  #deliver(rows: readonly Row[]): boolean {
    this.rows.push(...rows);
    this.#input.release(this.#next - 1);
    this.#inHand = undefined;
    return true;
  }

  waitsFor(): string {
    return `rows from ${this.#input.spec.from}`;
  }
}
