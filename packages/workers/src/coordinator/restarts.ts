/** Whether a run goes on after one of its stage workers has died, and from where. */
import { errorFromData, errorToData, type PipelineError } from '@spillway/core/base';
import type { Attempt } from './attempt.ts';

/** Why a restart: told by the event. */
export interface RestartCause {
  /** The stage whose worker died. */
  stage: string;
  /** What it died of. */
  reason: string;
  error: PipelineError;
}

export class Restarts {
  readonly #most: number;
  #count = 0;

  /** @param most restarts of a run; 0 turns them off */
  constructor(most: number) {
    this.#most = most;
  }

  get count(): number {
    return this.#count;
  }

  /** False where the first crash would be the last all the same, so that nothing has to be kept for it. */
  canRestart(attempt: Attempt): boolean {
    return this.#most > 0 && undeclared(attempt) === undefined;
  }

  /**
   * Decides about an attempt that has failed, where `lost` names a source that could not keep what it gave. Undefined when it was not the death of a stage worker.
   * @throws the error of the death, saying why it cannot be made good
   */
  causeOf(attempt: Attempt, lost: string | undefined): RestartCause | undefined {
    const error = attempt.died?.death;
    if (attempt.died === undefined || error === undefined || this.#most === 0) return undefined;
    const op = undeclared(attempt);
    if (op !== undefined)
      throw withHint(error, `to have the run go on, declare op "${op}" stateless, or give it snapshot and restore`);
    if (lost !== undefined) throw withHint(error, `what source "${lost}" gave could not be kept on disk for a restart`);
    if (this.#count >= this.#most)
      throw withHint(
        error,
        `the run has been restarted ${this.#count} times before; its option restarts allows no more`,
      );
    this.#count += 1;
    return { stage: attempt.died.config.stage.name, reason: error.message, error };
  }
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
