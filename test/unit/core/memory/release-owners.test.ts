import { createArena, PAGE_BYTES, releaseOwners } from '@spillway/core/internal';
import { expect, it } from 'vitest';

it('gives back what is charged to an owner, whatever its references, and nothing else', () => {
  const arena = createArena({ maximumBytes: 16 * 2 ** 20 });
  const kept = arena.alloc(3 * PAGE_BYTES, 9);
  arena.u8.fill(7, kept, kept + 3 * PAGE_BYTES);
  const lost = arena.alloc(5 * PAGE_BYTES, 10);
  arena.retain(lost);
  arena.alloc(100, 10);
  arena.alloc(2 * PAGE_BYTES, 11);
  arena.trim();
  releaseOwners(arena, [10, 11]);
  expect([arena.bytesOf(9), arena.bytesOf(10), arena.bytesOf(11), arena.usedSlabs()]).toEqual([
    3 * PAGE_BYTES,
    0,
    0,
    1,
  ]);
  expect(arena.u8.subarray(kept, kept + 3 * PAGE_BYTES).every((byte) => byte === 7)).toBe(true);
  arena.release(kept);
  expect(arena.usedBytes()).toBe(0);
});

it('makes room that can be handed out again', () => {
  const arena = createArena({ maximumBytes: 4 * 2 ** 20 });
  arena.setLimit(2 * 2 ** 20);
  for (let round = 0; round < 50; round += 1) {
    arena.alloc(2 ** 20, 10);
    arena.alloc(200, 10);
    arena.trim();
    releaseOwners(arena, [10]);
  }
  expect(arena.usedSlabs()).toBe(0);
  expect(arena.highWaterBytes()).toBeLessThan(3 * 2 ** 20);
});
