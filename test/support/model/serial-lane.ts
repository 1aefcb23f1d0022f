/**
 * A stage with one lane: an operator that keeps state, with one or two inputs. It waits for the input that its operator cannot do
 * without; others it takes only where they must not be kept waiting, and holds what it cannot use yet.
 */
import type { Actor, Barriers, NodeSnapshot } from './actors.ts';
import type { Edge } from './edge.ts';
import { HeldRows } from './held-rows.ts';
import { LaneOutputs } from './lane-outputs.ts';
import { holdsInputs, stateFloor } from './minimum.ts';
import { type Heads, type Operator, operatorOf } from './operators.ts';
import type { ModelNode } from './plan.ts';
import type { Account, Pool } from './pool.ts';
import type { Row } from './rows.ts';
import type { Rules } from './rules.ts';

/** One input. */
interface Port {
  edge: Edge;
  next: number;
  /** The batch at work, as far as it is not used up. */
  current: readonly Row[];
  offset: number;
  /** Whom that batch is charged to; undefined: still to its edge. */
  atWork: Account | undefined;
  held: HeldRows;
  /** The barrier that has come by this input and not yet by the others. */
  barrier: number;
  hasEnded: boolean;
}

export interface SerialLaneParts {
  node: ModelNode;
  inputs: readonly Edge[];
  outputs: readonly Edge[];
  pool: Pool;
  rules: Rules;
  barriers: Barriers;
  distance: number;
  restored: NodeSnapshot | undefined;
}

export class SerialLane implements Actor, Heads {
  readonly node: ModelNode;
  isDone = false;
  readonly #parts: SerialLaneParts;
  readonly #ports: Port[];
  readonly #outputs: LaneOutputs;
  readonly #operator: Operator;
  readonly #stateAccount: Account;
  #made: Row[] = [];
  #next = 0;
  /** Only of a buffer: it takes until it has enough, then gives until it has nothing. */
  #isCollecting: boolean;
  #wanted = 0;

  constructor(parts: SerialLaneParts) {
    const { node, inputs, outputs, pool, distance, restored } = parts;
    this.node = node;
    this.#parts = parts;
    this.#ports = inputs.map((edge, index) => this.#port(edge, index));
    this.#outputs = new LaneOutputs(outputs);
    this.#operator = operatorOf(node, restored?.state ?? []);
    this.#stateAccount = pool.open(`state of ${node.id}`, stateFloor(node), distance);
    pool.grow(this.#stateAccount, this.#operator.state.length);
    this.#isCollecting = node.kind === 'buffer';
    if (restored?.isFinished === true) this.#end();
  }

  get spilled(): number {
    return this.#ports.reduce((sum, port) => sum + port.held.spilled, 0);
  }

  #port(edge: Edge, index: number): Port {
    const { node, pool, distance, restored } = this.#parts;
    const { batchRows } = edge.spec;
    const holds = holdsInputs(node);
    const atWork = holds ? pool.open(`batch of ${node.id} at work`, batchRows, distance) : undefined;
    const held = new HeldRows(pool.open(`held by ${node.id}`, 0, distance), pool);
    held.restore(restored?.held[index] ?? [], batchRows);
    return { edge, next: 0, current: [], offset: 0, atWork, held, barrier: 0, hasEnded: false };
  }

  get isIdle(): boolean {
    return !this.#outputs.isPublishing && this.#made.length === 0;
  }

  step(): boolean {
    const outputs = this.#outputs;
    if (outputs.isPublishing) return outputs.publish();
    const barrier = this.#alignedBarrier();
    if (barrier > 0 && this.#made.length === 0) return this.#forward(barrier);
    const mayReserve = this.#parts.rules.reservesFirst || this.#ports.some((port) => hasRows(port) || port.hasEnded);
    if (!outputs.isReserved && mayReserve) return outputs.reserve(this.#next);
    if (this.#work()) return true;
    if (this.#made.length > 0) return this.#send();
    return this.isDone || this.#take();
  }

  snapshot(): NodeSnapshot {
    return {
      position: 0,
      held: this.#ports.map((port) => [...port.current.slice(port.offset), ...port.held.rows()]),
      state: [...this.#operator.state],
      isFinished: this.isDone,
    };
  }

  waitsFor(): string {
    const { isPublishing, isReserved } = this.#outputs;
    const port = this.#ports[this.#wanted] as Port;
    if (isPublishing || !isReserved) return this.#outputs.describe();
    return `rows from ${port.edge.spec.from}${port.barrier > 0 ? ', whose barrier has come' : ''}`;
  }

  peek(input: number): Row | undefined {
    const port = this.#ports[input] as Port;
    if (!this.#isCollecting) this.#refill(port);
    return port.current[port.offset];
  }

  pop(input: number): Row {
    const port = this.#ports[input] as Port;
    const row = port.current[port.offset++] as Row;
    if (port.offset === port.current.length) this.#releaseCurrent(port);
    return row;
  }

  hasEnded(input: number): boolean {
    const port = this.#ports[input] as Port;
    return port.hasEnded && !hasRows(port);
  }

  /** Lets the operator work until its output is full or it lacks something; false when it could do nothing. */
  #work(): boolean {
    const { pool } = this.#parts;
    const { state } = this.#operator;
    let hasWorked = false;
    if (this.#isCollecting) {
      const [port] = this.#ports as [Port];
      this.#isCollecting = port.held.count < this.node.size && !port.hasEnded;
    }
    while (this.#made.length < this.node.batchRows && pool.allows(this.#stateAccount, this.#operator.growth())) {
      const before = state.length;
      const step = this.#operator.step(this);
      pool.grow(this.#stateAccount, state.length - before);
      if (step.did === 'nothing') this.#wanted = step.wants;
      if (step.did === 'all' && this.#made.length === 0) this.#end();
      if (step.did === 'nothing' || step.did === 'all') break;
      if (step.did === 'emitted') this.#made.push(step.row);
      hasWorked = true;
    }
    if (this.node.kind === 'buffer' && this.#ports.every((port) => !hasRows(port))) this.#isCollecting = true;
    return hasWorked;
  }

  #send(): boolean {
    this.#outputs.send(this.#next++, this.#made);
    this.#made = [];
    return true;
  }

  /** Takes from the input that is wanted, else from one that must not wait. */
  #take(): boolean {
    const { rules, barriers } = this.#parts;
    const isAligning = barriers.standsStill || this.#ports.some((port) => port.barrier > 0);
    const mustNotWait = (index: number): boolean =>
      (rules.drainsWhileAligning && isAligning) || (rules.spillsEntangled && this.node.elastic[index] === true);
    if (this.#takeFrom(this.#ports[this.#wanted] as Port)) return true;
    return this.#ports.some((port, index) => mustNotWait(index) && this.#takeFrom(port));
  }

  #takeFrom(port: Port): boolean {
    const { edge } = port;
    if (port.hasEnded || port.barrier > 0 || (port.atWork === undefined && hasRows(port))) return false;
    if (edge.isEnd(port.next)) {
      port.hasEnded = true;
      return true;
    }
    if (!edge.has(port.next)) return false;
    const { rows, barrier } = edge.peek(port.next);
    if (barrier === 0 && !this.#makeRoom(port, rows)) return false;
    edge.take(port.next++);
    port.barrier = barrier;
    return true;
  }

  /** Moves rows from the edge's account to where they stay until they are used. */
  #makeRoom(port: Port, rows: readonly Row[]): boolean {
    const { edge, atWork, held } = port;
    if (rows.length === 0) return true;
    if (atWork === undefined) {
      port.current = rows;
      port.offset = 0;
      return true;
    }
    const isHeld = hasRows(port) || this.#isCollecting;
    if (!isHeld && !this.#parts.pool.tryGrow(atWork, rows.length)) return false;
    if (isHeld) held.append(rows);
    else Object.assign(port, { current: rows, offset: 0 });
    edge.release(port.next);
    return true;
  }

  #refill(port: Port): void {
    if (port.current.length > 0 || port.atWork === undefined) return;
    port.current = port.held.take(port.atWork) ?? [];
    port.offset = 0;
  }

  #releaseCurrent(port: Port): void {
    const rows = port.current.length;
    if (port.atWork === undefined) port.edge.release(port.next - 1);
    else this.#parts.pool.shrink(port.atWork, rows);
    port.current = [];
    port.offset = 0;
  }

  /** The barrier that has come by every input that has not ended; 0 while it has not. */
  #alignedBarrier(): number {
    const isAligned = this.#ports.every((port) => port.barrier > 0 || port.hasEnded);
    return isAligned ? Math.max(...this.#ports.map((port) => port.barrier)) : 0;
  }

  #forward(barrier: number): boolean {
    this.#parts.barriers.report(this.node, barrier, this.snapshot());
    for (const port of this.#ports) port.barrier = 0;
    this.#outputs.sendBarrier(this.#next++, barrier);
    return true;
  }

  #end(): void {
    this.#outputs.giveBack();
    for (const edge of this.#outputs.edges) edge.end(this.#next);
    const { state } = this.#operator;
    this.#parts.pool.shrink(this.#stateAccount, state.length);
    state.length = 0;
    this.isDone = true;
  }
}

function hasRows(port: Port): boolean {
  return port.current.length > 0 || port.held.count > 0;
}
