/** An aggregate function whose states the kernels do not keep: one state a slot, changed row by row. */
import type { Batch } from '../../batch/contract.ts';
import type { SavedList, SnapshotReader, SnapshotWriter } from '../snapshot-contract.ts';

export interface SlotFunction {
  /** There are slots below `slots`; new ones have seen nothing. */
  grow(slots: number): void;
  /** Gives what takes the rows of a batch, one after the other. */
  begin(batch: Batch): (row: number, slot: number) => void;
  /** Puts the state of a slot into an empty one. */
  copy(from: number, to: number): void;
  /** Slots move to map[slot], down or to nowhere (-1); `slots` are left. */
  move(map: Int32Array, slots: number): void;
  /** The value in the output; null where there is none. */
  finish(slot: number): unknown;
  /** Whether its states can be saved. */
  readonly canSave: boolean;
  save(writer: SnapshotWriter): Promise<unknown>;
  restore(saved: never, reader: SnapshotReader): void;
  /** Bytes that it holds; `heap`: those of them that lie on the heap, about. */
  held(): { bytes: number; heap: number };
}

/** States in an array. */
export class StateArray<T> {
  readonly states: (T | undefined)[] = [];

  grow(slots: number): void {
    while (this.states.length < slots) this.states.push(undefined);
  }

  /** They are plain data, in order of their slots. */
  save(writer: SnapshotWriter): Promise<SavedList> {
    return writer.list(this.states);
  }

  restore(saved: SavedList, reader: SnapshotReader): void {
    for (const state of reader.list<T | undefined>(saved)) this.states.push(state);
  }

  move(map: Int32Array, slots: number): void {
    for (let slot = 0; slot < this.states.length; slot++) {
      const to = map[slot] ?? -1;
      if (to >= 0) this.states[to] = this.states[slot];
    }
    this.states.length = slots;
  }
}
