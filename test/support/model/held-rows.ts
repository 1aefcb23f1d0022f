import type { Account, Pool } from './pool.ts';
import type { Row } from './rows.ts';

/** Batches that an operator cannot use yet, in order: in memory while there is some to be had, else on disk. */
export class HeldRows {
  readonly #chunks: { rows: readonly Row[]; isOnDisk: boolean }[] = [];
  readonly #account: Account;
  readonly #pool: Pool;
  /** Of all chunks. */
  count = 0;
  spilled = 0;

  constructor(account: Account, pool: Pool) {
    this.#account = account;
    this.#pool = pool;
  }

  append(rows: readonly Row[]): void {
    const isInMemory = this.#pool.tryGrow(this.#account, rows.length);
    this.#account.isWaiting = false;
    this.#add(rows, !isInMemory);
  }

  /** What a snapshot brings back: it lies on disk. */
  restore(rows: readonly Row[], batchRows: number): void {
    for (let from = 0; from < rows.length; from += batchRows) this.#add(rows.slice(from, from + batchRows), true);
  }

  /** The first batch, put on the account of what is at work; undefined when that has no room, or nothing is held. */
  take(atWork: Account): readonly Row[] | undefined {
    const chunk = this.#chunks[0];
    if (chunk === undefined || !this.#pool.tryGrow(atWork, chunk.rows.length)) return undefined;
    if (!chunk.isOnDisk) this.#pool.shrink(this.#account, chunk.rows.length);
    this.#chunks.shift();
    this.count -= chunk.rows.length;
    return chunk.rows;
  }

  rows(): Row[] {
    return this.#chunks.flatMap((chunk) => chunk.rows);
  }

  #add(rows: readonly Row[], isOnDisk: boolean): void {
    if (rows.length === 0) return;
    this.#chunks.push({ rows, isOnDisk });
    this.count += rows.length;
    if (isOnDisk) this.spilled += rows.length;
  }
}
