/** Slots by key, and lists of slots, in the arena: what one window or output holds of a table of states. */
import type { Ptr } from '../../memory/contract.ts';
import type { GrowingBuffer, Workspace } from '../aggregate/arena-views.ts';
import type { SavedBytes, SnapshotReader, SnapshotWriter } from '../snapshot-contract.ts';

/** No slot, no key. */
export const NONE = 0xffff_ffff;
const FIRST_ENTRIES = 16;

export interface SavedMap {
  size: number;
  entries: number;
  pairs: SavedBytes;
}

/** Open addressing over pairs (key, slot) of u32. */
export class SlotMap {
  size = 0;
  readonly #u32: Uint32Array;
  readonly #pairs: GrowingBuffer;
  readonly #spare: GrowingBuffer;
  #table: Ptr = 0;
  #entries = 0;

  constructor(workspace: Workspace) {
    this.#u32 = workspace.views.u32;
    this.#pairs = workspace.buffer();
    this.#spare = workspace.buffer();
  }

  /** `NONE` where the key has no slot. */
  get(key: number): number {
    if (this.#entries === 0) return NONE;
    const at = this.#find(key);
    return this.#u32[at] === key ? (this.#u32[at + 1] as number) : NONE;
  }

  /** `NONE` as the slot takes the key out, but not the place it needs. */
  set(key: number, slot: number): void {
    if (2 * (this.size + 1) > this.#entries) this.#grow();
    const at = this.#find(key);
    if (this.#u32[at] !== key) this.size += 1;
    this.#u32[at] = key;
    this.#u32[at + 1] = slot;
  }

  /** Calls back for every key that has a slot; a number that it returns is the new slot. */
  forEach(visit: (key: number, slot: number) => number | void): void {
    const from = this.#table >>> 2;
    for (let at = from; at < from + 2 * this.#entries; at += 2) {
      if (this.#u32[at] === NONE || this.#u32[at + 1] === NONE) continue;
      const moved = visit(this.#u32[at] as number, this.#u32[at + 1] as number);
      if (moved !== undefined) this.#u32[at + 1] = moved;
    }
  }

  clear(): void {
    this.size = 0;
    this.#entries = 0;
    this.#table = 0;
  }

  /** As it lies in memory, so that it goes on in the same order. */
  async save(writer: SnapshotWriter): Promise<SavedMap> {
    const { ptr } = this.#pairs;
    const held = this.#table !== 0 && this.#table === ptr ? this.#pairs : this.#spare;
    return { size: this.size, entries: this.#entries, pairs: await held.save(8 * this.#entries, writer) };
  }

  restore({ size, entries, pairs }: SavedMap, reader: SnapshotReader): void {
    this.#pairs.restore(pairs, reader);
    this.size = size;
    this.#entries = entries;
    this.#table = entries === 0 ? 0 : this.#pairs.ptr;
  }

  #find(key: number): number {
    const mask = this.#entries - 1;
    const from = this.#table >>> 2;
    let place = (Math.imul(key, 0x9e3779b1) >>> 15) & mask;
    for (;;) {
      const held = this.#u32[from + 2 * place];
      if (held === key || held === NONE) return from + 2 * place;
      place = (place + 1) & mask;
    }
  }

  #grow(): void {
    const [from, before] = [this.#table >>> 2, this.#entries];
    this.#entries = Math.max(FIRST_ENTRIES, before * 2);
    // The two buffers take turns, so that the old pairs can be read while the new ones are written.
    const next = this.#table !== 0 && this.#table === this.#pairs.ptr ? this.#spare : this.#pairs;
    this.#table = next.reserve(8 * this.#entries);
    this.#u32.fill(NONE, this.#table >>> 2, (this.#table >>> 2) + 2 * this.#entries);
    this.size = 0;
    for (let at = from; at < from + 2 * before; at += 2)
      if (this.#u32[at] !== NONE && this.#u32[at + 1] !== NONE)
        this.set(this.#u32[at] as number, this.#u32[at + 1] as number);
  }
}

/** A list of slots (u32). */
export class SlotList {
  count = 0;
  readonly #u32: Uint32Array;
  readonly #slots: GrowingBuffer;

  constructor(workspace: Workspace) {
    this.#u32 = workspace.views.u32;
    this.#slots = workspace.buffer();
  }

  get ptr(): Ptr {
    return this.#slots.ptr;
  }

  at(index: number): number {
    return this.#u32[(this.#slots.ptr >>> 2) + index] as number;
  }

  /** Whether it is 0, 1, 2 … */
  get isPrefix(): boolean {
    for (let index = 0; index < this.count; index++) if (this.at(index) !== index) return false;
    return true;
  }

  push(slot: number): void {
    const at = this.#slots.reserve(4 * (this.count + 1), 4 * this.count) >>> 2;
    this.#u32[at + this.count++] = slot;
  }

  /** Puts the slots from place `from` on into ascending order. */
  sortFrom(from: number): void {
    const at = this.#slots.ptr >>> 2;
    for (let index = from + 1; index < this.count; index++) {
      if ((this.#u32[at + index - 1] as number) <= (this.#u32[at + index] as number)) continue;
      this.#u32.subarray(at + from, at + this.count).sort();
      return;
    }
  }

  save(writer: SnapshotWriter): Promise<SavedBytes> {
    return this.#slots.save(4 * this.count, writer);
  }

  restore(saved: SavedBytes, reader: SnapshotReader): void {
    this.#slots.restore(saved, reader);
    this.count = saved.bytes / 4;
  }

  /** Puts another slot in the place of each. */
  map(change: (slot: number) => number): void {
    const from = this.#slots.ptr >>> 2;
    for (let at = from; at < from + this.count; at++) this.#u32[at] = change(this.#u32[at] as number);
  }

  /** Keeps those for which this is true, in order. */
  keep(isKept: (slot: number) => boolean): void {
    const from = this.#slots.ptr >>> 2;
    let kept = 0;
    for (let index = 0; index < this.count; index++) {
      const slot = this.#u32[from + index] as number;
      if (isKept(slot)) this.#u32[from + kept++] = slot;
    }
    this.count = kept;
  }

  clear(): void {
    this.count = 0;
  }
}
