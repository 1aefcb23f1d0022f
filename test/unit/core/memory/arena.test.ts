import { type Arena, createArena, PAGE_BYTES, POISON, resetArena } from '@spillway/core/internal';
import { expect, it } from 'vitest';
import { type SeededRandom, seededRandom } from '#support/random';

const MIB = 2 ** 20;

interface Held {
  at: number;
  bytes: number;
}

function randomBytes(random: SeededRandom): number {
  return random.integer(0, random.pick([0, 64, 1_000, PAGE_BYTES - 1, PAGE_BYTES, 100_000, 2 * MIB]));
}

/** Throws when two of the slabs overlap, or one is not where slabs may be. */
function checkApart(held: readonly Held[]): void {
  const sorted = held.toSorted((left, right) => left.at - right.at);
  for (const [index, slab] of sorted.entries()) {
    const next = sorted[index + 1];
    if (slab.at % 64 !== 0 || slab.at < PAGE_BYTES) throw new Error(`slab at ${slab.at}`);
    if (next !== undefined && next.at < slab.at + Math.max(64, slab.bytes))
      throw new Error(`${next.at} is inside ${slab.at} + ${slab.bytes}`);
  }
}

for (const debug of [false, true]) {
  it(`hands out slabs that never overlap, and takes all of them back (debug ${debug})`, () => {
    const random = seededRandom();
    const arena = createArena({ debug, maximumBytes: 512 * MIB });
    const held: Held[] = [];
    for (let step = 0; step < 3_000; step += 1) {
      if (held.length > 60 || random.chance(0.45)) {
        const [slab] = held.splice(random.integer(0, Math.max(0, held.length - 1)), 1);
        if (slab !== undefined) arena.release(slab.at);
      } else {
        const bytes = randomBytes(random);
        held.push({ at: arena.alloc(bytes, random.integer(0, 255)), bytes });
      }
      if (step % 100 === 0) checkApart(held);
    }
    for (const slab of held) arena.release(slab.at);
    arena.trim();
    const charged = Array.from({ length: 256 }, (_, owner) => arena.bytesOf(owner)).filter((bytes) => bytes !== 0);
    expect([arena.usedSlabs(), arena.usedBytes(), charged]).toEqual([0, 0, []]);
  });
}

it('charges slabs of a page and more with at most a fifth of waste', () => {
  const arena = createArena();
  for (let bytes = 5 * PAGE_BYTES; bytes < 40 * MIB; bytes = Math.ceil(bytes * 1.07)) {
    const before = arena.usedBytes();
    const slab = arena.alloc(bytes, 1);
    expect((arena.usedBytes() - before - bytes) / bytes).toBeLessThanOrEqual(0.2);
    arena.release(slab);
  }
});

it('packs small pieces into one slab', () => {
  const arena = createArena();
  const pieces = Array.from({ length: 50 }, () => arena.alloc(1_000, 3));
  expect(arena.usedSlabs()).toBe(1);
  for (const piece of pieces) arena.release(piece);
  expect([arena.usedSlabs(), arena.usedBytes()]).toEqual([0, 0]);
});

it('keeps a packed slab as long as one piece of it is held', () => {
  const arena = createArena();
  const [first, second] = [arena.alloc(100, 1), arena.alloc(100, 1)];
  arena.trim();
  arena.release(first);
  expect(arena.usedSlabs()).toBe(1);
  arena.retain(second);
  arena.release(second);
  expect(arena.usedSlabs()).toBe(1);
  arena.release(second);
  expect(arena.usedSlabs()).toBe(0);
});

it('charges each owner exactly what it holds', () => {
  const arena = createArena();
  const one = arena.alloc(3 * PAGE_BYTES, 1);
  const two = arena.alloc(PAGE_BYTES, 2);
  expect([arena.bytesOf(1), arena.bytesOf(2), arena.usedBytes()]).toEqual([3 * PAGE_BYTES, PAGE_BYTES, 4 * PAGE_BYTES]);
  arena.release(one);
  expect([arena.bytesOf(1), arena.bytesOf(2)]).toEqual([0, PAGE_BYTES]);
  arena.release(two);
});

it('gives the slab that was freed last to the next request of its size', () => {
  const arena = createArena();
  const [first, second] = [arena.alloc(MIB, 1), arena.alloc(MIB, 1)];
  arena.release(first);
  arena.release(second);
  expect([arena.alloc(MIB, 1), arena.alloc(MIB, 1)]).toEqual([second, first]);
});

it('joins free neighbours before it touches fresh memory', () => {
  const arena = createArena();
  const small = Array.from({ length: 64 }, () => arena.alloc(4 * PAGE_BYTES, 1));
  const high = arena.highWaterBytes();
  for (const slab of small) arena.release(slab);
  const large = arena.alloc(256 * PAGE_BYTES, 1);
  expect(arena.highWaterBytes()).toBe(high);
  arena.release(large);
});

it('splits a larger free run before it touches fresh memory', () => {
  const arena = createArena();
  arena.release(arena.alloc(8 * MIB, 1));
  const guard = arena.alloc(8 * MIB, 1);
  arena.release(guard);
  const high = arena.highWaterBytes();
  const small = Array.from({ length: 100 }, () => arena.alloc(2 * PAGE_BYTES, 1));
  expect(arena.highWaterBytes()).toBe(high);
  for (const slab of small) arena.release(slab);
});

it('keeps the high water near what is in use when sizes change for ever', () => {
  const random = seededRandom();
  const arena = createArena();
  const held: number[] = [];
  for (let step = 0; step < 20_000; step += 1) {
    if (held.length >= 32) arena.release(held.splice(random.integer(0, 31), 1)[0] as number);
    held.push(arena.alloc(random.integer(PAGE_BYTES, MIB), 1));
  }
  expect(arena.highWaterBytes()).toBeLessThan(32 * MIB);
});

it('never passes its limit, and says who holds what when it refuses', () => {
  const arena = createArena();
  arena.setLimit(MIB);
  const names = ['', 'hourly', 'join'];
  const describe = (): string => 'join 768.0 KiB';
  const holders = { nameOf: (of: number) => names[of], makeRoom: () => false, describe, largestStuck: () => undefined };
  for (const owner of [1, 2]) arena.setHolders(owner, holders);
  const held = arena.alloc(768 * 1024, 2);
  expect(arena.tryAlloc(512 * 1024, 1)).toBe(0);
  expect(() => arena.alloc(512 * 1024, 1)).toThrowError(
    expect.objectContaining({
      code: 'ERR_MEMORY_EXHAUSTED',
      message: 'hourly asked 512.0 KiB, holds 0 B; 768.0 KiB of 1.0 MiB in use (join 768.0 KiB)',
    }),
  );
  arena.release(held);
  arena.release(arena.alloc(MIB, 1));
});

it('gives its idle packing slabs up before it refuses', () => {
  const arena = createArena();
  arena.setLimit(4 * PAGE_BYTES);
  arena.release(arena.alloc(10, 1));
  arena.release(arena.alloc(4 * PAGE_BYTES, 2));
});

it('keeps a limit beyond 32 bits', () => {
  const arena = createArena();
  expect(arena.limit()).toBe(Number.MAX_SAFE_INTEGER);
  arena.setLimit(3 * 2 ** 30 + 5);
  expect(arena.limit()).toBe(3 * 2 ** 30 + 5);
});

it('works above 2 GiB, up to the end of its memory, which is never a slab', () => {
  const arena = createArena();
  const low = arena.alloc(2.5 * 2 ** 30, 1);
  const high = arena.alloc(PAGE_BYTES, 1);
  expect(high).toBeGreaterThan(2 ** 31);
  arena.u8[high] = 7;
  arena.retain(high);
  arena.release(high);
  expect([arena.bytesAt(high, 1)[0], arena.usedSlabs()]).toEqual([7, 2]);
  const slabs = [low, high];
  for (let slab = arena.tryAlloc(256 * MIB, 1); slab !== 0; slab = arena.tryAlloc(256 * MIB, 1)) slabs.push(slab);
  for (let slab = arena.tryAlloc(PAGE_BYTES, 1); slab !== 0; slab = arena.tryAlloc(PAGE_BYTES, 1)) slabs.push(slab);
  expect(Math.max(...slabs) + PAGE_BYTES).toBeLessThan(2 ** 32);
  for (const slab of slabs) arena.release(slab);
  expect(arena.usedSlabs()).toBe(0);
});

it('takes a smaller memory than asked, down to what it is given', () => {
  const arena = createArena({ maximumBytes: 2 * MIB });
  expect(arena.buffer.byteLength).toBe(2 * MIB);
  expect(arena.tryAlloc(4 * MIB, 1)).toBe(0);
});

it('refuses a second release of a slab', () => {
  const arena = createArena();
  const slab = arena.alloc(PAGE_BYTES, 1);
  arena.release(slab);
  expect(() => arena.release(slab)).toThrow(/no slab in use/);
  expect(() => arena.retain(slab)).toThrow(/no slab in use/);
});

it('is empty after a reset, and goes on working', () => {
  const arena = createArena();
  arena.alloc(100, 1);
  arena.alloc(MIB, 1);
  const high = arena.highWaterBytes();
  resetArena(arena);
  expect([arena.usedSlabs(), arena.usedBytes(), arena.bytesOf(1), arena.highWaterBytes()]).toEqual([0, 0, 0, high]);
  arena.release(arena.alloc(100, 1));
  expect(arena.usedSlabs()).toBe(0);
});

function debugArena(): Arena {
  return createArena({ debug: true, maximumBytes: 16 * MIB });
}

it('poisons a slab and a piece as soon as they are released, in debug mode', () => {
  const arena = debugArena();
  for (const bytes of [100, PAGE_BYTES]) {
    const keepsSlab = arena.alloc(100, 1);
    const slab = arena.alloc(bytes, 1);
    arena.u8.fill(1, slab, slab + bytes);
    arena.release(slab);
    expect(arena.u8.subarray(slab, slab + bytes).every((byte) => byte === POISON)).toBe(true);
    arena.release(keepsSlab);
  }
});

it('catches a second release of a piece while its slab is in use, in debug mode', () => {
  const arena = debugArena();
  const keepsSlab = arena.alloc(100, 1);
  const piece = arena.alloc(100, 1);
  arena.release(piece);
  expect(() => arena.release(piece)).toThrow(/released twice/);
  arena.release(keepsSlab);
});
