/**
 * One text a slot, replaced as states change: slots of starts and lengths over a heap that is rewritten when more than
 * half of it is garbage.
 */
import type { Ptr } from '../../memory/contract.ts';
import type { SavedBytes, SnapshotReader, SnapshotWriter } from '../snapshot-contract.ts';
import { compareBytes, copyBytes, type GrowingBuffer, type Workspace } from './arena-views.ts';
import type { TextArea } from './packet.ts';
import type { TextStateName } from './state-plan.ts';

/** Length of a slot without a text. */
export const NO_TEXT = 0xffff_ffff;
const LEAST_GARBAGE = 65_536;

export interface SavedTexts {
  slots: number;
  used: number;
  garbage: number;
  starts: SavedBytes;
  lengths: SavedBytes;
  heap: SavedBytes;
}

export class TextSlots {
  readonly #state: TextStateName;
  readonly #workspace: Workspace;
  readonly #starts: GrowingBuffer;
  readonly #lengths: GrowingBuffer;
  #heap: GrowingBuffer;
  #spare: GrowingBuffer;
  #used = 0;
  #garbage = 0;
  #slots = 0;

  constructor(state: TextStateName, workspace: Workspace) {
    this.#state = state;
    this.#workspace = workspace;
    this.#starts = workspace.buffer();
    this.#lengths = workspace.buffer();
    this.#heap = workspace.buffer();
    this.#spare = workspace.buffer();
  }

  /** Adds empty slots up to `slots`. */
  grow(slots: number): void {
    this.#starts.reserve(4 * slots, 4 * this.#slots);
    const lengths = this.#lengths.reserve(4 * slots, 4 * this.#slots) >>> 2;
    this.#workspace.views.u32.fill(NO_TEXT, lengths + this.#slots, lengths + slots);
    this.#slots = slots;
  }

  /** The texts from slot `from` on, for a merge into another table. */
  area(from: number): TextArea {
    return { starts: this.#starts.ptr + 4 * from, lengths: this.#lengths.ptr + 4 * from, bytes: this.#heap.ptr };
  }

  start(slot: number): Ptr {
    return this.#heap.ptr + (this.#workspace.views.u32[(this.#starts.ptr >>> 2) + slot] as number);
  }

  /** `NO_TEXT` where there is none. */
  length(slot: number): number {
    return this.#workspace.views.u32[(this.#lengths.ptr >>> 2) + slot] as number;
  }

  /** Merges the texts of groups [0, count) whose u64 count is not 0 into slots targets[i]. */
  merge(source: TextArea, counts: Ptr, targets: Ptr, count: number): void {
    const { u32 } = this.#workspace.views;
    for (let i = 0; i < count; i++) {
      const at = (counts >>> 2) + 2 * i;
      if (u32[at] === 0 && u32[at + 1] === 0) continue;
      const slot = u32[(targets >>> 2) + i] as number;
      const text = source.bytes + (u32[(source.starts >>> 2) + i] as number);
      const length = u32[(source.lengths >>> 2) + i] as number;
      // A slot that nobody reads may have counts without texts.
      if (length !== NO_TEXT && this.#takes(slot, text, length)) this.#put(slot, text, length);
    }
  }

  /** Bytes of the texts of `count` slots (u32). */
  bytesOf(slots: Ptr, count: number): number {
    const { u32 } = this.#workspace.views;
    let bytes = 0;
    for (let i = 0; i < count; i++) {
      const length = this.length(u32[(slots >>> 2) + i] as number);
      if (length !== NO_TEXT) bytes += length;
    }
    return bytes;
  }

  /** Copies the texts of `count` slots (u32) to an area that has room for them. */
  store(slots: Ptr, count: number, area: TextArea): void {
    const { u8, u32 } = this.#workspace.views;
    let used = 0;
    for (let i = 0; i < count; i++) {
      const slot = u32[(slots >>> 2) + i] as number;
      const length = this.length(slot);
      const bytes = length === NO_TEXT ? 0 : length;
      if (bytes > 0) copyBytes(u8, area.bytes + used, this.start(slot), bytes);
      u32[(area.starts >>> 2) + i] = used;
      u32[(area.lengths >>> 2) + i] = bytes;
      used += bytes;
    }
  }

  /** Bytes that it takes of the arena. */
  get heapBytes(): number {
    return this.#heap.bytes + this.#spare.bytes;
  }

  /** Gives back the memory of a table without slots. */
  close(): void {
    for (const buffer of [this.#starts, this.#lengths, this.#heap, this.#spare]) buffer.close();
    this.#used = 0;
    this.#garbage = 0;
  }

  /** Puts the text of a slot into another. */
  copy(from: number, to: number): void {
    const length = this.length(from);
    if (length === NO_TEXT) return;
    // Room first: it may move the heap, and the text with it.
    this.#heap.reserve(this.#used + length, this.#used);
    this.#put(to, this.start(from), length);
  }

  async save(writer: SnapshotWriter): Promise<SavedTexts> {
    return {
      slots: this.#slots,
      used: this.#used,
      garbage: this.#garbage,
      starts: await this.#starts.save(4 * this.#slots, writer),
      lengths: await this.#lengths.save(4 * this.#slots, writer),
      heap: await this.#heap.save(this.#used, writer),
    };
  }

  restore({ slots, used, garbage, starts, lengths, heap }: SavedTexts, reader: SnapshotReader): void {
    this.#starts.restore(starts, reader);
    this.#lengths.restore(lengths, reader);
    this.#heap.restore(heap, reader);
    this.#slots = slots;
    this.#used = used;
    this.#garbage = garbage;
  }

  /** Forgets the slots before `slots`; the others move to the front. */
  drop(slots: number): void {
    const { u8 } = this.#workspace.views;
    for (let slot = 0; slot < slots; slot++) {
      const length = this.length(slot);
      if (length !== NO_TEXT) this.#garbage += length;
    }
    for (const { ptr } of [this.#starts, this.#lengths]) u8.copyWithin(ptr, ptr + 4 * slots, ptr + 4 * this.#slots);
    this.#slots -= slots;
    this.#collect();
  }

  #takes(slot: number, text: Ptr, length: number): boolean {
    const held = this.length(slot);
    if (held === NO_TEXT || this.#state === 'last') return true;
    if (this.#state === 'first') return false;
    const order = compareBytes(this.#workspace.views.u8, text, length, this.start(slot), held);
    return this.#state === 'min' ? order < 0 : order > 0;
  }

  #put(slot: number, text: Ptr, length: number): void {
    const { u8, u32 } = this.#workspace.views;
    const held = this.length(slot);
    if (held !== NO_TEXT && length <= held) {
      this.#garbage += held - length;
    } else {
      if (held !== NO_TEXT) this.#garbage += held;
      this.#heap.reserve(this.#used + length, this.#used);
      u32[(this.#starts.ptr >>> 2) + slot] = this.#used;
      this.#used += length;
    }
    u32[(this.#lengths.ptr >>> 2) + slot] = length;
    copyBytes(u8, this.start(slot), text, length);
    if (this.#garbage > LEAST_GARBAGE) this.#collect();
  }

  #collect(): void {
    if (this.#garbage <= LEAST_GARBAGE || this.#garbage * 2 < this.#used) return;
    const { u8, u32 } = this.#workspace.views;
    const target = this.#spare.reserve(Math.max(1, this.#used - this.#garbage));
    let used = 0;
    for (let slot = 0; slot < this.#slots; slot++) {
      const length = this.length(slot);
      if (length === NO_TEXT) continue;
      copyBytes(u8, target + used, this.start(slot), length);
      u32[(this.#starts.ptr >>> 2) + slot] = used;
      used += length;
    }
    [this.#heap, this.#spare] = [this.#spare, this.#heap];
    this.#spare.close();
    this.#used = used;
    this.#garbage = 0;
  }
}
