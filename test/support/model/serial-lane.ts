/**
 * A stage with one lane: an operator that keeps state, with one or two inputs. It waits for the input that its operator cannot do
 * without; others it takes only where they must not be kept waiting, and holds what it cannot use yet.
 */
import type { Actor, Barriers, NodeSnapshot } from './actors.ts';
import type { Edge } from './edge.ts';
import { InputPort } from './input-port.ts';
import { LaneOutputs } from './lane-outputs.ts';
import { holdsInput, stateFloor } from './minimum.ts';
import { type Heads, type Operator, operatorOf } from './operators.ts';
import type { ModelNode } from './plan.ts';
import type { Account, Pool } from './pool.ts';
import type { Row } from './rows.ts';
import type { Rules } from './rules.ts';

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
  readonly #ports: InputPort[];
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

  #port(edge: Edge, index: number): InputPort {
    const { node, pool, distance, restored } = this.#parts;
    const holds = holdsInput(node, index);
    return new InputPort({ edge, pool, owner: `${node.id}`, distance, holds, restored: restored?.held[index] ?? [] });
  }

  get isIdle(): boolean {
    return !this.#outputs.isPublishing && this.#made.length === 0;
  }

  step(): boolean {
    const outputs = this.#outputs;
    if (outputs.isPublishing) return outputs.publish();
    const barrier = this.#alignedBarrier();
    if (barrier > 0 && this.#made.length === 0) return this.#forward(barrier);
    const mayReserve = this.#parts.rules.reservesFirst || this.#ports.some((port) => port.hasRows || port.hasEnded);
    if (!outputs.isReserved && mayReserve) return outputs.reserve(this.#next);
    if (this.#work()) return true;
    if (this.#made.length > 0) return this.#send();
    return this.isDone || this.#take();
  }

  snapshot(): NodeSnapshot {
    return {
      position: 0,
      held: this.#ports.map((port) => port.rows()),
      state: [...this.#operator.state],
      isFinished: this.isDone,
    };
  }

  waitsFor(): string {
    const { isPublishing, isReserved } = this.#outputs;
    const port = this.#ports[this.#wanted] as InputPort;
    if (isPublishing || !isReserved) return this.#outputs.describe();
    return `rows from ${port.edge.spec.from}${port.barrier > 0 ? ', whose barrier has come' : ''}`;
  }

  peek(input: number): Row | undefined {
    return (this.#ports[input] as InputPort).peek(!this.#isCollecting);
  }

  pop(input: number): Row {
    return (this.#ports[input] as InputPort).pop();
  }

  hasEnded(input: number): boolean {
    return (this.#ports[input] as InputPort).isOver;
  }

  /** Lets the operator work until its output is full or it lacks something; false when it could do nothing. */
  #work(): boolean {
    const { pool } = this.#parts;
    const { state } = this.#operator;
    let hasWorked = false;
    if (this.#isCollecting) {
      const [port] = this.#ports as [InputPort];
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
    if (this.node.kind === 'buffer' && this.#ports.every((port) => !port.hasRows)) this.#isCollecting = true;
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
    if ((this.#ports[this.#wanted] as InputPort).take(this.#isCollecting)) return true;
    return this.#ports.some((port, index) => mustNotWait(index) && port.take(this.#isCollecting));
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
