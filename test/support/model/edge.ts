/**
 * A channel of the model: slots by sequence as in the real ring, packets that count for the edge's account from the
 * reservation of a producer until the consumer is through with them.
 */
import assert from 'node:assert';
import type { ModelEdge } from './plan.ts';
import type { Account, Pool } from './pool.ts';
import type { Row } from './rows.ts';
import type { Rules } from './rules.ts';

export interface Packet {
  rows: readonly Row[];
  /** Number of the barrier, when it is one. */
  barrier: number;
}

/** Accounts of an edge. */
export interface EdgeAccounts {
  /** For any sequence. */
  shared: Account;
  /** One largest batch that only the lowest sequence without a reservation may use. */
  lowest: Account;
}

export class Edge {
  readonly spec: ModelEdge;
  readonly accounts: EdgeAccounts;
  readonly #pool: Pool;
  readonly #rules: Rules;
  readonly #packets = new Map<number, Packet>();
  /** By slot: the sequence that it is free for, or that lies in it. */
  readonly #turns: number[];
  /** By sequence: whom it is charged to, and for how much. */
  readonly #charges = new Map<number, { account: Account; rows: number }>();
  /** Sequences that have a reservation, or are published, and lie above the lowest that has not. */
  readonly #ahead = new Set<number>();
  readonly #creditRows: number;
  #lowest = 0;
  #inFlight = 0;
  #taken = 0;
  #claimed = 0;
  #used = 0;
  #mostUsed = 0;
  #total = -1;

  constructor(spec: ModelEdge, producers: number, accounts: EdgeAccounts, pool: Pool, rules: Rules) {
    this.spec = spec;
    this.accounts = accounts;
    this.#pool = pool;
    this.#rules = rules;
    // As `planStages` gives it at the minimum.
    this.#creditRows = producers === 1 ? spec.batchRows : 0;
    this.#turns = Array.from({ length: spec.capacity }, (_, slot) => slot);
  }

  /** The most rows that were ever charged to it. */
  get mostUsed(): number {
    return this.#mostUsed;
  }

  get isEmpty(): boolean {
    return this.#packets.size === 0;
  }

  /** Room for one largest batch under this sequence; false when its producer has to wait. */
  reserve(sequence: number): boolean {
    if (this.#rules.discipline === 'credits') return true;
    const account = this.#isInWindow(sequence) ? this.#accountFor(sequence) : undefined;
    if (account === undefined) return false;
    this.#charge(sequence, account, this.spec.batchRows);
    this.#setAside(sequence);
    return true;
  }

  /** Keeps of a reservation what the rows need; as channels are built today: takes memory for them, from anywhere. */
  settle(sequence: number, rows: number): void {
    this.#charge(sequence, this.#charges.get(sequence)?.account ?? this.accounts.shared, rows);
  }

  /** False when the packet has to wait: for its slot, or for credit. */
  publish(sequence: number, packet: Packet): boolean {
    if (!this.#isInWindow(sequence) || !this.#hasCredit(sequence, packet.rows.length)) return false;
    assert(!this.#packets.has(sequence), 'a sequence is published once');
    this.#setAside(sequence);
    this.#packets.set(sequence, packet);
    this.#inFlight += packet.rows.length;
    return true;
  }

  end(total: number): void {
    this.#total = total;
    this.accounts.shared.isWaiting = false;
  }

  claim(): number {
    return this.#claimed++;
  }

  isEnd(sequence: number): boolean {
    return this.#total >= 0 && sequence >= this.#total;
  }

  get total(): number {
    return this.#total;
  }

  has(sequence: number): boolean {
    return this.#packets.has(sequence);
  }

  peek(sequence: number): Packet {
    const packet = this.#packets.get(sequence);
    assert(packet !== undefined, 'only what is there can be looked at');
    return packet;
  }

  /** The packet; its rows stay on the edge's account until `release`. */
  take(sequence: number): Packet {
    const packet = this.peek(sequence);
    this.#packets.delete(sequence);
    this.#turns[sequence % this.spec.capacity] = sequence + this.spec.capacity;
    this.#inFlight -= packet.rows.length;
    this.#taken += 1;
    return packet;
  }

  /** The rows of a sequence are used up, or lie elsewhere; or a reservation is not needed. */
  release(sequence: number): void {
    this.#charge(sequence, this.#charges.get(sequence)?.account ?? this.accounts.shared, 0);
    this.#charges.delete(sequence);
  }

  /** Who pays for one more largest batch; undefined when nobody can now. */
  #accountFor(sequence: number): Account | undefined {
    const { shared, lowest } = this.accounts;
    const { batchRows } = this.spec;
    const isLowest = sequence === this.#lowest;
    const { roomOfLowest } = this.#rules;
    const leaves = roomOfLowest === 'left by others' && !isLowest ? batchRows : 0;
    if (this.#pool.allows(shared, batchRows + leaves)) return shared;
    const isOwner = roomOfLowest === 'its own' && isLowest && lowest.used === 0;
    return isOwner && this.#pool.allows(lowest, batchRows) ? lowest : undefined;
  }

  /** Makes the charge of a sequence so many rows. */
  #charge(sequence: number, account: Account, rows: number): void {
    const more = rows - (this.#charges.get(sequence)?.rows ?? 0);
    this.#pool.grow(account, more);
    this.#charges.set(sequence, { account, rows });
    this.#used += more;
    this.#mostUsed = Math.max(this.#mostUsed, this.#used);
  }

  #isInWindow(sequence: number): boolean {
    return this.#turns[sequence % this.spec.capacity] === sequence;
  }

  #hasCredit(sequence: number, rows: number): boolean {
    if (this.#rules.discipline !== 'credits') return true;
    if (this.#inFlight + rows <= this.#creditRows) return true;
    return this.#rules.passesWithoutCredit === 'up to taken' ? sequence <= this.#taken : sequence === this.#taken;
  }

  #setAside(sequence: number): void {
    if (sequence < this.#lowest) return;
    this.#ahead.add(sequence);
    while (this.#ahead.delete(this.#lowest)) this.#lowest += 1;
  }
}
