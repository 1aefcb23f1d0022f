/** One step of a cut plan on the cluster: all its tasks, in any order, each until its result is there and right. */
import type { PipelineError } from '@spillway/core';
import type { WorkerReply, WorkerView } from './cluster.ts';
import { type Crew, type Outcome, refusalOf } from './crew.ts';
import { type Assignment, Dispatch, type DispatchOptions } from './dispatch.ts';
import { workerLost } from './problems.ts';

export interface StepOptions<Result> extends DispatchOptions {
  /** The keys of its tasks begin with it: never used twice. */
  key: string;
  /** For messages. */
  name: string;
  request(partition: number, attempt: number): string;
  /** What messages call a partition, by its number. */
  called(partition: number): string;
  /** Looks at a result before it counts. @returns what is wrong with it */
  damage(result: Result): Promise<string | undefined>;
  /**
   * For a partition that took too much memory. @returns what cuts it into pieces, which get the next numbers, and says how many those are; undefined where
   * it cannot be cut
   */
  cut(partition: number): Promise<(() => number) | undefined>;
  onDone(partition: number, result: Result): void;
  /** An attempt has failed, and another follows. */
  onRetry(error: PipelineError): void;
  signal: AbortSignal;
}

/** Errors of the engine that another attempt may not meet; the others lie in plan and data. */
const PASSING: ReadonlySet<string> = new Set(['ERR_WORKER_DIED', 'ERR_SPILL_CORRUPT', 'ERR_STALLED', 'ERR_INTERNAL']);

/** @throws what a partition fails with for good, naming the worker; the signal's reason */
export function runStep<Result>(options: StepOptions<Result>, crew: Crew): Promise<void> {
  return new StepRun(options, crew).ended;
}

class StepRun<Result> {
  readonly ended: Promise<void>;
  readonly #options: StepOptions<Result>;
  readonly #crew: Crew;
  readonly #dispatch: Dispatch;
  #end: (error?: unknown) => void = () => {};
  #hasEnded = false;

  constructor(options: StepOptions<Result>, crew: Crew) {
    this.#options = options;
    this.#crew = crew;
    this.#dispatch = new Dispatch(options);
    const { signal } = options;
    const stop = (): void => this.#end(signal.reason);
    this.ended = new Promise((resolve, reject) => {
      this.#end = (error) => {
        if (this.#hasEnded) return;
        this.#hasEnded = true;
        signal.removeEventListener('abort', stop);
        crew.listen();
        for (const open of this.#dispatch.open()) crew.cancel(this.#keyOf(open));
        if (error === undefined) resolve();
        else reject(error);
      };
    });
    if (signal.aborted) return (stop(), this);
    signal.addEventListener('abort', stop);
    crew.listen({ workers: (views) => this.#see(views), interrupted: (why) => this.#beInterrupted(why) });
  }

  #see(views: WorkerView[]): void {
    for (const { verdict, ...lost } of this.#dispatch.see(views)) {
      this.#crew.cancel(this.#keyOf(lost));
      this.#failed(lost, workerLost(lost.worker, 'it is gone', this.#where(lost)), verdict);
    }
    this.#pump();
  }

  #beInterrupted(why: string): void {
    for (const lost of this.#dispatch.interrupt())
      this.#options.onRetry(workerLost(lost.worker, why, this.#where(lost)));
  }

  #pump(): void {
    if (this.#hasEnded) return;
    if (this.#dispatch.isDone) return this.#end();
    for (const assignment of this.#dispatch.next()) void this.#start(assignment);
    for (const { cancelled, started } of this.#dispatch.rebalance()) {
      this.#crew.cancel(this.#keyOf(cancelled));
      void this.#start(started);
    }
  }

  async #start(assignment: Assignment): Promise<void> {
    const { partition, attempt, worker, isShort } = assignment;
    const request = this.#options.request(partition, attempt);
    const outcome = await this.#crew.call(this.#keyOf(assignment), worker, request, isShort);
    if (this.#hasEnded || !this.#dispatch.isOpen(assignment)) return;
    const isResult = 'reply' in outcome && 'result' in outcome.reply;
    if (isResult) await this.#take(assignment, outcome.reply as Extract<WorkerReply, { result: unknown }>);
    else await this.#refused(assignment, outcome);
    this.#pump();
  }

  async #take(assignment: Assignment, { result, elapsedMs }: Extract<WorkerReply, { result: unknown }>): Promise<void> {
    const damage = await this.#options.damage(result as Result);
    if (this.#hasEnded || !this.#dispatch.isOpen(assignment)) return;
    if (damage === undefined) {
      this.#dispatch.finish(assignment, elapsedMs);
      this.#options.onDone(assignment.partition, result as Result);
      return;
    }
    this.#failed(assignment, workerLost(assignment.worker, damage, this.#where(assignment)));
  }

  async #refused(assignment: Assignment, outcome: Outcome): Promise<void> {
    const error = refusalOf(assignment.worker, outcome, this.#where(assignment));
    if (error.code === 'ERR_MEMORY_EXHAUSTED') {
      const cut = await this.#options.cut(assignment.partition);
      if (this.#hasEnded || !this.#dispatch.isOpen(assignment)) return;
      if (cut !== undefined) {
        this.#dispatch.replace(assignment, cut());
        return this.#options.onRetry(error);
      }
    }
    const isFinal = 'reply' in outcome && 'failed' in outcome.reply && !PASSING.has(outcome.reply.failed.code);
    if (isFinal) this.#end(error);
    else this.#failed(assignment, error);
  }

  #failed(assignment: Assignment, error: PipelineError, verdict = this.#dispatch.fail(assignment)): void {
    if (verdict === 'exhausted') this.#end(error);
    else this.#options.onRetry(error);
  }

  #where({ partition, attempt }: Assignment): string {
    return `, ${this.#options.called(partition)} of step "${this.#options.name}" (attempt ${attempt})`;
  }

  #keyOf({ partition, attempt }: Assignment): string {
    return `${this.#options.key}-${partition}-${attempt}`;
  }
}
