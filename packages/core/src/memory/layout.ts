/**
 * Where the arena keeps its own state, in the same memory as the slabs, so that every thread sees it.
 *
 * ```
 * 0            16 KiB              16 KiB + 16 × pages             end
 * | control    | page table        | slabs, in pages of 16 KiB …    |
 * ```
 *
 * The page table is touched only as far as pages were handed out (1/1024 of them).
 */

export const PAGE_BYTES = 16_384;
export const PAGE_SHIFT = 14;
/** All slabs, and all pieces packed into a slab, begin at a multiple of this. */
export const SLAB_ALIGNMENT = 64;

/** "SPWY": the memory holds an arena of this layout. */
export const ARENA_MAGIC = 0x53505759;

/** Named words (i32) of the control page. All but the lock and the counters are read and written under the lock. */
export const Control = {
  magic: 0,
  /** Raised by `resetArena`, so that threads forget the slabs they packed into. */
  generation: 1,
  /** 0, or the id of the thread that holds it. */
  lock: 2,
  /** Ids handed out so far. */
  threads: 3,
  pages: 4,
  firstPage: 5,
  /** Pages from here on are not part of any run. */
  freshPage: 6,
  /** Highest value `freshPage` ever had: pages below were touched. */
  highPage: 7,
  usedPages: 8,
  usedSlabs: 9,
  freeRuns: 10,
  /** Runs freed since neighbours were last joined. */
  freedSinceSweep: 11,
  limitLow: 12,
  limitHigh: 13,
  sweeps: 14,
  /** One bit for each class with a free run. */
  classBits: 16,
  /** First free run (page number) of each class, 0 for none. */
  classHeads: 64,
  /** Pages charged to each of the 256 owners. */
  ownerPages: 512,
} as const;

export const OWNER_COUNT = 256;

/** Named words of a page's entry in the page table. Only the first page of a run has all of them set. */
export const Page = {
  /** Kind in the upper bits, number of pages in the lower 20. */
  tag: 0,
  /** References; 0 while free. Changed by atomic operations outside the lock. */
  references: 1,
  /** Owner while used, next free run of the class while free, first page of the slab for `inside`. */
  link: 2,
  words: 4,
} as const;

export const PageKind = {
  free: 1,
  run: 2,
  /** First page of a slab that holds packed pieces. */
  packed: 3,
  /** A further page of such a slab. */
  inside: 4,
  /** Taken from the lists and not yet handed out: seen under the lock only, and after a thread died there. */
  taken: 5,
} as const;

const COUNT_BITS = 20;
const COUNT_MASK = (1 << COUNT_BITS) - 1;

export function makeTag(kind: number, pages: number): number {
  return (kind << COUNT_BITS) | pages;
}

export function tagKind(tag: number): number {
  return tag >> COUNT_BITS;
}

export function tagPages(tag: number): number {
  return tag & COUNT_MASK;
}

/** 1 … 16 pages one by one, then sixteen steps to each doubling, up to 2^18 pages (4 GiB). */
export const CLASS_COUNT = 240;

/** Pages of a run of the class. */
export function classPages(index: number): number {
  return index < 16 ? index + 1 : (17 + (index & 15)) << ((index - 16) >> 4);
}

/** The smallest class that holds so many pages (1 … 2^18). */
export function classAbove(pages: number): number {
  if (pages <= 16) return pages - 1;
  const octave = 27 - Math.clz32(pages - 1);
  return octave * 16 + Math.ceil(pages / (1 << octave)) - 1;
}

/** The largest class that so many pages (1 … 2^18) can serve. */
export function classBelow(pages: number): number {
  const above = classAbove(pages);
  return classPages(above) === pages ? above : above - 1;
}
