/**
 * Whether a run goes on after one of its workers has died or has to be replaced, from where, and how. After the second crash among the same
 * batches they are replayed one by one, so that the batch that kills its worker is known at the third. Barriers may come between such
 * crashes, as often as they like: batches are behind the run only when a barrier has passed all that had been read when a worker died.
 */
import { errorFromData, errorToData, type PipelineError } from '@spillway/core/base';
import type { Attempt } from './attempt.ts';
import type { SourceBatch } from './replay.ts';

/** Why a restart: told by the event. */
export interface RestartCause {
  /** `memory`: code of users holds what only a new thread is without. */
  kind: 'crash' | 'memory';
  /** The stage whose worker died. */
  stage: string;
  /** What it died of. */
  reason: string;
  error: PipelineError;
  /** The batch that it died of, where that is known. */
  batch: SourceBatch | undefined;
}

/** What the run knows beside the attempt. */
export interface RestartFacts {
  /** A source that could not keep what it gave. */
  lost: string | undefined;
  /** By source node, how far the last barrier has come; empty for none. */
  passed: ReadonlyMap<number, number>;
  /** Of a source's batch, for people. */
  describe(batch: SourceBatch): string;
}

/** New threads for one stage, because of what its code holds; after these it is the code that fails the run. */
const MOST_FOR_MEMORY = 3;
/** Crashes among the same batches after which they are replayed one by one. */
const REPLAY_AFTER = 2;

export class Restarts {
  readonly #most: number;
  readonly #dropsPoison: boolean;
  readonly #drops: Map<number, number[]> = new Map();
  readonly #forMemory: Map<string, number> = new Map();
  #upTo: ReadonlyMap<number, number> = new Map();
  #count = 0;
  /** Beside those that left a batch out. */
  #charged = 0;
  /** Among the batches before `#upTo`. */
  #crashes = 0;

  /** @param most restarts of a run; 0 turns them off. @param dropsPoison batches that kill their workers are left out */
  constructor(most: number, dropsPoison: boolean) {
    this.#most = most;
    this.#dropsPoison = dropsPoison;
  }

  get count(): number {
    return this.#count;
  }

  /** By source node: batches that are left out. */
  get drops(): ReadonlyMap<number, readonly number[]> {
    return this.#drops;
  }

  /** By source node, how far a batch-by-batch replay goes; undefined when there is to be none. */
  replayUpTo(passed: ReadonlyMap<number, number>): ReadonlyMap<number, number> | undefined {
    return this.#crashes >= REPLAY_AFTER && !this.#isBehind(passed) ? this.#upTo : undefined;
  }

  /** False where the first crash would be the last all the same, so that nothing has to be kept for it. */
  canRestart(attempt: Attempt): boolean {
    return this.#most > 0 && undeclared(attempt) === undefined;
  }

  /** Whether a stage's worker may be replaced because of what its code holds. */
  canRecycle(attempt: Attempt, stage: string): boolean {
    return (
      this.canRestart(attempt) && (this.#forMemory.get(stage) ?? 0) < MOST_FOR_MEMORY && this.#charged < this.#most
    );
  }

  /**
   * Decides about an attempt that has failed. Undefined when it was neither the death of a worker nor its replacement.
   * @throws the error, saying why it cannot be made good
   */
  causeOf(attempt: Attempt, facts: RestartFacts): RestartCause | undefined {
    const lane = attempt.died ?? attempt.recycled;
    const error = attempt.latch.error;
    if ((lane ?? attempt.codecDeath) === undefined || error === undefined || this.#most === 0) return undefined;
    const op = undeclared(attempt);
    if (op !== undefined)
      throw withHint(error, `to have the run go on, declare op "${op}" stateless, or give it snapshot and restore`);
    if (facts.lost !== undefined)
      throw withHint(error, `what source "${facts.lost}" gave could not be kept on disk for a restart`);
    const stage = lane?.config.stage.name ?? error.stage ?? '';
    const kind = lane !== undefined && (attempt.recycled === lane || lane.isHeapFull) ? 'memory' : 'crash';
    // A codec thread works on many things at once: no batch can be said to have killed it.
    const batch = lane === undefined ? undefined : attempt.poison;
    if (batch !== undefined) this.#leaveOut(batch, error, facts);
    else this.#charge(stage, kind, error);
    if (lane !== undefined && attempt.recycled !== lane) this.#countCrash(attempt, facts.passed);
    this.#count += 1;
    return { kind, stage, reason: error.message, error, batch };
  }

  #charge(stage: string, kind: RestartCause['kind'], error: PipelineError): void {
    if (this.#charged >= this.#most)
      throw withHint(
        error,
        `the run has been restarted ${this.#count} times before; its option restarts allows no more`,
      );
    this.#charged += 1;
    if (kind === 'crash') return;
    const before = this.#forMemory.get(stage) ?? 0;
    if (before >= MOST_FOR_MEMORY)
      throw withHint(error, `"${stage}" was given a new thread ${before} times before because of what its code holds`);
    this.#forMemory.set(stage, before + 1);
  }

  /** @throws naming the batch, where it is not to be left out */
  #leaveOut(batch: SourceBatch, error: PipelineError, { describe }: RestartFacts): void {
    if (!this.#dropsPoison) throw poisoned(error, describe(batch));
    const drops = this.#drops.get(batch.node) ?? [];
    this.#drops.set(batch.node, [...drops, batch.sequence]);
  }

  #countCrash(attempt: Attempt, passed: ReadonlyMap<number, number>): void {
    if (this.#isBehind(passed)) this.#crashes = 0;
    this.#crashes += 1;
    const reached = attempt.reached();
    this.#upTo = new Map([...reached].map(([node, end]) => [node, Math.max(end, this.#upTo.get(node) ?? 0)]));
  }

  /** Whether the last barrier has passed everything that had been read when a worker died. */
  #isBehind(passed: ReadonlyMap<number, number>): boolean {
    return [...this.#upTo].every(([node, end]) => (passed.get(node) ?? 0) >= end);
  }
}

function poisoned(error: PipelineError, batch: string): PipelineError {
  const data = errorToData(error);
  const hint = 'give onPoisonBatch a function to have such batches left out and handed to it';
  return errorFromData({
    ...data,
    message: `${data.message}; it died of ${batch}, three times`,
    hint: data.hint === undefined ? hint : `${data.hint}; ${hint}`,
  });
}

/** An op that says nothing of its state: what it did must not be done again by another one. */
function undeclared({ lanes }: Attempt): string | undefined {
  for (const { recovery, config } of lanes) {
    const index = recovery.indexOf('never');
    if (index >= 0) return config.stage.operators[index]?.name;
  }
  return undefined;
}

function withHint(error: PipelineError, hint: string): PipelineError {
  const data = errorToData(error);
  return errorFromData({ ...data, hint: data.hint === undefined ? hint : `${data.hint}; ${hint}` });
}
