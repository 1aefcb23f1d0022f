import type { Arena } from './contract.ts';
import { Control, PAGE_BYTES, Page, PageKind, tagKind, tagPages } from './layout.ts';
import { acquire, release as unlock } from './lock.ts';
import { PageRuns } from './page-runs.ts';

/**
 * Gives back every slab charged to one of the owners, whatever its references, after a crash: when the threads that
 * worked for these owners are gone, nobody is left who would release them. Slabs of other owners stay as they are.
 *
 * @throws ERR_STALLED when a thread died inside the allocator and left it locked
 */
export function releaseOwners(arena: Arena, owners: readonly number[]): void {
  const words = arena.i32;
  const runs = new PageRuns(words, PAGE_BYTES / 4);
  acquire(words, -1);
  const end = words[Control.freshPage] as number;
  for (let page = words[Control.firstPage] as number; page < end; ) {
    const entry = runs.entry(page);
    const tag = words[entry + Page.tag] as number;
    const pages = tagPages(tag);
    const owner = words[entry + Page.link] as number;
    if (tagKind(tag) !== PageKind.free && owners.includes(owner)) {
      Atomics.store(words, entry + Page.references, 0);
      runs.give(page, pages);
      words[Control.usedPages] = (words[Control.usedPages] as number) - pages;
      words[Control.usedSlabs] = (words[Control.usedSlabs] as number) - 1;
      words[Control.ownerPages + owner] = (words[Control.ownerPages + owner] as number) - pages;
    }
    page += pages;
  }
  unlock(words);
}
