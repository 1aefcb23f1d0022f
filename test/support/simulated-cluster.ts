/** A Dask cluster that does nothing, in virtual time: for tests and figures of who gets what. */
import type { Cluster, ClusterEvents, ClusterTask, WorkerReply, WorkerView } from '@spillway/workers/internal';

export interface SimulatedTask {
  /** How long it takes, from when its worker comes to it. */
  ms: number;
  /** `lost`: nothing comes of it. */
  reply: WorkerReply | 'lost';
}

interface Happening {
  atMs: number;
  order: number;
  happen: () => void;
}

/** Workers work on one task a thread at a time, in the order in which they got them. Nothing happens but in `run`. */
export class SimulatedCluster implements Cluster {
  readonly #events: ClusterEvents;
  readonly #taskOf: (task: ClusterTask) => SimulatedTask;
  /** A heap by time. */
  readonly #happenings: Happening[] = [];
  readonly #views: Map<string, WorkerView> = new Map();
  /** When each thread of a worker is through with what it has. */
  readonly #threadsFreeAt: Map<string, number[]> = new Map();
  /** Tasks that somebody still waits for. */
  readonly #open: Set<string> = new Set();
  #order = 0;
  nowMs = 0;
  /** Most tasks that were out at once. */
  mostOpen = 0;

  constructor(events: ClusterEvents, taskOf: (task: ClusterTask) => SimulatedTask) {
    this.#events = events;
    this.#taskOf = taskOf;
  }

  addWorker(address: string, view: Partial<WorkerView> = {}): void {
    const whole = { address, threads: 1, memoryLimitBytes: 0, residentBytes: 0, nodeBytes: 0, pressure: 0, ...view };
    this.#views.set(address, whole);
    this.#threadsFreeAt.set(
      address,
      Array.from({ length: whole.threads }, () => this.nowMs),
    );
  }

  /** Its tasks are never heard of again. */
  removeWorker(address: string): void {
    this.#views.delete(address);
    this.#threadsFreeAt.delete(address);
  }

  /** The scheduler is gone, and with it all workers and what they had. */
  interrupt(): void {
    for (const address of [...this.#views.keys()]) this.removeWorker(address);
    this.#open.clear();
    this.#events.interrupted('the scheduler was lost');
  }

  views(): WorkerView[] {
    return [...this.#views.values()];
  }

  /** Tells who there is, as the bridge does now and then. */
  look(): void {
    this.#events.workers(this.views());
  }

  submit(tasks: readonly ClusterTask[]): void {
    for (const task of tasks) this.#start(task);
    this.mostOpen = Math.max(this.mostOpen, this.#open.size);
  }

  cancel(keys: readonly string[]): void {
    for (const key of keys) this.#open.delete(key);
  }

  /** Something happens later. */
  at(atMs: number, happen: () => void): void {
    this.#happenings.push({ atMs, order: ++this.#order, happen });
    this.#rise(this.#happenings.length - 1);
  }

  /** Lets time pass until nothing is left to happen, or it is told to stop. Between two happenings promises settle. */
  async run(isOver: () => boolean): Promise<void> {
    await settled();
    while (!isOver()) {
      const first = this.#happenings[0];
      if (first === undefined) return;
      this.#removeFirst();
      this.nowMs = Math.max(this.nowMs, first.atMs);
      first.happen();
      await settled();
    }
  }

  #start(task: ClusterTask): void {
    this.#open.add(task.key);
    const freeAt = this.#threadsFreeAt.get(task.worker);
    if (freeAt === undefined) return; // it is gone: the next look tells
    const thread = freeAt.indexOf(Math.min(...freeAt));
    const { ms, reply } = this.#taskOf(task);
    const endMs = Math.max(freeAt[thread] as number, this.nowMs) + ms;
    freeAt[thread] = endMs;
    this.at(endMs, () => {
      if (this.#threadsFreeAt.get(task.worker) !== freeAt || !this.#open.delete(task.key)) return;
      if (reply === 'lost') this.#events.lost(task.key, 'lost in the simulation');
      else this.#events.done(task.key, reply);
    });
  }

  #isBefore(a: number, b: number): boolean {
    const [left, right] = [this.#happenings[a] as Happening, this.#happenings[b] as Happening];
    return left.atMs < right.atMs || (left.atMs === right.atMs && left.order < right.order);
  }

  #swap(a: number, b: number): void {
    const left = this.#happenings[a] as Happening;
    this.#happenings[a] = this.#happenings[b] as Happening;
    this.#happenings[b] = left;
  }

  #rise(from: number): void {
    for (let at = from; at > 0; ) {
      const parent = (at - 1) >> 1;
      if (!this.#isBefore(at, parent)) return;
      this.#swap(at, parent);
      at = parent;
    }
  }

  #removeFirst(): void {
    this.#swap(0, this.#happenings.length - 1);
    this.#happenings.pop();
    for (let at = 0; ; ) {
      let least = at;
      for (const child of [2 * at + 1, 2 * at + 2])
        if (child < this.#happenings.length && this.#isBefore(child, least)) least = child;
      if (least === at) return;
      this.#swap(at, least);
      at = least;
    }
  }
}

function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
