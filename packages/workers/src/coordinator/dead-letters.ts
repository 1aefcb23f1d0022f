/** Batches that were left out, on their way to whoever asked for them: each once, however often the run replays them. */
import type { PipelineError } from '@spillway/core';
import type { PlainBatch } from '@spillway/core/internal';
import type { DeadLetter, DeadLetterCount } from '../job/dead-letter.ts';
import type { SourceBatch } from './replay.ts';

/** What the run knows of a batch when it leaves it out. */
export interface Culprit extends SourceBatch {
  source: string;
  place: string;
  stage: string;
  error: PipelineError;
}

export class DeadLetters {
  readonly count: DeadLetterCount = { batches: 0, rows: 0 };
  readonly #give: (letter: DeadLetter) => void | Promise<void>;
  readonly #culprits: Map<string, Culprit> = new Map();

  constructor(give: (letter: DeadLetter) => void | Promise<void>) {
    this.#give = give;
  }

  /** A batch will come back from whoever was to work on it. */
  expect(culprit: Culprit): void {
    this.#culprits.set(keyOf(culprit), culprit);
  }

  /** What was in it. The first time only: every stage that reads the source hands it back, in every attempt. */
  async deliver(batch: SourceBatch, plain: readonly PlainBatch[]): Promise<void> {
    const culprit = this.#culprits.get(keyOf(batch));
    if (culprit === undefined) return;
    this.#culprits.delete(keyOf(batch));
    this.count.batches += 1;
    for (const { rows } of plain) this.count.rows += rows;
    const { loadArrow, plainToArrow } = await import('@spillway/core/arrow');
    const arrow = await loadArrow();
    const { source, sequence, place, stage, error } = culprit;
    await this.#give({
      source,
      batch: sequence,
      place,
      stage,
      error,
      rows: plain.map((part) => plainToArrow(arrow, part)),
    });
  }
}

function keyOf({ node, sequence }: SourceBatch): string {
  return `${node} ${sequence}`;
}
