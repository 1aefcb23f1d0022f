import type { Batch } from '../../batch/contract.ts';
import type { FlushReason } from '../../plan/logical.ts';
import type { HeldState, MaybePromise, Operator, SideRows } from '../contract.ts';
import type { OrderedJoin } from './ordered-join.ts';

const LEFT = 0;
const RIGHT = 1;

/**
 * A join as each of several lanes runs it: it takes those left batches that are this lane's, in order, and all right rows, which it fetches when a left
 * batch needs them. So what becomes of a left batch is pushed before `push` is done, as behind any other step of such a stage.
 *
 * While the lane waits for something else it takes right rows too (`takeWhile`), and holds them, beyond its share on disk: other lanes get no more of
 * them before it has. It cannot be saved: a lane may wait for right rows in the middle of a batch.
 */
export class SharedJoin implements Operator {
  readonly #join: OrderedJoin;
  readonly #side: SideRows;
  #hasEnded = false;
  /** A call of the join that goes on: calls never overlap. */
  #active: Promise<void> | undefined;

  constructor(join: OrderedJoin, side: SideRows) {
    this.#join = join;
    this.#side = side;
  }

  push(batch: Batch): MaybePromise {
    return this.#alone(() => this.#goOn(this.#join.push(batch, LEFT)));
  }

  flush(reason: FlushReason): MaybePromise {
    return this.#alone(() => this.#join.flush(reason));
  }

  end(): MaybePromise {
    return this.#join.end();
  }

  held(): HeldState {
    return this.#join.held();
  }

  close(): void {
    this.#join.close();
  }

  async takeWhile(pending: Promise<void>): Promise<void> {
    let isOver = false;
    const over = pending.finally(() => {
      isOver = true;
    });
    over.catch(() => {}); // awaited at the end
    while (!isOver && !this.#hasEnded) {
      if (this.#active !== undefined) {
        await Promise.race([over, this.#active]);
        continue;
      }
      const rows = this.#side.poll();
      if (rows === undefined) await Promise.race([over, this.#side.arrival()]);
      else await this.#alone(() => this.#take(rows));
    }
    return over;
  }

  /** Runs a call when the one before is through. */
  #alone(call: () => MaybePromise): MaybePromise {
    if (this.#active !== undefined) return this.#active.then(() => this.#alone(call));
    const going = call();
    if (going === undefined) return;
    const active = going.finally(() => {
      this.#active = undefined;
    });
    this.#active = active.catch(() => {}); // whoever called is told
    return active;
  }

  /** Has the join take right rows until it is through with its left batch. */
  #goOn(pushed: MaybePromise): MaybePromise {
    if (pushed instanceof Promise) return pushed.then(() => this.#goOn(undefined));
    while (!this.#hasEnded && this.#join.wants() === RIGHT) {
      const rows = this.#side.poll();
      const taken = rows === undefined ? this.#side.arrival() : this.#take(rows);
      if (taken instanceof Promise) return this.#goOn(taken);
    }
  }

  #take(rows: Batch[] | 'end'): MaybePromise {
    if (rows !== 'end') return this.#pushRest(rows, 0);
    this.#hasEnded = true;
    return this.#join.endInput(RIGHT);
  }

  #pushRest(batches: readonly Batch[], from: number): MaybePromise {
    let next = from;
    try {
      while (next < batches.length) {
        const pushed = this.#join.push(batches[next++] as Batch, RIGHT);
        if (pushed instanceof Promise)
          return pushed.then(
            () => this.#pushRest(batches, next),
            (error: unknown) => drop(batches, next, error),
          );
      }
    } catch (error) {
      drop(batches, next, error);
    }
  }
}

/** Releases what was not pushed any more. */
function drop(batches: readonly Batch[], from: number, error: unknown): never {
  for (const batch of batches.slice(from)) batch.release();
  throw error;
}
