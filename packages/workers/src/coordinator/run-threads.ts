/** The threads of a run: those of its stages, which go to one attempt after the other, and those that read and write files. */
import type { PhysicalPlan } from '@spillway/core/internal';
import type { MemorySplit } from '@spillway/core/planner';
import type { ArenaLease } from './arena-lease.ts';
import { discardPool, lanePoolKind, type PoolKind, returnPool, type ThreadPool, takePool } from './thread-pools.ts';

type ArenaHandle = ArenaLease['arena']['handle'];

export class RunThreads {
  readonly #plan: PhysicalPlan;
  readonly #split: MemorySplit;
  readonly #arena: ArenaHandle;
  #stages: Promise<ThreadPool[]>;
  #starting: Promise<ThreadPool | undefined>;
  #codecs: ThreadPool | undefined;

  /** Begins to start them: what else there is to do goes on meanwhile. */
  constructor(plan: PhysicalPlan, split: MemorySplit, arena: ArenaHandle) {
    this.#plan = plan;
    this.#split = split;
    this.#arena = arena;
    this.#stages = this.#takeStages();
    this.#starting = takePool('codecs', split.codecThreads, split, arena);
    this.#starting.catch(() => {}); // awaited in `ready`, unless the other pools fail first
  }

  get codecs(): ThreadPool | undefined {
    return this.#codecs;
  }

  async ready(): Promise<void> {
    await this.#stages;
    this.#codecs = await this.#starting;
  }

  /** For the next attempt, which has them from `handOver` on. */
  stagePools(): Promise<ThreadPool[]> {
    return this.#stages;
  }

  /** The threads of stages are the attempt's. */
  handOver(): void {
    this.#stages = Promise.resolve([]);
  }

  /** Takes fresh ones after an attempt that has come to nothing. @param hasLostCodec one of those for files has died in the middle of something: none of them goes on */
  async renew(hasLostCodec: boolean): Promise<void> {
    this.#stages = this.#takeStages();
    if (hasLostCodec) await this.#renewCodecs();
    await this.#stages;
  }

  /** At the end of the run, on every path. @param isClean none of them was left in the middle of something */
  async giveBack(isClean: boolean): Promise<void> {
    const unused = await this.#stages.catch(() => []);
    await Promise.all(unused.map(discardPool));
    if (this.#codecs !== undefined) await (isClean ? returnPool : discardPool)(this.#codecs);
  }

  /** One thread a lane; those of ops that block in a pool of their own. */
  #takeStages(): Promise<ThreadPool[]> {
    const { stages } = this.#plan;
    const lanesOf = (kind: PoolKind): number =>
      stages.reduce((sum, stage) => sum + (lanePoolKind(stage) === kind ? stage.lanes : 0), 0);
    const kinds: PoolKind[] = ['lanes', 'blocking'];
    const taken = Promise.all(kinds.map((kind) => takePool(kind, lanesOf(kind), this.#split, this.#arena)));
    const pools = taken.then((each) => each.filter((pool) => pool !== undefined));
    pools.catch(() => {}); // awaited on every path
    return pools;
  }

  async #renewCodecs(): Promise<void> {
    const codecs = this.#codecs;
    this.#codecs = undefined;
    if (codecs !== undefined) await discardPool(codecs);
    this.#codecs = await takePool('codecs', this.#split.codecThreads, this.#split, this.#arena);
  }
}
