/**
 * The arena: what a thread sees of the shared memory. Slabs of a page and more are runs of pages; smaller ones are
 * pieces, packed by bumping a cursor through a slab that belongs to one thread and one owner until it is full. A packed
 * slab counts one reference for each live piece and one while it is open.
 *
 * Only `take` and `give` of page runs hold the lock. Reference counts are atomic words of the page table: the thread
 * whose decrement finds 1 is the only one left that knows the slab, so it alone frees it.
 *
 * In debug mode a piece has a header of 64 bytes with its own count, so that a second release of it is caught and its
 * bytes are poisoned at once, not when the whole slab is free.
 */
import assert from 'node:assert';
import type { Arena, ArenaHandle, Ptr, SharedMemory, SlabHolders } from './contract.ts';
import {
  ARENA_MAGIC,
  Control,
  classAbove,
  classPages,
  makeTag,
  OWNER_COUNT,
  PAGE_BYTES,
  PAGE_SHIFT,
  Page,
  PageKind,
  SLAB_ALIGNMENT,
  tagKind,
  tagPages,
} from './layout.ts';
import { acquire, type LockOptions, lockHolder, release as unlock } from './lock.ts';
import { PageRuns } from './page-runs.ts';
import { refuseSlab } from './refuse-slab.ts';

export const POISON = 0xdb;
/** Pages of a slab that pieces are packed into. */
const PACKED_PAGES = 4;
/** Open packed slabs a thread keeps, one an owner; the one unused longest is closed first. */
const OPEN_SLABS = 4;
const PIECE_MAGIC = 0x50494543;

interface OpenSlab {
  page: number;
  cursor: number;
  end: number;
}

export class SharedArena implements Arena {
  readonly handle: ArenaHandle;
  readonly memory: SharedMemory;
  readonly buffer: SharedArrayBuffer;
  readonly u8: Uint8Array;
  readonly i32: Int32Array;
  readonly threadId: number;
  readonly #runs: PageRuns;
  readonly #debug: boolean;
  /** What this thread holds the lock by. */
  readonly #holder: number;
  readonly #lockOptions: LockOptions;
  readonly #open = new Map<number, OpenSlab>();
  #generation: number;
  readonly #holders: (SlabHolders | undefined)[] = [];
  readonly #limit: BigInt64Array;

  constructor(handle: ArenaHandle) {
    this.handle = handle;
    this.memory = handle.memory;
    this.buffer = handle.memory.buffer;
    this.u8 = new Uint8Array(this.buffer);
    this.i32 = new Int32Array(this.buffer);
    this.#limit = new BigInt64Array(this.buffer, Control.limitLow * 4, 1);
    assert.equal(this.i32[Control.magic], ARENA_MAGIC, 'the memory holds no arena');
    this.#debug = handle.debug;
    this.#runs = new PageRuns(this.i32, PAGE_BYTES / 4);
    this.#generation = Atomics.load(this.i32, Control.generation);
    this.threadId = Atomics.add(this.i32, Control.threads, 1) + 1;
    this.#holder = lockHolder(this.threadId);
    this.#lockOptions = { repair: () => this.#runs.repair() };
  }

  alloc(bytes: number, owner: number): Ptr {
    return (
      this.tryAlloc(bytes, owner) ||
      this.#allocLater(bytes, owner) ||
      refuseSlab(this, this.#holders[owner], bytes, owner)
    );
  }

  tryAlloc(bytes: number, owner: number): Ptr {
    if (!(bytes >= 0 && bytes <= 2 ** 32 && owner >= 0 && owner < OWNER_COUNT))
      assert.fail(`alloc(${bytes}, ${owner})`);
    if (bytes < PAGE_BYTES) return this.#allocPiece(bytes, owner);
    const pages = Math.ceil(bytes / PAGE_BYTES);
    return this.#takeRunOrRoom(pages, owner, PageKind.run) * PAGE_BYTES;
  }

  retain(slab: Ptr): void {
    if (this.#debug) this.#retainPiece(slab);
    const before = Atomics.add(this.i32, this.#headOf(slab) + Page.references, 1);
    if (before <= 0) assert.fail(`retain of the free slab ${slab}`);
  }

  release(slab: Ptr): void {
    if (this.#debug) this.#releasePiece(slab);
    this.#releaseHead(this.#headOf(slab), slab);
  }

  usedBytes(): number {
    return Atomics.load(this.i32, Control.usedPages) * PAGE_BYTES;
  }

  highWaterBytes(): number {
    return (Atomics.load(this.i32, Control.highPage) - (this.i32[Control.firstPage] as number)) * PAGE_BYTES;
  }

  usedSlabs(): number {
    this.#trimIdle();
    return Atomics.load(this.i32, Control.usedSlabs);
  }

  slabBytes(slab: Ptr): number {
    const tag = this.i32[this.#headOf(slab) + Page.tag] as number;
    return tagKind(tag) === PageKind.run ? tagPages(tag) * PAGE_BYTES : 0;
  }

  bytesOf(owner: number): number {
    return Atomics.load(this.i32, Control.ownerPages + owner) * PAGE_BYTES;
  }

  setLimit(bytes: number): void {
    if (bytes < 0) assert.fail(`setLimit(${bytes})`);
    Atomics.store(this.#limit, 0, BigInt(Math.min(Math.floor(bytes), Number.MAX_SAFE_INTEGER)));
  }

  moveLimit(bytes: number): void {
    Atomics.add(this.#limit, 0, BigInt(Math.floor(bytes)));
  }

  limit(): number {
    return Atomics.load(this.i32, Control.limitHigh) * 2 ** 32 + (Atomics.load(this.i32, Control.limitLow) >>> 0);
  }

  trim(): void {
    for (const owner of this.#open.keys()) this.#closeSlab(owner);
  }

  setHolders(owner: number, holders: SlabHolders | undefined): void {
    this.#holders[owner] = holders;
  }

  bytesAt(ptr: Ptr, length: number): Uint8Array {
    return new Uint8Array(this.buffer, ptr, length);
  }

  int32At(ptr: Ptr, length: number): Int32Array {
    return new Int32Array(this.buffer, ptr, length);
  }

  uint32At(ptr: Ptr, length: number): Uint32Array {
    return new Uint32Array(this.buffer, ptr, length);
  }

  int64At(ptr: Ptr, length: number): BigInt64Array {
    return new BigInt64Array(this.buffer, ptr, length);
  }

  uint64At(ptr: Ptr, length: number): BigUint64Array {
    return new BigUint64Array(this.buffer, ptr, length);
  }

  float64At(ptr: Ptr, length: number): Float64Array {
    return new Float64Array(this.buffer, ptr, length);
  }

  /** Page-table entry of the slab that a slab or piece pointer belongs to. */
  #headOf(slab: Ptr): number {
    const at = this.#runs.entry(slab >>> PAGE_SHIFT);
    const kind = tagKind(this.i32[at + Page.tag] as number);
    if (!(kind !== 0 && kind !== PageKind.free && slab % SLAB_ALIGNMENT === 0))
      assert.fail(`${slab} is no slab in use`);
    return kind === PageKind.inside ? this.#runs.entry(this.i32[at + Page.link] as number) : at;
  }

  #pageOfEntry(entry: number): number {
    return (entry - this.#runs.entry(0)) / Page.words;
  }

  #releaseHead(entry: number, slab: Ptr): void {
    const before = Atomics.sub(this.i32, entry + Page.references, 1);
    if (before > 1) return;
    if (before < 1) Atomics.add(this.i32, entry + Page.references, 1);
    if (before !== 1) assert.fail(`slab ${slab} was released twice`);
    const page = this.#pageOfEntry(entry);
    const pages = tagPages(this.i32[entry + Page.tag] as number);
    // Before the lock: until `give` nobody else can be handed this memory.
    if (this.#debug) this.u8.fill(POISON, page * PAGE_BYTES, (page + pages) * PAGE_BYTES);
    this.#giveRun(page, pages, this.i32[entry + Page.link] as number);
  }

  #giveRun(page: number, pages: number, owner: number): void {
    const words = this.i32;
    acquire(words, this.#holder, this.#lockOptions);
    this.#runs.give(page, pages);
    this.#runs.count(pages, owner, -1);
    unlock(words);
  }

  /** A run; else once more with what this thread packs into and needs no more; else with room that others give. */
  #takeRunOrRoom(pages: number, owner: number, kind: number): number {
    const page = this.#takeRun(pages, owner, kind) || (this.#trimIdle() ? this.#takeRun(pages, owner, kind) : 0);
    if (page !== 0) return page;
    const bytes = classPages(classAbove(Math.min(pages, this.i32[Control.pages] as number))) * PAGE_BYTES;
    const missing = this.usedBytes() + bytes - this.limit();
    return missing > 0 && this.#holders[owner]?.makeRoom(missing) ? this.#takeRun(pages, owner, kind) : 0;
  }

  #takeRun(atLeast: number, owner: number, kind: number): number {
    const words = this.i32;
    const limitPages = Math.floor(this.limit() / PAGE_BYTES);
    if (atLeast > (words[Control.pages] as number)) return 0;
    const pages = classPages(classAbove(atLeast));
    acquire(words, this.#holder, this.#lockOptions);
    const fits = (words[Control.usedPages] as number) + pages <= limitPages;
    const page = fits ? this.#runs.take(pages, limitPages) : 0;
    if (page !== 0) this.#charge(page, pages, owner, kind);
    unlock(words);
    return page;
  }

  /** Under the lock. */
  #charge(page: number, pages: number, owner: number, kind: number): void {
    const words = this.i32;
    const entry = this.#runs.entry(page);
    words[entry + Page.link] = owner;
    words[entry + Page.references] = 1;
    // Last: from here on the run is in use, whatever happens to this thread.
    words[entry + Page.tag] = makeTag(kind, pages);
    for (let inside = 1; kind === PageKind.packed && inside < pages; inside++) {
      const at = this.#runs.entry(page + inside);
      words[at + Page.tag] = makeTag(PageKind.inside, 0);
      words[at + Page.link] = page;
    }
    this.#runs.count(pages, owner, 1);
  }

  #allocPiece(bytes: number, owner: number): Ptr {
    const header = this.#debug ? SLAB_ALIGNMENT : 0;
    const size = Math.max(SLAB_ALIGNMENT, Math.ceil(bytes / SLAB_ALIGNMENT) * SLAB_ALIGNMENT) + header;
    if (size > PAGE_BYTES) return this.tryAlloc(PAGE_BYTES, owner);
    const slab = this.#slabWithRoom(size, owner);
    if (slab === undefined) return 0;
    Atomics.add(this.i32, this.#runs.entry(slab.page) + Page.references, 1);
    const ptr = slab.cursor + header;
    slab.cursor += size;
    if (this.#debug) this.i32.set([PIECE_MAGIC, 1, size - header], (ptr - header) / 4);
    return ptr;
  }

  #slabWithRoom(size: number, owner: number): OpenSlab | undefined {
    if (this.#generation !== Atomics.load(this.i32, Control.generation)) this.#forget();
    const open = this.#open.get(owner);
    if (open !== undefined) {
      // All pieces are gone: begin again at the front, which is still in cache.
      if (Atomics.load(this.i32, this.#runs.entry(open.page) + Page.references) === 1)
        open.cursor = open.page * PAGE_BYTES;
      if (open.cursor + size <= open.end) return open;
      this.#closeSlab(owner);
    }
    return this.#openSlab(owner);
  }

  #openSlab(owner: number): OpenSlab | undefined {
    if (this.#open.size >= OPEN_SLABS) this.#closeSlab(this.#open.keys().next().value as number);
    const page = this.#takeRun(PACKED_PAGES, owner, PageKind.packed) || this.#takeRunOrRoom(1, owner, PageKind.packed);
    if (page === 0) return undefined;
    const pages = tagPages(this.i32[this.#runs.entry(page) + Page.tag] as number);
    const slab = { page, cursor: page * PAGE_BYTES, end: (page + pages) * PAGE_BYTES };
    this.#open.set(owner, slab);
    return slab;
  }

  #closeSlab(owner: number): void {
    if (this.#generation !== Atomics.load(this.i32, Control.generation)) this.#forget();
    const slab = this.#open.get(owner);
    if (slab === undefined) return;
    this.#open.delete(owner);
    this.#releaseHead(this.#runs.entry(slab.page), slab.page * PAGE_BYTES);
  }

  /** Closes this thread's open slabs that hold no piece. */
  #trimIdle(): boolean {
    if (this.#generation !== Atomics.load(this.i32, Control.generation)) this.#forget();
    let closed = false;
    for (const [owner, slab] of this.#open) {
      if (Atomics.load(this.i32, this.#runs.entry(slab.page) + Page.references) !== 1) continue;
      this.#closeSlab(owner);
      closed = true;
    }
    return closed;
  }

  /** After a reset the slabs are gone already. */
  #forget(): void {
    this.#open.clear();
    this.#generation = Atomics.load(this.i32, Control.generation);
  }

  #isPiece(slab: Ptr): boolean {
    const kind = tagKind(this.i32[this.#runs.entry(slab >>> PAGE_SHIFT) + Page.tag] as number);
    return kind === PageKind.packed || kind === PageKind.inside;
  }

  #retainPiece(slab: Ptr): void {
    if (!this.#isPiece(slab)) return;
    const at = slab / 4 - SLAB_ALIGNMENT / 4;
    if (!(this.i32[at] === PIECE_MAGIC && Atomics.add(this.i32, at + 1, 1) > 0))
      assert.fail(`retain of the free piece ${slab}`);
  }

  #releasePiece(slab: Ptr): void {
    if (!this.#isPiece(slab)) return;
    const at = slab / 4 - SLAB_ALIGNMENT / 4;
    if (this.i32[at] !== PIECE_MAGIC) assert.fail(`${slab} is no piece in use, or was released twice`);
    const before = Atomics.sub(this.i32, at + 1, 1);
    if (before <= 0) assert.fail(`piece ${slab} was released twice`);
    if (before > 1) return;
    this.u8.fill(POISON, slab, slab + (this.i32[at + 2] as number));
    this.i32[at] = 0;
  }

  /** When others have given something back. */
  #allocLater(bytes: number, owner: number): Ptr {
    const pages = Math.min(Math.max(1, Math.ceil(bytes / PAGE_BYTES)), this.i32[Control.pages] as number);
    const room = classPages(classAbove(pages)) * PAGE_BYTES;
    return this.#holders[owner]?.awaitRoom?.(room) ? this.tryAlloc(bytes, owner) : 0;
  }
}
