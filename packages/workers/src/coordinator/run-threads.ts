/** The threads of a run: those of its stages, which go to one attempt after the other, and those that read and write files. */
import type { PhysicalPlan } from '@spillway/core/internal';
import type { MemorySplit } from '@spillway/core/planner';
import type { ArenaLease } from './arena-lease.ts';
import { discardPool, lanePoolKind, type PoolKind, returnPool, type ThreadPool, takePool } from './thread-pools.ts';

type ArenaHandle = ArenaLease['arena']['handle'];

/** Threads of one kind that are there or starting; undefined where none of the kind are needed. */
type Taken = Promise<ThreadPool | undefined>;

export class RunThreads {
  readonly #plan: PhysicalPlan;
  readonly #split: MemorySplit;
  readonly #arena: ArenaHandle;
  readonly #takePool: typeof takePool;
  #stages: Taken[];
  #codecs: Taken;

  /** Begins to start them: what else there is to do goes on meanwhile. */
  constructor(plan: PhysicalPlan, split: MemorySplit, arena: ArenaHandle, take: typeof takePool = takePool) {
    this.#plan = plan;
    this.#split = split;
    this.#arena = arena;
    this.#takePool = take;
    this.#stages = this.#takeStages();
    this.#codecs = this.#take('codecs', split.codecThreads);
  }

  /** @throws when threads of any kind do not start; `giveBack` ends the others */
  async ready(): Promise<void> {
    await Promise.all([...this.#stages, this.#codecs]);
  }

  /** For the next attempt, which has them from `handOver` on. */
  async stagePools(): Promise<ThreadPool[]> {
    return (await Promise.all(this.#stages)).filter((pool) => pool !== undefined);
  }

  codecs(): Taken {
    return this.#codecs;
  }

  /** The threads of stages are the attempt's. */
  handOver(): void {
    this.#stages = [];
  }

  /** Takes fresh ones after an attempt that has come to nothing. @param hasLostCodec one of those for files has died in the middle of something: none of them goes on */
  async renew(hasLostCodec: boolean): Promise<void> {
    this.#stages = this.#takeStages();
    if (hasLostCodec) await this.#renewCodecs();
    await this.ready();
  }

  /** At the end of the run, on every path: also those that were still starting when others failed. @param isClean none of them was left in the middle of something */
  async giveBack(isClean: boolean): Promise<void> {
    const codecs = this.#codecs.catch(() => undefined);
    const unused = this.#stages.map((taken) => taken.catch(() => undefined));
    await Promise.all([
      ...unused.map((taken) => endOf(taken, discardPool)),
      endOf(codecs, isClean ? returnPool : discardPool),
    ]);
  }

  /** One thread a lane; those of ops that block in a pool of their own. */
  #takeStages(): Taken[] {
    const { stages } = this.#plan;
    const lanesOf = (kind: PoolKind): number =>
      stages.reduce((sum, stage) => sum + (lanePoolKind(stage) === kind ? stage.lanes : 0), 0);
    const kinds: PoolKind[] = ['lanes', 'blocking'];
    return kinds.map((kind) => this.#take(kind, lanesOf(kind)));
  }

  async #renewCodecs(): Promise<void> {
    const lost = this.#codecs;
    this.#codecs = Promise.resolve(undefined);
    await endOf(lost, discardPool);
    this.#codecs = this.#take('codecs', this.#split.codecThreads);
  }

  #take(kind: PoolKind, threads: number): Taken {
    const taken = this.#takePool(kind, threads, this.#split, this.#arena);
    taken.catch(() => {}); // awaited in `ready` and `giveBack`, unless something else fails first
    return taken;
  }
}

async function endOf(taken: Taken, end: (pool: ThreadPool) => Promise<void>): Promise<void> {
  const pool = await taken;
  if (pool !== undefined) await end(pool);
}
