import { PipelineError } from '../errors.ts';
import type { Arena } from './contract.ts';
import { Control, PAGE_BYTES, Page, PageKind, tagKind, tagPages } from './layout.ts';
import { acquire, release as unlock } from './lock.ts';
import { PageRuns } from './page-runs.ts';

/** A live holder that lost its core comes back well within this. */
const DEAD_HOLDER_MS = 500;

/** Takes the lock, from a dead thread if need be, whose half-done step is then repaired. */
function acquireAfterCrash(words: Int32Array, runs: PageRuns): void {
  try {
    acquire(words, -1, { patienceMs: DEAD_HOLDER_MS, repair: () => runs.repair() });
  } catch (error) {
    if (!(error instanceof PipelineError)) throw error;
    Atomics.store(words, Control.lock, -1);
    runs.repair();
  }
}

/**
 * Gives back every slab charged to one of the owners, whatever its references, after a crash: when the threads that
 * worked for these owners are gone, nobody is left who would release them. Slabs of other owners stay as they are. A lock
 * that a thread died with is broken, and what it left half done is repaired.
 */
export function releaseOwners(arena: Arena, owners: readonly number[]): void {
  const words = arena.i32;
  const runs = new PageRuns(words, PAGE_BYTES / 4);
  acquireAfterCrash(words, runs);
  const end = words[Control.freshPage] as number;
  for (let page = words[Control.firstPage] as number; page < end; ) {
    const entry = runs.entry(page);
    const tag = words[entry + Page.tag] as number;
    const pages = tagPages(tag);
    const owner = words[entry + Page.link] as number;
    if (tagKind(tag) !== PageKind.free && owners.includes(owner)) {
      Atomics.store(words, entry + Page.references, 0);
      runs.count(pages, owner, -1);
      runs.give(page, pages);
    }
    page += pages;
  }
  unlock(words);
}
