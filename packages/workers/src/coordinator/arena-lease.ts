/**
 * A run's part of the process's arena: numbers to charge its slabs to, and its share of the limit. When a thread of the
 * run has died, nobody knows which slabs it held; all that is charged to the run's numbers is then given back at once.
 */

import { type MemoryPool, OWNER_COUNT, PipelineError, processArena, releaseOwners } from '@spillway/core/base';
import type { Arena } from '@spillway/core/internal';

/** Owner numbers below are not a run's: 0 is nobody's, 1 is `shareTable`'s. */
const FIRST_RUN_OWNER = 8;

const leases: Set<ArenaLease> = new Set();
const ownersTaken: Set<number> = new Set();

export class ArenaLease {
  readonly arena: Arena;
  readonly #startBytes: number;
  readonly #owners: { owner: number; stage: string }[] = [];
  #pool: MemoryPool | undefined;

  constructor(limitBytes: number) {
    this.arena = processArena();
    this.#startBytes = limitBytes;
    leases.add(this);
    spreadLimit(this.arena);
  }

  /** The run's numbers and what they stand for; grows with each that is taken. */
  get owners(): { owner: number; stage: string }[] {
    return this.#owners;
  }

  /** The run's part of the limit now: it moves while the run goes on. */
  get limitBytes(): number {
    return this.#pool?.arenaBytes ?? this.#startBytes;
  }

  /** From now on the pool answers for the run's slabs in this thread. */
  setPool(pool: MemoryPool | undefined): void {
    this.#pool = pool;
    for (const { owner } of this.#owners) this.arena.setHolders(owner, pool);
  }

  /** A number to charge slabs to, and its name for refusals. */
  takeOwner(name: string): number {
    for (let owner = FIRST_RUN_OWNER; owner < OWNER_COUNT; owner += 1) {
      if (ownersTaken.has(owner)) continue;
      ownersTaken.add(owner);
      this.#owners.push({ owner, stage: name });
      this.arena.setHolders(owner, this.#pool);
      return owner;
    }
    throw new PipelineError(
      'ERR_PLAN',
      'the runs of this process have more stages, sources and sinks than memory can be charged to',
      {
        expected: `at most ${OWNER_COUNT - FIRST_RUN_OWNER}`,
        hint: 'run fewer pipelines at the same time, or split this one',
      },
    );
  }

  /** Bytes that the run holds now. */
  usedBytes(): number {
    return this.#owners.reduce((sum, { owner }) => sum + this.arena.bytesOf(owner), 0);
  }

  /** Gives back whatever is charged to the run. Only when none of its threads works any more. */
  reclaim(): void {
    this.arena.trim();
    releaseOwners(
      this.arena,
      this.#owners.map(({ owner }) => owner),
    );
  }

  /** As `reclaim`, and takes the numbers back: the run lays itself out anew. */
  startAnew(): void {
    this.reclaim();
    this.setPool(undefined);
    for (const { owner } of this.#owners.splice(0)) ownersTaken.delete(owner);
    spreadLimit(this.arena);
  }

  release(): void {
    this.arena.trim();
    for (const { owner } of this.#owners) ownersTaken.delete(owner);
    leases.delete(this);
    spreadLimit(this.arena);
  }
}

/** The arena has one limit: the sum of the runs' and of what outlives runs. */
function spreadLimit(arena: Arena): void {
  if (leases.size === 0) return arena.setLimit(Number.MAX_SAFE_INTEGER);
  let total = 0;
  for (let owner = 0; owner < FIRST_RUN_OWNER; owner += 1) total += arena.bytesOf(owner);
  for (const lease of leases) total += lease.limitBytes;
  arena.setLimit(total);
}
