/** One input of a lane that works through it row by row: the batch at work, and what was taken before it could be used. */
import type { Edge } from './edge.ts';
import { HeldRows } from './held-rows.ts';
import type { Account, Pool } from './pool.ts';
import type { Row } from './rows.ts';

export interface InputPortParts {
  edge: Edge;
  pool: Pool;
  /** Of whom it is, for people. */
  owner: string;
  distance: number;
  /** Rows can be taken and held; else a batch stays on its edge until it is used up. */
  holds: boolean;
  /** What a snapshot brings back. */
  restored: readonly Row[];
}

export class InputPort {
  readonly edge: Edge;
  readonly held: HeldRows;
  /** The barrier that has come by this input and not yet by the others. */
  barrier = 0;
  /** No packet follows. */
  hasEnded = false;
  readonly #pool: Pool;
  /** Whom the batch at work is charged to; undefined: still to its edge. */
  readonly #atWork: Account | undefined;
  /** The batch at work, as far as it is not used up. */
  #current: readonly Row[] = [];
  #offset = 0;
  #next = 0;

  constructor({ edge, pool, owner, distance, holds, restored }: InputPortParts) {
    const { batchRows } = edge.spec;
    this.edge = edge;
    this.#pool = pool;
    this.#atWork = holds ? pool.open(`batch of ${owner} at work`, batchRows, distance) : undefined;
    this.held = new HeldRows(pool.open(`held by ${owner}`, 0, distance), pool);
    this.held.restore(restored, batchRows);
  }

  get hasRows(): boolean {
    return this.#current.length > 0 || this.held.count > 0;
  }

  /** Nothing is there, and nothing follows. */
  get isOver(): boolean {
    return this.hasEnded && !this.hasRows;
  }

  /** Rows that were taken and not yet worked on. */
  rows(): Row[] {
    return [...this.#current.slice(this.#offset), ...this.held.rows()];
  }

  /** The next row of what was taken. @param fromHeld the batch at work may be followed by one that is held */
  peek(fromHeld = true): Row | undefined {
    if (fromHeld && this.#current.length === 0 && this.#atWork !== undefined)
      this.#begin(this.held.take(this.#atWork) ?? []);
    return this.#current[this.#offset];
  }

  pop(): Row {
    const row = this.#current[this.#offset++] as Row;
    if (this.#offset === this.#current.length) this.#releaseCurrent();
    return row;
  }

  /** Takes what comes next, if it is there and there is room. @param toHold it is not to be worked on now */
  take(toHold = false): boolean {
    const { edge } = this;
    if (this.hasEnded || this.barrier > 0 || (this.#atWork === undefined && this.hasRows)) return false;
    if (edge.isEnd(this.#next)) {
      this.hasEnded = true;
      return true;
    }
    if (!edge.has(this.#next)) return false;
    const { rows, barrier } = edge.peek(this.#next);
    if (barrier === 0 && !this.#makeRoom(rows, toHold)) return false;
    edge.take(this.#next++);
    this.barrier = barrier;
    return true;
  }

  /** Moves rows from the edge's account to where they stay until they are used. */
  #makeRoom(rows: readonly Row[], toHold: boolean): boolean {
    if (rows.length === 0) return true;
    if (this.#atWork === undefined) {
      this.#begin(rows);
      return true;
    }
    const isHeld = this.hasRows || toHold;
    if (!isHeld && !this.#pool.tryGrow(this.#atWork, rows.length)) return false;
    if (isHeld) this.held.append(rows);
    else this.#begin(rows);
    this.edge.release(this.#next);
    return true;
  }

  #begin(rows: readonly Row[]): void {
    this.#current = rows;
    this.#offset = 0;
  }

  #releaseCurrent(): void {
    if (this.#atWork === undefined) this.edge.release(this.#next - 1);
    else this.#pool.shrink(this.#atWork, this.#current.length);
    this.#begin([]);
  }
}
