/**
 * Shared memory of one process. One `WebAssembly.Memory` (the arena) is made once, in the main thread, and handed to
 * every worker; all batches in flight lie in it. A pointer (`Ptr`) is a byte offset into it, 0 is null.
 *
 * Ownership: a slab has a reference count. Whoever allocates holds one reference; `retain` adds, `release` drops one,
 * and the last release gives the slab back to its LIFO free list. In debug mode a freed slab is filled with 0xDB.
 */

/** Byte offset into the arena; 0 is null. Always non-negative (up to 2^32), never a signed 32-bit number. */
export type Ptr = number;

/** A shared `WebAssembly.Memory`, by shape, so that published types need no DOM library. */
export interface SharedMemory {
  readonly buffer: SharedArrayBuffer;
}

/** What another thread needs to attach to the arena. Goes through `postMessage`. */
export interface ArenaHandle {
  memory: SharedMemory;
  debug: boolean;
}

/** Who holds the slabs of a run. */
export interface SlabHolders {
  nameOf(owner: number): string | undefined;
  /** Tries to raise the limit by so much. */
  makeRoom(bytes: number): boolean;
  /** The largest holders in one line. */
  describe(): string;
  /** Blocks this thread, for a bounded time, while others give something back: the last thing before a refusal. Whether there is room now. */
  awaitRoom?(bytes: number): boolean;
  /** Who holds most of what neither a flush nor the disk gets back, if anybody does. */
  largestStuck(): { name: string; bytes: number } | undefined;
}

export interface Arena {
  readonly handle: ArenaHandle;
  readonly memory: SharedMemory;
  /** The whole memory, for views; of fixed length (a length-tracking view is 5 × slower). */
  readonly buffer: SharedArrayBuffer;
  readonly u8: Uint8Array;
  readonly i32: Int32Array;

  /**
   * A slab of at least `bytes`, 64-byte aligned, with one reference; its content is arbitrary.
   * Sizes under one page are packed into shared slabs. `owner` is charged (see `bytesOf`).
   * @throws ERR_MEMORY_EXHAUSTED naming the owner, bytes asked, in use and the limit.
   */
  alloc(bytes: number, owner: number): Ptr;
  /** As `alloc`, but 0 when the limit would be passed. */
  tryAlloc(bytes: number, owner: number): Ptr;
  retain(slab: Ptr): void;
  release(slab: Ptr): void;

  /** Bytes of slabs in use now, over all threads. */
  usedBytes(): number;
  /** Bytes from the first slab to the highest address ever handed out: what of the slabs can be resident. */
  highWaterBytes(): number;
  /**
   * Slabs in use now. 0 after every run, once every thread has trimmed (the calling thread's own idle packing slabs are
   * given back by this call).
   */
  usedSlabs(): number;
  /** Bytes that a slab keeps from others: 0 for pieces, which share theirs. */
  slabBytes(slab: Ptr): number;
  /** Bytes charged to one owner (0…255; a stage, a sink, a reader). */
  bytesOf(owner: number): number;
  /** Bytes that slabs in use may not pass; per process, set at the start of a run. */
  setLimit(bytes: number): void;
  limit(): number;

  /** Gives back the slabs this thread packs small pieces into. Every thread calls it when its part of a run is over. */
  trim(): void;
  /** Adds to the limit, or takes from it, in one step. */
  moveLimit(bytes: number): void;
  /** Who answers for the slabs of an owner, in this thread: asked for room before an allocation is refused, and for names. */
  setHolders(owner: number, holders: SlabHolders | undefined): void;

  /** Views of fixed length on the shared memory; `length` in elements, `ptr` a multiple of the element's size. */
  bytesAt(ptr: Ptr, length: number): Uint8Array;
  int32At(ptr: Ptr, length: number): Int32Array;
  uint32At(ptr: Ptr, length: number): Uint32Array;
  int64At(ptr: Ptr, length: number): BigInt64Array;
  uint64At(ptr: Ptr, length: number): BigUint64Array;
  float64At(ptr: Ptr, length: number): Float64Array;
}
