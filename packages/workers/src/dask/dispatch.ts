/**
 * Which partition goes to which worker, and what becomes of it: a state machine without clocks, processes or files, so that it can be tried in
 * thousands of orders and for a thousand workers. Large partitions go first. A worker gets as many at once as it has threads and
 * some more where they are short, so that it does not wait for the coordinator; hot ones get none. When there is nothing left to give, what
 * waits behind others is taken to workers that are idle. A result counts once: for the attempt that is open, whatever comes later or twice. A
 * partition that is cut in two is replaced by two more, numbered behind all others.
 */
import assert from 'node:assert';
import type { WorkerView } from './cluster.ts';

export interface DispatchOptions {
  /** Of every partition; only how they compare matters. */
  sizes: readonly number[];
  /** Partitions that are there already. */
  done?: Iterable<number>;
  /** Failures of one partition that are borne. */
  retries: number;
}

export interface Assignment {
  partition: number;
  /** From 1; each is another task with files of its own. */
  attempt: number;
  worker: string;
  /** As far as is known it takes so little that several may go together. Not one that has met the end of a worker: what ends another is to be seen. */
  isShort?: boolean;
}

/** Of a share: beyond it a worker gets nothing more, until it is below the lower one. The engine itself stays below 0.8. */
const HOT_AT = 0.88;
const COOL_AT = 0.82;
/** How much work a worker has waiting, in milliseconds, and in tasks a thread. */
const AHEAD_MS = 100;
const MOST_AHEAD = 15;
/** A task of less is short. */
const SHORT_MS = 40;
/** What is looked through for one that has not failed on this worker. */
const LOOK_THROUGH = 16;

interface WorkerState {
  address: string;
  threads: number;
  isHot: boolean;
  /** Open attempts, oldest first. */
  open: Map<number, number>;
  /** Mean time of a task; undefined until one has ended. */
  taskMs: number | undefined;
}

interface PartitionState {
  attempts: number;
  failures: number;
  /** It was with a worker that ended. */
  isSuspect?: boolean;
  /** Of the open attempt: sent with others, and after how many looks at the workers. */
  isShort: boolean;
  sentAt: number;
  /** Workers that it has failed on. */
  avoid?: Set<string>;
  worker?: WorkerState;
}

/** What becomes of a partition whose attempt has failed. */
export type Verdict = 'again' | 'exhausted';

/** An attempt that ended with its worker. */
export interface Loss extends Assignment {
  verdict: Verdict;
}

function newPartition(): PartitionState {
  return { attempts: 0, failures: 0, isShort: false, sentAt: 0 };
}

export class Dispatch {
  readonly #options: DispatchOptions;
  readonly #workers: Map<string, WorkerState> = new Map();
  readonly #partitions: PartitionState[];
  readonly #done: Set<number>;
  /** Smallest first: the end is taken. */
  readonly #pending: number[];
  /** Workers that may take more. */
  readonly #free: Set<WorkerState> = new Set();
  /** How often it was told of the workers, which is every half a second. */
  #looks = 0;

  constructor(options: DispatchOptions) {
    const { sizes, done = [] } = options;
    this.#options = options;
    this.#done = new Set(done);
    this.#partitions = sizes.map(newPartition);
    this.#pending = [...sizes.keys()]
      .filter((partition) => !this.#done.has(partition))
      .sort((a, b) => (sizes[a] as number) - (sizes[b] as number) || b - a);
  }

  get isDone(): boolean {
    return this.#done.size === this.#partitions.length;
  }

  /** Attempts that are open. */
  open(): Assignment[] {
    return [...this.#workers.values()].flatMap(({ address, open }) =>
      [...open].map(([partition, attempt]) => ({ partition, attempt, worker: address })),
    );
  }

  /** Which workers there are, and how hot. @returns partitions of workers that are gone: their attempts are closed, they wait again */
  see(views: readonly WorkerView[]): Loss[] {
    this.#looks += 1;
    const gone = new Set(this.#workers.keys());
    for (const view of views) {
      gone.delete(view.address);
      const worker = this.#workers.get(view.address) ?? this.#add(view);
      worker.threads = view.threads;
      worker.isHot = view.pressure >= (worker.isHot ? COOL_AT : HOT_AT);
      this.#refresh(worker);
    }
    return [...gone].flatMap((address) => this.remove(address));
  }

  /** A worker that is gone. What it had begun may be what ended it: those attempts have failed; what was waiting behind them has not. */
  remove(address: string): Loss[] {
    const worker = this.#workers.get(address);
    if (worker === undefined) return [];
    this.#workers.delete(address);
    this.#free.delete(worker);
    return [...worker.open].map(([partition, attempt], at) => {
      const assignment = { partition, attempt, worker: address };
      this.#close(worker, partition);
      this.#partition(partition).isSuspect = true;
      if (at < worker.threads) return { ...assignment, verdict: this.#failed(assignment) };
      this.#pending.push(partition);
      return { ...assignment, verdict: 'again' };
    });
  }

  /** All workers are gone, and none of them by what it worked on. @returns the attempts that were open */
  interrupt(): Assignment[] {
    const lost = this.open();
    for (const { partition } of lost) {
      this.#closeOpen({ partition });
      this.#pending.push(partition);
    }
    this.#workers.clear();
    this.#free.clear();
    return lost;
  }

  /** What is to be started now. */
  next(): Assignment[] {
    const started: Assignment[] = [];
    let given = true;
    while (given && this.#pending.length > 0) {
      given = false;
      for (const worker of this.#free) {
        const partition = this.#take(worker);
        if (partition === undefined) continue;
        started.push(this.#open(worker, partition));
        given = true;
      }
    }
    return started;
  }

  /**
   * When nothing waits any more: what waits on one worker behind what it works on goes to another that has nothing.
   * @returns what is to be cancelled, and what is to be started for it
   */
  rebalance(): { cancelled: Assignment; started: Assignment }[] {
    if (this.#pending.length > 0) return [];
    const idle = [...this.#workers.values()].filter((worker) => worker.open.size === 0 && !worker.isHot);
    const moves: { cancelled: Assignment; started: Assignment }[] = [];
    if (idle.length === 0) return moves;
    const behind = [...this.#workers.values()];
    for (const worker of idle) {
      const from = behind.find((candidate) => this.#hasWaiting(candidate));
      if (from === undefined) break;
      const [partition, attempt] = [...from.open].at(-1) as [number, number];
      if (this.#partition(partition).avoid?.has(worker.address)) continue;
      this.#close(from, partition);
      const cancelled = { partition, attempt, worker: from.address };
      moves.push({ cancelled, started: this.#open(worker, partition) });
    }
    return moves;
  }

  /** Short ones that were sent together are on their way, unless that takes long. */
  #hasWaiting({ open, threads }: WorkerState): boolean {
    const last = [...open.keys()].at(-1);
    if (last === undefined || open.size <= threads) return false;
    const { isShort, sentAt } = this.#partition(last);
    return !isShort || this.#looks - sentAt > 1;
  }

  /** Whether this attempt is the one that counts. */
  isOpen({ partition, attempt }: Assignment): boolean {
    return this.#partitions[partition]?.worker?.open.get(partition) === attempt;
  }

  /** Its result is there and right. @returns false for one that does not count any more */
  finish(assignment: Assignment, elapsedMs: number): boolean {
    if (!this.isOpen(assignment)) return false;
    const worker = this.#closeOpen(assignment);
    worker.taskMs = worker.taskMs === undefined ? elapsedMs : worker.taskMs * 0.8 + elapsedMs * 0.2;
    this.#refresh(worker);
    this.#done.add(assignment.partition);
    return true;
  }

  /** It gets no result of its own: its pieces do, which come next. */
  replace(assignment: Assignment, pieces: number): void {
    this.#refresh(this.#closeOpen(assignment));
    this.#done.add(assignment.partition);
    for (let piece = 0; piece < pieces; piece++) {
      this.#pending.push(this.#partitions.length);
      this.#partitions.push(newPartition());
    }
  }

  /** Nothing came of it. @returns undefined for one that does not count any more */
  fail(assignment: Assignment): Verdict | undefined {
    if (!this.isOpen(assignment)) return undefined;
    this.#refresh(this.#closeOpen(assignment));
    return this.#failed(assignment);
  }

  #failed(assignment: Assignment): Verdict {
    const partition = this.#partition(assignment.partition);
    partition.failures += 1;
    partition.avoid = (partition.avoid ?? new Set()).add(assignment.worker);
    if (partition.failures > this.#options.retries) return 'exhausted';
    this.#pending.push(assignment.partition);
    return 'again';
  }

  #partition(partition: number): PartitionState {
    const state = this.#partitions[partition];
    assert(state !== undefined, `there is no partition ${partition}`);
    return state;
  }

  #add(view: WorkerView): WorkerState {
    const worker = { address: view.address, threads: view.threads, isHot: false, open: new Map(), taskMs: undefined };
    this.#workers.set(view.address, worker);
    return worker;
  }

  /** The end of the list, but rather one that has not failed here, where others are not far. */
  #take(worker: WorkerState): number | undefined {
    const last = this.#pending.length - 1;
    for (let at = last; at >= 0 && at > last - LOOK_THROUGH; at--) {
      const partition = this.#pending[at] as number;
      if (this.#mayTake(worker, partition)) {
        this.#pending.splice(at, 1);
        return partition;
      }
    }
    return undefined;
  }

  #mayTake(worker: WorkerState, partition: number): boolean {
    const { avoid } = this.#partition(partition);
    if (avoid === undefined || !avoid.has(worker.address)) return true;
    // Where it has failed on all that take anything, they may try again.
    for (const { address, isHot } of this.#workers.values()) if (!isHot && !avoid.has(address)) return false;
    return true;
  }

  #open(worker: WorkerState, partition: number): Assignment {
    const state = this.#partition(partition);
    state.attempts += 1;
    state.worker = worker;
    worker.open.set(partition, state.attempts);
    this.#refresh(worker);
    state.isShort = state.isSuspect !== true && worker.taskMs !== undefined && worker.taskMs < SHORT_MS;
    state.sentAt = this.#looks;
    const { isShort } = state;
    return { partition, attempt: state.attempts, worker: worker.address, isShort };
  }

  #closeOpen({ partition }: Pick<Assignment, 'partition'>): WorkerState {
    const { worker } = this.#partition(partition);
    assert(worker !== undefined);
    this.#close(worker, partition);
    return worker;
  }

  #close(worker: WorkerState, partition: number): void {
    worker.open.delete(partition);
    delete this.#partition(partition).worker;
  }

  #refresh(worker: WorkerState): void {
    const isThere = this.#workers.get(worker.address) === worker;
    // One that has been filled gets several again at once, when half of them are done.
    const most = this.#free.has(worker) ? this.#depthOf(worker) - 1 : Math.floor(this.#depthOf(worker) / 2);
    if (isThere && !worker.isHot && worker.open.size <= most) this.#free.add(worker);
    else this.#free.delete(worker);
  }

  /** How many it may have at once. */
  #depthOf({ threads, taskMs }: WorkerState): number {
    const ahead = taskMs === undefined ? 1 : Math.min(MOST_AHEAD, Math.ceil(AHEAD_MS / Math.max(taskMs, 1)));
    return threads * (1 + ahead);
  }
}
