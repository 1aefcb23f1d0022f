/**
 * Words of 8 bytes that slots hold, any number each, in chunks of the arena. What is held twice, or adds up, is reduced as a slot grows: in order,
 * neighbours are given to the owner, so that a slot holds at most twice what it would if every word had been looked up.
 */
import type { Ptr } from '../../memory/contract.ts';
import type { GrowingBuffer, Workspace } from '../aggregate/arena-views.ts';
import type { SavedBytes, SavedList, SnapshotReader, SnapshotWriter } from '../snapshot-contract.ts';

/** Chunks hold 4, 16, 64, … words; the largest ones so many. */
const LARGEST_CHUNK = 4096;
const SLAB_BYTES = 2 ** 16;
const HEADER_BYTES = 16;
const FIRST_REDUCTION = 64;

/** Makes one word of neighbours in order: returns how many of `count` words at `from` are left, at its beginning. */
export type Reduce = (u32: Uint32Array, from: number, count: number) => number;

interface SavedSlab {
  /** Where it lay. */
  at: Ptr;
  content: SavedBytes;
}

export interface SavedWords {
  slots: number;
  columns: SavedBytes[];
  slabs: SavedList;
  free: [number, Ptr][];
  room: { at: Ptr; end: Ptr };
}

/** Where slabs lay, and lie now. */
class MovedSlabs {
  readonly #slabs: { at: Ptr; to: Ptr }[] = [];
  #isSorted = false;

  add(at: Ptr, to: Ptr): void {
    this.#slabs.push({ at, to });
  }

  /** A place in one of them; 0 stays. */
  now(place: Ptr): Ptr {
    if (place === 0) return 0;
    if (!this.#isSorted) this.#slabs.sort((a, b) => a.at - b.at);
    this.#isSorted = true;
    let [low, high] = [0, this.#slabs.length];
    while (low + 1 < high) {
      const middle = (low + high) >>> 1;
      if ((this.#slabs[middle] as { at: Ptr }).at <= place) low = middle;
      else high = middle;
    }
    const { at, to } = this.#slabs[low] as { at: Ptr; to: Ptr };
    return to + place - at;
  }
}

export class HeldWords {
  readonly #workspace: Workspace;
  readonly #reduce: Reduce | undefined;
  /** By slot: its first and last chunk, its words, and at how many it is reduced. */
  readonly #first: GrowingBuffer;
  readonly #last: GrowingBuffer;
  readonly #counts: GrowingBuffer;
  readonly #limits: GrowingBuffer;
  readonly #gathered: GrowingBuffer;
  readonly #slabs: GrowingBuffer[] = [];
  /** By capacity: chunks to be used again, linked. */
  readonly #free = new Map<number, Ptr>();
  #slots = 0;
  #room: { at: Ptr; end: Ptr } = { at: 0, end: 0 };

  /** @param reduce absent where every word counts */
  constructor(workspace: Workspace, reduce: Reduce | undefined) {
    this.#workspace = workspace;
    this.#reduce = reduce;
    this.#first = workspace.buffer();
    this.#last = workspace.buffer();
    this.#counts = workspace.buffer();
    this.#limits = workspace.buffer();
    this.#gathered = workspace.buffer();
  }

  /** There are slots below `slots`; new ones hold nothing. */
  grow(slots: number): void {
    if (slots === this.#slots) return;
    const { u32 } = this.#workspace.views;
    for (const buffer of this.#columns) {
      const at = buffer.reserve(4 * slots, 4 * this.#slots) >>> 2;
      u32.fill(buffer === this.#limits ? FIRST_REDUCTION : 0, at + this.#slots, at + slots);
    }
    this.#slots = slots;
  }

  get bytes(): number {
    return this.#slabs.length * SLAB_BYTES + this.#gathered.bytes + 4 * this.#first.bytes;
  }

  count(slot: number): number {
    return this.#at(this.#counts, slot);
  }

  add(slot: number, low: number, high: number): void {
    if (this.#reduce !== undefined && this.count(slot) >= this.#at(this.#limits, slot)) this.reduce(slot);
    let chunk = this.#at(this.#last, slot);
    const { u32 } = this.#workspace.views;
    if (chunk === 0 || u32[(chunk >>> 2) + 2] === u32[(chunk >>> 2) + 1]) chunk = this.#addChunk(slot, chunk);
    const used = u32[(chunk >>> 2) + 2] as number;
    const at = ((chunk + HEADER_BYTES) >>> 2) + 2 * used;
    u32[at] = low;
    u32[at + 1] = high;
    u32[(chunk >>> 2) + 2] = used + 1;
    this.#put(this.#counts, slot, this.count(slot) + 1);
  }

  /** All words of a slot, one after the other: valid until the next call. */
  gather(slot: number): Ptr {
    const { u8, u32 } = this.#workspace.views;
    const target = this.#gathered.reserve(8 * Math.max(1, this.count(slot)));
    let at = target;
    for (let chunk = this.#at(this.#first, slot); chunk !== 0; chunk = u32[chunk >>> 2] as number) {
      const bytes = 8 * (u32[(chunk >>> 2) + 2] as number);
      u8.copyWithin(at, chunk + HEADER_BYTES, chunk + HEADER_BYTES + bytes);
      at += bytes;
    }
    return target;
  }

  /** Reduces what a slot holds; gives the words, in order, and how many there are. */
  reduce(slot: number): { words: Ptr; count: number } {
    const held = this.count(slot);
    const words = this.gather(slot);
    const { u32, u8 } = this.#workspace.views;
    new BigUint64Array(u8.buffer, words, held).sort();
    const count = this.#reduce === undefined ? held : this.#reduce(u32, words >>> 2, held);
    this.#clear(slot);
    for (let index = 0; index < count; index++)
      this.#append(slot, u32[(words >>> 2) + 2 * index] as number, u32[(words >>> 2) + 2 * index + 1] as number);
    this.#put(this.#limits, slot, Math.max(FIRST_REDUCTION, 2 * count));
    return { words, count };
  }

  copy(from: number, to: number): void {
    const words = this.gather(from) >>> 2;
    const { u32 } = this.#workspace.views;
    for (let index = 0, count = this.count(from); index < count; index++)
      this.#append(to, u32[words + 2 * index] as number, u32[words + 2 * index + 1] as number);
    this.#put(this.#limits, to, this.#at(this.#limits, from));
  }

  /** Slots move to map[slot], down or to nowhere (-1). */
  move(map: Int32Array, slots: number): void {
    for (let slot = 0; slot < Math.min(map.length, this.#slots); slot++) {
      const to = map[slot] as number;
      if (to < 0) this.#clear(slot);
      else for (const buffer of this.#columns) this.#put(buffer, to, this.#at(buffer, slot));
    }
    this.#slots = Math.min(slots, this.#slots);
  }

  /** Slabs as they are: chunks are found again by where the slabs lay. */
  async save(writer: SnapshotWriter): Promise<SavedWords> {
    const columns: SavedBytes[] = [];
    for (const buffer of this.#columns) columns.push(await buffer.save(4 * this.#slots, writer));
    const slabs: SavedSlab[] = [];
    for (const slab of this.#slabs) slabs.push({ at: slab.ptr, content: await slab.save(SLAB_BYTES, writer) });
    return { slots: this.#slots, columns, slabs: await writer.list(slabs), free: [...this.#free], room: this.#room };
  }

  restore({ slots, columns, slabs, free, room }: SavedWords, reader: SnapshotReader): void {
    const moved = new MovedSlabs();
    for (const { at, content } of reader.list<SavedSlab>(slabs)) {
      const slab = this.#workspace.buffer();
      slab.restore(content, reader);
      this.#slabs.push(slab);
      moved.add(at, slab.ptr);
    }
    for (const [index, buffer] of this.#columns.entries()) buffer.restore(columns[index] as SavedBytes, reader);
    this.#slots = slots;
    for (let slot = 0; slot < slots; slot++) {
      this.#put(this.#first, slot, this.#moveChain(this.#at(this.#first, slot), moved));
      this.#put(this.#last, slot, moved.now(this.#at(this.#last, slot)));
    }
    for (const [capacity, chunk] of free) this.#free.set(capacity, this.#moveChain(chunk, moved));
    if (room.end !== 0)
      this.#room = { at: moved.now(room.end - 1) + 1 - (room.end - room.at), end: moved.now(room.end - 1) + 1 };
  }

  /** Puts the links of a chain of chunks right. */
  #moveChain(before: Ptr, moved: MovedSlabs): Ptr {
    const { u32 } = this.#workspace.views;
    const first = moved.now(before);
    for (let chunk = first; chunk !== 0; chunk = u32[chunk >>> 2] as number)
      u32[chunk >>> 2] = moved.now(u32[chunk >>> 2] as number);
    return first;
  }

  get #columns(): GrowingBuffer[] {
    return [this.#first, this.#last, this.#counts, this.#limits];
  }

  #append(slot: number, low: number, high: number): void {
    // Reduction is over, or comes later.
    const limit = this.#at(this.#limits, slot);
    this.#put(this.#limits, slot, 0xffff_ffff);
    this.add(slot, low, high);
    this.#put(this.#limits, slot, limit);
  }

  #clear(slot: number): void {
    const { u32 } = this.#workspace.views;
    for (let chunk = this.#at(this.#first, slot); chunk !== 0; ) {
      const next = u32[chunk >>> 2] as number;
      const capacity = u32[(chunk >>> 2) + 1] as number;
      u32[chunk >>> 2] = this.#free.get(capacity) ?? 0;
      this.#free.set(capacity, chunk);
      chunk = next;
    }
    for (const buffer of [this.#first, this.#last, this.#counts]) this.#put(buffer, slot, 0);
  }

  #addChunk(slot: number, last: Ptr): Ptr {
    const { u32 } = this.#workspace.views;
    const before = last === 0 ? 1 : (u32[(last >>> 2) + 1] as number);
    const capacity = Math.min(4 * before, LARGEST_CHUNK);
    const chunk = this.#allocate(capacity);
    u32[chunk >>> 2] = 0;
    u32[(chunk >>> 2) + 1] = capacity;
    u32[(chunk >>> 2) + 2] = 0;
    if (last === 0) this.#put(this.#first, slot, chunk);
    else u32[last >>> 2] = chunk;
    this.#put(this.#last, slot, chunk);
    return chunk;
  }

  #allocate(capacity: number): Ptr {
    const free = this.#free.get(capacity) ?? 0;
    if (free !== 0) {
      this.#free.set(capacity, this.#workspace.views.u32[free >>> 2] as number);
      return free;
    }
    const bytes = HEADER_BYTES + 8 * capacity;
    if (this.#room.at + bytes > this.#room.end) {
      const slab = this.#workspace.buffer();
      const at = slab.reserve(SLAB_BYTES);
      this.#slabs.push(slab);
      this.#room = { at, end: at + SLAB_BYTES };
    }
    const chunk = this.#room.at;
    this.#room.at += bytes;
    return chunk;
  }

  #at(buffer: GrowingBuffer, slot: number): number {
    return this.#workspace.views.u32[(buffer.ptr >>> 2) + slot] as number;
  }

  #put(buffer: GrowingBuffer, slot: number, value: number): void {
    this.#workspace.views.u32[(buffer.ptr >>> 2) + slot] = value;
  }
}

/** Equal words become one. */
export function keepDifferent(u32: Uint32Array, from: number, count: number): number {
  let kept = 0;
  for (let at = from, end = from + 2 * count; at < end; at += 2) {
    const before = from + 2 * (kept - 1);
    if (kept > 0 && u32[before] === u32[at] && u32[before + 1] === u32[at + 1]) continue;
    u32[from + 2 * kept] = u32[at] as number;
    u32[from + 2 * kept + 1] = u32[at + 1] as number;
    kept += 1;
  }
  return kept;
}

/** Words with equal upper halves become one, with the sum of the lower halves. */
export function addUp(u32: Uint32Array, from: number, count: number): number {
  let kept = 0;
  for (let at = from, end = from + 2 * count; at < end; at += 2) {
    const before = from + 2 * (kept - 1);
    const [low, high] = [u32[at] as number, u32[at + 1] as number];
    if (kept > 0 && u32[before + 1] === high && (u32[before] as number) + low < 2 ** 32) {
      u32[before] = (u32[before] as number) + low;
      continue;
    }
    u32[from + 2 * kept] = low;
    u32[from + 2 * kept + 1] = high;
    kept += 1;
  }
  return kept;
}

/** Words with equal upper halves become the last one, whose lower half is the greatest. */
export function keepGreatest(u32: Uint32Array, from: number, count: number): number {
  let kept = 0;
  for (let at = from, end = from + 2 * count; at < end; at += 2) {
    if (kept > 0 && u32[from + 2 * (kept - 1) + 1] === u32[at + 1]) kept -= 1;
    u32[from + 2 * kept] = u32[at] as number;
    u32[from + 2 * kept + 1] = u32[at + 1] as number;
    kept += 1;
  }
  return kept;
}
