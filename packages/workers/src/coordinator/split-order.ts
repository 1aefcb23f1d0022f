/** Order across the splits of a source that lanes make: they end in any order, and are compared in theirs. */

import { compareOrdered, disorderError } from '@spillway/core/data';
import type { OrderedValue, StageSpec } from '@spillway/core/internal';
import type { SplitBounds } from '../lanes/generated-input.ts';
import { type FailureLatch, namedError } from './failure.ts';

interface StageSplits {
  /** Splits that ended before their predecessor did. */
  early: Map<number, SplitBounds>;
  next: number;
  last: OrderedValue | undefined;
}

export class SplitOrder {
  readonly #latch: FailureLatch;
  readonly #stages: Map<number, StageSplits> = new Map();

  constructor(latch: FailureLatch) {
    this.#latch = latch;
  }

  /** Takes what one split began and ended with; fails the run at the first disorder. */
  add(stage: StageSpec, bounds: SplitBounds): void {
    const splits = this.#stages.get(stage.id) ?? { early: new Map(), next: 0, last: undefined };
    this.#stages.set(stage.id, splits);
    splits.early.set(bounds.split, bounds);
    for (let due = splits.early.get(splits.next); due !== undefined; due = splits.early.get(splits.next)) {
      splits.early.delete(splits.next);
      splits.next += 1;
      if (due.first === undefined) continue;
      if (splits.last !== undefined && compareOrdered(splits.last, due.first) > 0)
        this.#fail(stage, due, splits.last, due.first);
      splits.last = due.last;
    }
  }

  #fail(stage: StageSpec, { split, at }: SplitBounds, before: OrderedValue, value: OrderedValue): void {
    const { input } = stage;
    const column = input.kind === 'splits' ? (input.source.orderedOn ?? '') : '';
    const type = input.kind === 'splits' ? input.fields.find((field) => field.name === column)?.type : undefined;
    const error = disorderError(
      { ...(at ?? { file: `split ${split}`, row: 0 }), column, type: type ?? 'int64' },
      before,
      value,
    );
    this.#latch.fail(namedError(error, stage.name));
  }
}
