/**
 * Bins that follow from the rows of a key: so many rows, or rows without a gap between them. Each key has one that is open; closed ones wait until no
 * open one can come before them.
 */
import type { Workspace } from '../aggregate/arena-views.ts';
import { NONE, SlotList, SlotMap } from './slot-map.ts';
import type { WindowTable } from './window-table.ts';

export class RowRuns {
  /** By key. */
  readonly open: SlotMap;
  readonly waiting: SlotList;
  readonly #table: WindowTable;
  readonly #closed: SlotList;
  /** A bin is over when its key has no row for longer; without, when its number changes. */
  readonly #gap: bigint | undefined;

  /** @param closed where bins go when their turn has come */
  constructor(workspace: Workspace, table: WindowTable, closed: SlotList, gap: bigint | undefined) {
    this.open = new SlotMap(workspace);
    this.waiting = new SlotList(workspace);
    this.#table = table;
    this.#closed = closed;
    this.#gap = gap;
  }

  /** The open bin of a key that a group with this number and first value belongs to; NONE where the last one is over, which then waits. */
  slotOf(key: number, number: bigint, first: bigint): number {
    const slot = this.open.get(key);
    if (slot === NONE) return NONE;
    const isOver =
      this.#gap === undefined ? this.#table.numberOf(slot) !== number : first - this.#table.lastOf(slot) > this.#gap;
    if (!isOver) return slot;
    this.waiting.push(slot);
    return NONE;
  }

  /** Opens a bin of a key. Room for its slot has been reserved. */
  begin(key: number, number: bigint, first: bigint): number {
    const slot = this.#table.newSlot(key, first);
    this.open.set(key, slot);
    this.#table.setNumber(slot, number);
    return slot;
  }

  /** Lets go of closed bins that wait for others to close. @param clock no row before it will come */
  settle(clock: bigint): void {
    let bound = clock;
    this.open.forEach((_, slot) => {
      if (this.#gap !== undefined && clock - this.#table.lastOf(slot) > this.#gap) {
        this.waiting.push(slot);
        return NONE;
      }
      const label = this.#table.labelOf(slot);
      if (label < bound) bound = label;
      return undefined;
    });
    this.#release((label) => label < bound);
  }

  /** No row will come at all. */
  finish(): void {
    this.open.forEach((_, slot) => {
      this.waiting.push(slot);
      return NONE;
    });
    this.#release(() => true);
  }

  #release(isDue: (label: bigint) => boolean): void {
    const due: number[] = [];
    for (let index = 0; index < this.waiting.count; index++) {
      const slot = this.waiting.at(index);
      if (isDue(this.#table.labelOf(slot))) due.push(slot);
    }
    if (due.length === 0) return;
    this.waiting.keep((slot) => !isDue(this.#table.labelOf(slot)));
    due.sort((a, b) => Number(this.#table.labelOf(a) - this.#table.labelOf(b)) || a - b);
    for (const slot of due) this.#closed.push(slot);
  }
}
