/** Order across the splits of a source that lanes make: they end in any order, and are compared in theirs. */

import { compareOrdered, disorderError } from '@spillway/core/data';
import type { OrderedValue, StageSpec } from '@spillway/core/internal';
import type { SplitBounds } from '../lanes/protocol.ts';
import { type FailureLatch, namedError } from './failure.ts';

/** By stage, how far splits were compared. */
export type SplitOrderState = ReadonlyMap<number, { next: number; last: OrderedValue | undefined }>;

interface StageSplits {
  /** Splits that ended before their predecessor did. */
  early: Map<number, SplitBounds>;
  next: number;
  last: OrderedValue | undefined;
  /** Where that one is; not known behind a barrier. */
  lastFile: string | undefined;
}

export class SplitOrder {
  readonly #latch: FailureLatch;
  readonly #stages: Map<number, StageSplits>;

  constructor(latch: FailureLatch, from: SplitOrderState = new Map()) {
    this.#latch = latch;
    this.#stages = new Map(
      [...from].map(([stage, { next, last }]) => [stage, { early: new Map(), next, last, lastFile: undefined }]),
    );
  }

  state(): SplitOrderState {
    return new Map([...this.#stages].map(([stage, { next, last }]) => [stage, { next, last }]));
  }

  /** Whether the splits before this one have been compared, where they are. */
  hasSeen({ id, input }: StageSpec, end: number): boolean {
    const compares = input.kind === 'splits' && input.source.type !== 'shared' && input.source.orderedOn !== undefined;
    return !compares || (this.#stages.get(id)?.next ?? 0) >= end;
  }

  /** Takes what one split began and ended with; fails the run at the first disorder. */
  add(stage: StageSpec, bounds: SplitBounds): void {
    const splits = this.#stages.get(stage.id) ?? { early: new Map(), next: 0, last: undefined, lastFile: undefined };
    this.#stages.set(stage.id, splits);
    splits.early.set(bounds.split, bounds);
    for (let due = splits.early.get(splits.next); due !== undefined; due = splits.early.get(splits.next)) {
      splits.early.delete(splits.next);
      splits.next += due.count ?? 1;
      if (due.first === undefined) continue;
      if (splits.last !== undefined && compareOrdered(splits.last, due.first) > 0)
        this.#fail(stage, due, splits.last, due.first, splits.lastFile);
      splits.last = due.last;
      splits.lastFile = due.at?.file;
    }
  }

  #fail(
    stage: StageSpec,
    { split, at }: SplitBounds,
    before: OrderedValue,
    value: OrderedValue,
    previousFile: string | undefined,
  ): void {
    const { input } = stage;
    const column = input.kind === 'splits' ? (input.source.orderedOn ?? '') : '';
    const type = input.kind === 'splits' ? input.fields.find((field) => field.name === column)?.type : undefined;
    const error = disorderError(
      {
        ...(at ?? { file: `split ${split}`, row: 0 }),
        ...(previousFile !== undefined && { previousFile }),
        ...{ column, type: type ?? 'int64' },
      },
      before,
      value,
    );
    this.#latch.fail(namedError(error, stage.name));
  }
}
