/** What happens to the operators of a lane when its thread dies after a barrier: saved, lost, and taken up by new ones. */
import {
  type Arena,
  type Batch,
  LaneSpill,
  recoveryOf,
  restoreOperators,
  SnapshotFiles,
  SnapshotSource,
  type Spill,
  type StageChain,
  saveOperators,
} from '@spillway/core/internal';
import { expect } from 'vitest';

export interface RestartParts {
  arena: Arena;
  /** What the operators spill with, if anything. */
  spill: Spill | undefined;
  /** Where snapshots go. */
  folder: string;
  /** Files of snapshots, which stay as long as they may be needed: they are no business of the operators. */
  kept: Set<string>;
  build(): Promise<StageChain>;
  /** What comes out from now on counts, or does not. */
  setListening(isListening: boolean): void;
}

/** A batch and where it goes. */
export interface Pushed {
  batch: Batch;
  port: number | undefined;
}

/** An iterator that can be looked into. */
export class Ahead<T> implements Iterator<T, void> {
  readonly #items: Iterator<T, void>;
  readonly #ahead: T[] = [];

  constructor(items: Iterator<T, void>) {
    this.#items = items;
  }

  next(): IteratorResult<T, void> {
    return this.#ahead.length > 0 ? { done: false, value: this.#ahead.shift() as T } : this.#items.next();
  }

  /** The next ones, at most so many, which come all the same. */
  peek(count: number): T[] {
    while (this.#ahead.length < count) {
      const next = this.#items.next();
      if (next.done === true) break;
      this.#ahead.push(next.value);
    }
    return this.#ahead.slice(0, count);
  }
}

let snapshots = 0;

/**
 * Saves a chain, and gives one that goes on from there. `lost`: what another one got first, which then died too; the batches stay the
 * caller's. `ended`: ports that have ended.
 */
export async function restartChain(
  chain: StageChain,
  parts: RestartParts,
  ended: readonly number[],
  lost: readonly Pushed[] = [],
): Promise<StageChain> {
  const { arena, folder, kept, setListening } = parts;
  expect(['snapshot', 'stateless']).toEqual(expect.arrayContaining(chain.operators.map(recoveryOf)));
  const own = new LaneSpill({ folder, lane: `at-${snapshots++}` });
  const files = new SnapshotFiles(arena, own, 'test');
  const saved = structuredClone(await saveOperators(chain.operators, files));
  const names = files.finish();
  for (const { path } of names) kept.add(path);
  await chain.close();
  const restored = async (): Promise<StageChain> => {
    const next = await parts.build();
    const source = new SnapshotSource(arena, parts.spill ?? own, 'test', names);
    // As it comes from the main thread: what is done with it changes nothing there.
    await restoreOperators(next.operators, structuredClone(saved), source);
    source.close();
    return next;
  };
  if (lost.length > 0) {
    setListening(false);
    const dead = await restored();
    for (const port of ended) await dead.endInput(port);
    for (const { batch, port } of lost) await dead.push(batch.retain(), port);
    await dead.close();
    setListening(true);
  }
  const next = await restored();
  for (const port of ended) await next.endInput(port);
  return next;
}
