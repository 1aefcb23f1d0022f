/** Keys in the order in which they came, where bins without rows are shown: from its first row on each has a row in every bin. */
import type { Workspace } from '../aggregate/arena-views.ts';
import { NONE, SlotList, SlotMap } from './slot-map.ts';
import type { WindowTable } from './window-table.ts';

export class KnownKeys {
  readonly list: SlotList;
  /** The same keys, to be found. */
  readonly map: SlotMap;
  readonly #table: WindowTable;
  readonly #isKeyed: boolean;
  readonly #showsEmpty: boolean;

  constructor(workspace: Workspace, table: WindowTable, isKeyed: boolean, showsEmpty: boolean) {
    this.list = new SlotList(workspace);
    this.map = new SlotMap(workspace);
    this.#table = table;
    this.#isKeyed = isKeyed;
    this.#showsEmpty = showsEmpty;
  }

  see(key: number): void {
    if (!this.#showsEmpty || !this.#isKeyed || this.map.get(key) !== NONE) return;
    this.map.set(key, 0);
    this.list.push(key);
  }

  /** Gives every key that is known a slot of a bin, where it has none. */
  fill(slots: SlotMap, label: bigint): void {
    if (!this.#isKeyed) {
      this.#table.reserve(1);
      if (slots.get(0) === NONE) slots.set(0, this.#table.newSlot(0, label));
      return;
    }
    this.#table.reserve(this.list.count);
    for (let index = 0; index < this.list.count; index++) {
      const key = this.list.at(index);
      if (slots.get(key) === NONE) slots.set(key, this.#table.newSlot(key, label));
    }
  }
}
