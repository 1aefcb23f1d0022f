/** The groups of the batch at work, and the slots that each goes into: an array of slots for each window that is open. */
import type { Ptr } from '../../memory/contract.ts';
import type { GrowingBuffer, Workspace } from '../aggregate/arena-views.ts';
import type { GroupSource } from '../aggregate/level.ts';
import type { WindowTable } from './window-table.ts';

export class GroupsAtWork {
  readonly #workspace: Workspace;
  readonly #table: WindowTable;
  readonly #targets: GrowingBuffer[] = [];
  #source: GroupSource | undefined;
  /** Groups before it are merged. */
  #merged = 0;
  #width = 0;

  constructor(workspace: Workspace, table: WindowTable) {
    this.#workspace = workspace;
    this.#table = table;
  }

  begin(source: GroupSource): void {
    this.#source = source;
    this.#merged = 0;
    this.#width = 0;
  }

  end(): void {
    if (this.#source !== undefined) this.merge(this.#source.count);
    this.#source = undefined;
  }

  /** From this group on so many windows are open. */
  setWidth(width: number, from: number): void {
    if (width === this.#width) return;
    this.merge(from);
    this.#width = width;
  }

  /** The slots of the groups in one of the windows. */
  targetsOf(window: number): Ptr {
    const buffer = (this.#targets[window] ??= this.#workspace.buffer());
    const bytes = 4 * (this.#source?.count ?? 0);
    return buffer.reserve(bytes, bytes <= buffer.bytes ? 0 : buffer.bytes);
  }

  /** Merges the groups before `until` that are not merged yet. */
  merge(until: number): void {
    const from = this.#merged;
    const source = this.#source;
    this.#merged = until;
    if (source === undefined || until === from || this.#width === 0) return;
    // A window moves to the front as others close: its earlier groups lie in the later arrays, and come first.
    const targets = this.#targets
      .slice(0, this.#width)
      .map(({ ptr }) => ptr)
      .reverse();
    this.#table.merge(source, from, until, targets);
  }
}
