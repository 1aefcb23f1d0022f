import { Worker } from 'node:worker_threads';
import { type Arena, createArena, releaseOwners } from '@spillway/core/internal';
import { expect, it } from 'vitest';
import type { ArenaThreadData } from '#fixtures/arena-thread';
import { type SeededRandom, seededRandom } from '#support/random';

const MIB = 2 ** 20;
const MODULE = new URL('../../../dist/fixtures/arena-thread.js', import.meta.url);

function start(
  arena: Arena,
  random: SeededRandom,
  mailboxes: Int32Array,
  owner: number,
  steps: number,
): { worker: Worker; ready: Promise<void>; exited: Promise<unknown> } {
  const seed = random.integer(0, 2 ** 31 - 1);
  const workerData: ArenaThreadData = { arena: arena.handle, mailboxes, seed, owner, steps };
  const worker = new Worker(MODULE, { workerData });
  const failed = new Promise<never>((_, reject) => worker.once('error', reject));
  const ready = new Promise<void>((resolve) => worker.once('message', () => resolve()));
  const exited = new Promise((resolve) => worker.once('exit', resolve));
  return { worker, ready: Promise.race([ready, failed]), exited: Promise.race([exited, failed]) };
}

function sharedWords(count: number): Int32Array {
  return new Int32Array(new SharedArrayBuffer(count * 4));
}

it('gives no slab to two threads, and counts right to the byte when they are quiet', async () => {
  const random = seededRandom();
  const arena = createArena({ maximumBytes: 64 * MIB });
  arena.setLimit(8 * MIB);
  const mailboxes = sharedWords(24);
  await Promise.all([1, 2, 3].map((owner) => start(arena, random, mailboxes, owner, 20_000).exited));
  for (const slab of mailboxes) if (slab !== 0) arena.release(slab >>> 0);
  expect([arena.usedSlabs(), arena.usedBytes(), arena.bytesOf(1), arena.bytesOf(2), arena.bytesOf(3)]).toEqual([
    0, 0, 0, 0, 0,
  ]);
  expect(arena.highWaterBytes()).toBeLessThan(16 * MIB);
});

it('survives threads that are killed while they allocate', async () => {
  const random = seededRandom();
  const arena = createArena({ maximumBytes: 64 * MIB });
  const kept = arena.alloc(MIB, 9);
  arena.u8.fill(5, kept, kept + MIB);
  for (let round = 0; round < 8; round += 1) {
    const mailboxes = sharedWords(16);
    const threads = [1, 2].map((owner) => start(arena, random, mailboxes, owner, 0));
    await Promise.all(threads.map((thread) => thread.ready));
    await new Promise((resolve) => setTimeout(resolve, random.integer(1, 15)));
    await Promise.all(threads.map((thread) => thread.worker.terminate()));
    releaseOwners(arena, [1, 2]);
    expect([arena.bytesOf(1), arena.bytesOf(2), arena.usedBytes(), arena.usedSlabs()]).toEqual([0, 0, MIB, 1]);
    arena.release(arena.alloc(20 * MIB, 3));
    arena.trim();
  }
  expect(arena.u8.subarray(kept, kept + MIB).every((byte) => byte === 5)).toBe(true);
});

it('breaks the lock that a dead thread holds, and makes lists and counters again', () => {
  const arena = createArena({ maximumBytes: 16 * MIB });
  const slabs = Array.from({ length: 8 }, () => arena.alloc(100_000, 1));
  for (const slab of slabs.slice(2)) arena.release(slab);
  const lockWord = 2;
  const usedPagesWord = 8;
  Atomics.store(arena.i32, lockWord, 77);
  arena.i32[usedPagesWord] = 12_345;
  releaseOwners(arena, [1]);
  expect([arena.usedBytes(), arena.usedSlabs(), arena.bytesOf(1)]).toEqual([0, 0, 0]);
  arena.release(arena.alloc(8 * MIB, 2));
});

it('an allocation takes the lock over from a thread that is no more, and makes good what it left', () => {
  const arena = createArena({ maximumBytes: 16 * MIB });
  const kept = arena.alloc(100_000, 1);
  const [lockWord, usedPagesWord] = [2, 8];
  Atomics.store(arena.i32, lockWord, 2 ** 30);
  arena.i32[usedPagesWord] = 12_345;
  const since = performance.now();
  arena.release(arena.alloc(8 * MIB, 2));
  arena.release(kept);
  expect(performance.now() - since).toBeLessThan(5000);
  expect([arena.usedBytes(), arena.usedSlabs()]).toEqual([0, 0]);
});
