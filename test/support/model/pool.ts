/** Memory of the model: accounts of one budget, each with a floor that nobody else can use. */
import assert from 'node:assert';
import type { Rules } from './rules.ts';

export interface Account {
  readonly name: string;
  /** Owned whatever others do. */
  readonly floor: number;
  used: number;
  /** Steps to the nearest sink. */
  readonly distance: number;
  /** Asked for more than its floor and did not get it. */
  isWaiting: boolean;
}

export class Pool {
  readonly accounts: Account[] = [];
  readonly #budget: number;
  readonly #rules: Rules;
  /** With floors: Σ max(floor, used); it includes what is kept free for owners. */
  #committed = 0;
  #used = 0;
  mostUsed = 0;

  constructor(budget: number, rules: Rules) {
    this.#budget = budget;
    this.#rules = rules;
  }

  get used(): number {
    return this.#used;
  }

  open(name: string, floor: number, distance: number): Account {
    const account = { name, floor: this.#rules.hasFloors ? floor : 0, used: 0, distance, isWaiting: false };
    this.accounts.push(account);
    this.#committed += account.floor;
    return account;
  }

  /** Whether the account could grow by so much now. */
  allows(account: Account, rows: number): boolean {
    if (this.#rules.discipline === 'credits') return true;
    const after = Math.max(account.floor, account.used + rows);
    const beyond = after - Math.max(account.floor, account.used);
    const isGranted = this.#committed + beyond <= this.#budget && (beyond === 0 || this.#isNearest(account));
    account.isWaiting = !isGranted;
    return isGranted;
  }

  tryGrow(account: Account, rows: number): boolean {
    if (!this.allows(account, rows)) return false;
    this.grow(account, rows);
    return true;
  }

  grow(account: Account, rows: number): void {
    const before = Math.max(account.floor, account.used);
    account.used += rows;
    this.#committed += Math.max(account.floor, account.used) - before;
    this.#used += rows;
    this.mostUsed = Math.max(this.mostUsed, this.#used);
    if (this.#rules.discipline === 'reservations') assert(this.#used <= this.#budget, 'beyond the budget');
  }

  shrink(account: Account, rows: number): void {
    assert(rows <= account.used, `${account.name} gives back more than it has`);
    this.grow(account, -rows);
  }

  #isNearest(account: Account): boolean {
    // Without floors, whoever waits nearest to a sink may wait for those whom it would keep waiting.
    if (!this.#rules.grantsFromSinks || !this.#rules.hasFloors) return true;
    return this.accounts.every((other) => !other.isWaiting || other.distance >= account.distance);
  }
}
