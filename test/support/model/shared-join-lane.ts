/**
 * One of several lanes that share a join behind a filter: it claims left sequences in turns with the others, and has an edge of its own that
 * brings it all right rows, which it fetches when a left row needs them.
 */
import type { Actor } from './actors.ts';
import type { Edge } from './edge.ts';
import { InputPort } from './input-port.ts';
import { LaneOutputs } from './lane-outputs.ts';
import { besideRight } from './operators.ts';
import type { ModelNode } from './plan.ts';
import type { Account, Pool } from './pool.ts';
import { passes, type Row, timeOf } from './rows.ts';
import type { Rules } from './rules.ts';

export interface SharedJoinParts {
  node: ModelNode;
  left: Edge;
  /** This lane's alone. */
  side: Edge;
  outputs: readonly Edge[];
  pool: Pool;
  rules: Rules;
  distance: number;
}

export class SharedJoinLane implements Actor {
  readonly node: ModelNode;
  isDone = false;
  readonly #left: Edge;
  readonly #side: InputPort;
  readonly #outputs: LaneOutputs;
  readonly #rules: Rules;
  readonly #pool: Pool;
  readonly #stateAccount: Account;
  #claim = -1;
  /** Rows of the packet in hand that have passed the filter. */
  #lefts: readonly Row[] | undefined;
  #made: Row[] = [];
  /** The last right row at or before the left one. */
  #match: Row | undefined;

  constructor({ node, left, side, outputs, pool, rules, distance }: SharedJoinParts) {
    this.node = node;
    this.#left = left;
    this.#outputs = new LaneOutputs(outputs);
    this.#rules = rules;
    this.#pool = pool;
    const owner = `a lane of ${node.id}`;
    this.#side = new InputPort({ edge: side, pool, owner, distance, holds: true, restored: [] });
    this.#stateAccount = pool.open(`state of ${owner}`, 1, distance);
  }

  get spilled(): number {
    return this.#side.held.spilled;
  }

  get isIdle(): boolean {
    return !this.#outputs.isPublishing && this.#lefts === undefined;
  }

  step(): boolean {
    const outputs = this.#outputs;
    if (outputs.isPublishing) return outputs.publish() || this.#takeWhileWaiting();
    if (this.#claim < 0) return this.#claimNext();
    if (this.#lefts === undefined && this.#left.isEnd(this.#claim)) return this.#drain();
    const mayReserve = this.#rules.reservesFirst || this.#lefts !== undefined;
    if (!outputs.isReserved && mayReserve) return outputs.reserve(this.#claim) || this.#takeWhileWaiting();
    return this.#lefts === undefined ? this.#take() : this.#work(this.#lefts);
  }

  waitsFor(): string {
    const isWaitingForRows = this.#outputs.isReserved || (!this.#rules.reservesFirst && this.#lefts === undefined);
    if (this.#outputs.isPublishing || !isWaitingForRows) return this.#outputs.describe();
    if (this.#lefts !== undefined) return `right rows for sequence ${this.#claim} from ${this.#side.edge.spec.from}`;
    return `sequence ${this.#claim} from ${this.#left.spec.from}`;
  }

  #claimNext(): boolean {
    this.#claim = this.#left.claim();
    return true;
  }

  #take(): boolean {
    if (!this.#left.has(this.#claim)) return this.#rules.discipline === 'reservations' && this.#takeWhileWaiting();
    this.#lefts = this.#left.take(this.#claim).rows.filter((row) => passes(row, this.node.size));
    return true;
  }

  /**
   * Other lanes get no more right rows before this one has taken those that are there for it. With reservations that holds also while it waits
   * for left rows: one of the others may have the room that the lowest left sequence needs, and wait for right rows. Channels as they are built let that
   * sequence pass without credit, so there a lane only waits for it.
   */
  #takeWhileWaiting(): boolean {
    return this.#rules.takesSideMeanwhile && this.#side.take();
  }

  /** One left row, or what it needs first; behind the last one everything that was made goes out. */
  #work(lefts: readonly Row[]): boolean {
    const left = lefts[this.#made.length];
    if (left === undefined) return this.#send();
    const right = this.#side.peek();
    if (right === undefined && !this.#side.isOver) return this.#side.take();
    if (right !== undefined && timeOf(right) <= timeOf(left)) this.#setMatch(this.#side.pop());
    else this.#made.push(besideRight(left, this.#match));
    return true;
  }

  #setMatch(row: Row | undefined): void {
    this.#pool.grow(this.#stateAccount, (row === undefined ? 0 : 1) - this.#stateAccount.used);
    this.#match = row;
  }

  #send(): boolean {
    this.#outputs.send(this.#claim, this.#made);
    this.#left.release(this.#claim);
    this.#made = [];
    this.#lefts = undefined;
    this.#claim = -1;
    return true;
  }

  /** No left row follows: right rows are let go of to their end, for whoever brings them has others to bring them to. */
  #drain(): boolean {
    if (this.#rules.drainsSide && !this.#side.isOver) {
      if (this.#side.peek() === undefined) return this.#side.take();
      this.#side.pop();
      return true;
    }
    this.#setMatch(undefined);
    this.#outputs.giveBack();
    for (const edge of this.#outputs.edges) edge.end(this.#left.total);
    this.isDone = true;
    return true;
  }
}
