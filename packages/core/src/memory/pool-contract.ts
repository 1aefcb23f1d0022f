/** What a memory pool and its consumers know of each other. */
import type { Ptr } from './contract.ts';

/** The scope of what the main thread holds. */
export const MAIN_SCOPE = -1;

/** One holder of reservations. Plain data. */
export interface PoolConsumer {
  /** Stage, source or sink that it works for. */
  stage: string;
  /** What it holds, for people. */
  name: string;
  /** The thread whose death frees it: a number that the run gives, or `MAIN_SCOPE`. */
  scope: number;
  /** Whether the arena may have what it has reserved and does not use. */
  lends?: boolean;
  /** Operators of the lane that it is the heap of, by index. */
  operators?: string[];
}

/** What a thread needs to attach. Plain data. */
export interface PoolPlace {
  at: Ptr;
  consumers: PoolConsumer[];
  /** Whose slabs are the run's, by owner number. */
  owners: { owner: number; stage: string }[];
}

/** A pool, as its consumers need it. */
export interface LimitedPool {
  readonly place: PoolPlace;
  readonly limitBytes: number;
  /** What nobody has reserved; negative while one who grows is looking whether it may. */
  freeBytes(): number;
  /** What of the arena's part nobody was promised and nobody keeps; negative while one who keeps is looking whether it may. */
  keepableBytes(): number;
  /** Raises the arena's part by what is free, or reserved by one who lends and does not use it. */
  makeRoom(bytes: number): boolean;
  /** The largest holders in one line. */
  describe(): string;
}
