/**
 * The page allocator: runs of pages in segregated LIFO free lists. It is its own file because everything in it assumes
 * that the caller holds the arena's lock; nothing outside may touch the lists.
 *
 * A request is rounded up to a class (at most 1/17 wasted) and served, in this order, by
 *   1. the last run freed in that class: still in cache, and no bookkeeping;
 *   2. pages that were touched before and given back whole;
 *   3. the smallest larger free run, split;
 *   4. free neighbours, joined by a walk over all runs, when these are few or enough was freed to pay for it;
 *   5. pages never touched before, which raises the resident memory for good.
 * Where 5 would pass the limit or the end of memory, the walk of 4 is made whatever it costs.
 *
 * Tags tile the pages at every instant, also between two writes of one operation: a thread that is killed inside leaves
 * lists and counters wrong, but `repair` makes them again from the tags.
 */
import {
  CLASS_COUNT,
  Control,
  classAbove,
  classBelow,
  makeTag,
  OWNER_COUNT,
  Page,
  PageKind,
  tagKind,
  tagPages,
} from './layout.ts';

/** A walk over so few runs costs no more than touching a fresh page does. */
const CHEAP_SWEEP_RUNS = 512;
const BIT_WORDS = Math.ceil(CLASS_COUNT / 32);

export class PageRuns {
  readonly #words: Int32Array;
  readonly #table: number;

  /** `tableWord` is the index of page 0's entry in `words`. */
  constructor(words: Int32Array, tableWord: number) {
    this.#words = words;
    this.#table = tableWord;
  }

  /** Index of a page's entry. */
  entry(page: number): number {
    return this.#table + page * Page.words;
  }

  /** First page of a run of `pages`, which is the size of a class; or 0. Fresh memory beyond `limitPages` is taken only after a sweep. */
  take(wanted: number, limitPages: number): number {
    const words = this.#words;
    let page =
      this.#takeExact(wanted) || this.#takeFresh(wanted, this.#at(Control.highPage)) || this.#takeLarger(wanted);
    if (page !== 0) return page;
    if (this.#isSweepWorth(wanted, limitPages)) {
      this.sweep();
      page = this.#takeFresh(wanted, this.#at(Control.highPage)) || this.#takeExact(wanted) || this.#takeLarger(wanted);
      if (page !== 0) return page;
    }
    page = this.#takeFresh(wanted, this.#at(Control.pages));
    if (page !== 0 && this.#at(Control.freshPage) > this.#at(Control.highPage))
      words[Control.highPage] = this.#at(Control.freshPage);
    return page;
  }

  /** Whether to join free neighbours before the resident memory grows for good. */
  #isSweepWorth(wanted: number, limitPages: number): boolean {
    const fresh = this.#at(Control.freshPage);
    const first = this.#at(Control.firstPage);
    const freed = this.#at(Control.freedSinceSweep);
    const freePages = fresh - first - this.#at(Control.usedPages);
    if (freed === 0 || freePages < wanted) return false;
    if (fresh + wanted > Math.min(first + limitPages, this.#at(Control.pages))) return true;
    const runs = this.#at(Control.freeRuns) + this.#at(Control.usedSlabs);
    return runs <= CHEAP_SWEEP_RUNS || freed * 4 >= runs;
  }

  /** Gives a run back to the list of its class. */
  give(page: number, pages: number): void {
    this.#push(page, pages);
    this.#words[Control.freedSinceSweep] = this.#at(Control.freedSinceSweep) + 1;
  }

  /** Joins free neighbours; lowest addresses first in every list, so that the high end empties. */
  sweep(): void {
    const words = this.#words;
    const tails = new Int32Array(CLASS_COUNT);
    words.fill(0, Control.classHeads, Control.classHeads + CLASS_COUNT);
    words.fill(0, Control.classBits, Control.classBits + BIT_WORDS);
    words[Control.freeRuns] = 0;
    const end = this.#at(Control.freshPage);
    let page = this.#at(Control.firstPage);
    while (page < end) {
      const from = page;
      while (page < end && tagKind(this.#tag(page)) === PageKind.free) page += tagPages(this.#tag(page));
      if (page === end && page > from) words[Control.freshPage] = from;
      else if (page > from) this.#append(from, page - from, tails);
      else page += tagPages(this.#tag(page));
    }
    words[Control.freedSinceSweep] = 0;
    words[Control.sweeps] = this.#at(Control.sweeps) + 1;
  }

  /**
   * Makes lists and counters again from the tags, after a thread was killed inside. What it had taken and not yet handed
   * out becomes free.
   */
  repair(): void {
    const words = this.#words;
    words.fill(0, Control.ownerPages, Control.ownerPages + OWNER_COUNT);
    words[Control.usedPages] = 0;
    words[Control.usedSlabs] = 0;
    const end = this.#at(Control.freshPage);
    for (let page = this.#at(Control.firstPage); page < end; ) {
      const at = this.entry(page);
      const pages = tagPages(this.#at(at + Page.tag));
      const kind = tagKind(this.#at(at + Page.tag));
      if (kind === PageKind.run || kind === PageKind.packed) this.count(pages, this.#at(at + Page.link), 1);
      else words[at + Page.tag] = makeTag(PageKind.free, pages);
      page += pages;
    }
    this.sweep();
  }

  /** Counts a run of an owner as used (`sign` 1) or as no longer used (-1). */
  count(pages: number, owner: number, sign: 1 | -1): void {
    const words = this.#words;
    words[Control.usedPages] = this.#at(Control.usedPages) + sign * pages;
    words[Control.usedSlabs] = this.#at(Control.usedSlabs) + sign;
    words[Control.ownerPages + owner] = this.#at(Control.ownerPages + owner) + sign * pages;
  }

  #at(word: number): number {
    return this.#words[word] as number;
  }

  #tag(page: number): number {
    return this.#words[this.entry(page) + Page.tag] as number;
  }

  #takeFresh(pages: number, end: number): number {
    const page = this.#at(Control.freshPage);
    if (page + pages > end) return 0;
    this.#words[this.entry(page) + Page.tag] = makeTag(PageKind.taken, pages);
    this.#words[Control.freshPage] = page + pages;
    return page;
  }

  #takeExact(pages: number): number {
    return this.#pop(classBelow(pages), pages);
  }

  #takeLarger(pages: number): number {
    const first = classAbove(pages) + 1;
    for (let word = first >> 5; word < BIT_WORDS; word++) {
      let bits = this.#at(Control.classBits + word);
      if (word === first >> 5) bits &= -1 << (first & 31);
      if (bits !== 0) return this.#pop(word * 32 + 31 - Math.clz32(bits & -bits), pages);
    }
    return 0;
  }

  #pop(index: number, pages: number): number {
    const words = this.#words;
    const head = Control.classHeads + index;
    const page = this.#at(head);
    if (page === 0) return 0;
    const at = this.entry(page);
    const next = this.#at(at + Page.link);
    words[head] = next;
    if (next === 0) this.#setBit(index, false);
    words[Control.freeRuns] = this.#at(Control.freeRuns) - 1;
    const spare = tagPages(this.#at(at + Page.tag)) - pages;
    // The rest is described before the run shrinks, so that tags tile at every instant.
    if (spare > 0) this.#push(page + pages, spare);
    words[at + Page.tag] = makeTag(PageKind.taken, pages);
    return page;
  }

  #push(page: number, pages: number): void {
    const index = classBelow(pages);
    const head = Control.classHeads + index;
    this.#describeFree(page, pages, this.#at(head));
    this.#words[head] = page;
    this.#setBit(index, true);
  }

  #append(page: number, pages: number, tails: Int32Array): void {
    const index = classBelow(pages);
    this.#describeFree(page, pages, 0);
    const tail = tails[index] as number;
    if (tail === 0) {
      this.#words[Control.classHeads + index] = page;
      this.#setBit(index, true);
    } else this.#words[this.entry(tail) + Page.link] = page;
    tails[index] = page;
  }

  #describeFree(page: number, pages: number, next: number): void {
    const at = this.entry(page);
    this.#words[at + Page.tag] = makeTag(PageKind.free, pages);
    this.#words[at + Page.references] = 0;
    this.#words[at + Page.link] = next;
    this.#words[Control.freeRuns] = this.#at(Control.freeRuns) + 1;
  }

  #setBit(index: number, set: boolean): void {
    const word = Control.classBits + (index >> 5);
    const bit = 1 << (index & 31);
    this.#words[word] = set ? this.#at(word) | bit : this.#at(word) & ~bit;
  }
}
