/** The points at which running values of the current bins are shown: from the interval that holds the first row to the first point behind the last. */
import type { WindowLevelPlan } from './window-plan.ts';

export class SnapshotPoints {
  readonly #plan: WindowLevelPlan;
  #next: bigint | undefined;
  #hasBegun = false;

  constructor(plan: WindowLevelPlan) {
    this.#plan = plan;
  }

  /** The point that is due next, on the ordered column. */
  get next(): bigint | undefined {
    return this.#next;
  }

  get hasBegun(): boolean {
    return this.#hasBegun;
  }

  /** Where it lies among windows and rows (see `WindowLevel`). Only while there is one. */
  get position(): bigint {
    return 2n * (this.#next as bigint) + this.#plan.pointShift;
  }

  get isPending(): boolean {
    return this.#hasBegun && this.#next !== undefined;
  }

  /** The first row has come. @returns whether a point may lie before it */
  begin(): boolean {
    if (this.#hasBegun) return false;
    this.#hasBegun = true;
    this.#next = this.#plan.points?.first;
    return this.#next !== undefined;
  }

  /** A grid of points begins with the interval that holds the first row. */
  startAt(value: bigint): void {
    const { points, pointShift } = this.#plan;
    if (points === undefined || points.first !== undefined || this.#next !== undefined) return;
    this.#next = points.after(value - pointShift);
  }

  isDue(until: bigint): boolean {
    return this.#next !== undefined && this.position <= until;
  }

  /** It was taken. */
  pass(): void {
    this.#next = this.#plan.points?.after(this.#next as bigint);
  }

  end(): void {
    this.restore(undefined, false);
  }

  restore(next: bigint | undefined, hasBegun: boolean): void {
    this.#next = next;
    this.#hasBegun = hasBegun;
  }
}
