import { type Arena, createArena, MAIN_SCOPE, MemoryPool, poolBytes } from '@spillway/core/internal';
import { beforeEach, describe, expect, it } from 'vitest';

const KIB = 1024;
const MIB = 2 ** 20;
const CONTROL = 1;
const JOIN = 2;
let arena: Arena;
let pool: MemoryPool;

/** 10 MiB, 6 of which are the arena's and 2 of these promised; the main thread lends. */
beforeEach(() => {
  arena = createArena({ maximumBytes: 64 * MIB });
  const consumers = [
    { stage: 'join', name: 'heap of lane 0', scope: 0 },
    { stage: 'join', name: 'heap of lane 1', scope: 1, operators: ['filter', 'distinct'] },
    { stage: 'main thread', name: 'heap', scope: MAIN_SCOPE, lends: true },
    { stage: 'collect', name: 'results', scope: MAIN_SCOPE },
  ];
  const owners = [{ owner: JOIN, stage: 'join' }];
  pool = new MemoryPool(arena, { at: arena.alloc(poolBytes(consumers.length), CONTROL), consumers, owners });
  pool.begin({ limitBytes: 10 * MIB, arenaBytes: 6 * MIB, promisedBytes: 2 * MIB });
  arena.setLimit(6 * MIB);
  arena.setHolders(JOIN, pool);
});

describe('a reservation', () => {
  it('grows while the whole stays inside the limit, and not beyond', () => {
    const heap = pool.consumer(0).reserve();
    expect(heap.tryGrow(3 * MIB)).toBe(true);
    expect(
      pool
        .consumer(1)
        .reserve()
        .tryGrow(2 * MIB),
    ).toBe(false);
    expect(heap.bytes).toBe(3 * MIB);
    expect(pool.freeBytes()).toBe(MIB);
  });

  it('gives back what it shrinks by, and everything when it is freed', () => {
    const heap = pool.consumer(0).reserve();
    heap.grow(3 * MIB);
    heap.shrink(MIB);
    expect(pool.reservedBytes()).toBe(2 * MIB);
    heap.free();
    heap.free();
    expect(pool.reservedBytes()).toBe(0);
    expect(heap.tryGrow(4 * MIB)).toBe(true);
  });

  it('counts to the byte, in whole kibibytes, over any number of small steps', () => {
    const heap = pool.consumer(0).reserve();
    for (let step = 0; step < 5000; step += 1) heap.grow(100);
    expect(pool.reservedBytes()).toBe(Math.ceil((5000 * 100) / KIB) * KIB);
    for (let step = 0; step < 5000; step += 1) heap.shrink(100);
    expect([heap.bytes, pool.reservedBytes()]).toEqual([0, 0]);
  });

  it('that is refused names who asked, what is left, and what everybody holds, largest first', () => {
    pool.consumer(3).reserve().grow(MIB);
    const slab = arena.alloc(3 * MIB, JOIN);
    expect(() =>
      pool
        .consumer(0)
        .reserve()
        .grow(8 * MIB, 'ask for less'),
    ).toThrowError(
      expect.objectContaining({
        code: 'ERR_MEMORY_EXHAUSTED',
        stage: 'join',
        hint: 'ask for less',
        message:
          'join asked 8.0 MiB for heap of lane 0, holds 0 B; 3.0 MiB left of 10.0 MiB (join 3.0 MiB, collect 1.0 MiB)',
      }),
    );
    arena.release(slab);
  });
});

describe('what code of users keeps', () => {
  it('comes out of what nobody was promised, and is refused by name beyond that', () => {
    const lane = pool.consumer(1);
    pool
      .consumer(0)
      .reserve()
      .grow(4 * MIB);
    lane.keep(3 * MIB, 1);
    expect([pool.keptBytes(), pool.keepableBytes()]).toEqual([3 * MIB, MIB]);
    expect(() => lane.keep(2 * MIB, 1)).toThrowError(
      expect.objectContaining({
        code: 'ERR_MEMORY_EXHAUSTED',
        stage: 'distinct',
        message: expect.stringMatching(/keeps 3.0 MiB; 1.0 MiB of 10.0 MiB are promised to nobody/),
      }),
    );
    lane.unkeep(2 * MIB);
    lane.keep(2 * MIB, 1);
    expect(pool.keptBytes()).toBe(3 * MIB);
    expect(pool.largestStuck()).toEqual({ name: 'distinct', bytes: 3 * MIB });
  });

  it('may have what nobody has reserved, and is not lent to others', () => {
    pool.consumer(1).keep(7 * MIB, 0);
    expect(pool.arenaBytes).toBe(9 * MIB);
    expect(pool.reclaimUnused(2 * MIB, 0)).toBe(false);
  });

  it('goes with its thread', () => {
    pool.consumer(1).keep(MIB, 0);
    pool.releaseScope(1);
    expect(pool.keptBytes()).toBe(0);
  });
});

describe('a slab that is refused', () => {
  it('names who holds most of what nobody can get back, whoever asked', () => {
    pool.consumer(0).setStuck(MIB, 0);
    pool.consumer(1).setStuck(4 * MIB, 1);
    expect(() => arena.alloc(11 * MIB, JOIN)).toThrowError(
      expect.objectContaining({
        code: 'ERR_MEMORY_EXHAUSTED',
        stage: 'distinct',
        message: expect.stringMatching(
          /^join asked 11.0 MiB.*; 4.0 MiB are with "distinct" and can neither be flushed/,
        ),
        hint: 'raise memoryLimit above 6.0 MiB, or have "distinct" hold less',
      }),
    );
  });

  it('blames nobody where everything could be given back', () => {
    pool.consumer(1).setStuck(MIB, 1);
    pool.consumer(1).setStuck(0, 0);
    expect(() => arena.alloc(11 * MIB, JOIN)).toThrowError(expect.objectContaining({ stage: 'join' }));
  });
});

describe('what is not used', () => {
  it('goes to the arena when an allocation would be refused', () => {
    const main = pool.consumer(2);
    main.reserve().grow(4 * MIB);
    main.setUsed(MIB);
    const slab = arena.alloc(8 * MIB, JOIN);
    // The control block has a slab, too.
    expect([pool.arenaBytes, arena.limit()]).toEqual([8 * MIB + 64 * KIB, 8 * MIB + 64 * KIB]);
    expect([main.reservedBytes, pool.freeBytes()]).toEqual([2 * MIB - 64 * KIB, 0]);
    expect(arena.tryAlloc(3 * MIB, JOIN)).toBe(0);
    arena.release(slab);
  });

  it('is not taken from who does not lend', () => {
    pool
      .consumer(0)
      .reserve()
      .grow(4 * MIB);
    expect(arena.tryAlloc(7 * MIB, JOIN)).toBe(0);
    expect([pool.arenaBytes, arena.limit()]).toEqual([6 * MIB, 6 * MIB]);
  });

  it('of the arena goes to who keeps results, but nothing that is promised, touched or in use', () => {
    const results = pool.consumer(3).reserve();
    results.grow(4 * MIB);
    expect(pool.reclaimUnused(3 * MIB, MIB)).toBe(true);
    expect(results.tryGrow(3 * MIB)).toBe(true);
    expect([pool.arenaBytes, arena.limit()]).toEqual([3 * MIB, 3 * MIB]);
    expect(pool.reclaimUnused(2 * MIB, 0)).toBe(false); // promised
    expect(pool.reclaimUnused(MIB / 2, 3 * MIB)).toBe(false); // touched
    const slab = arena.alloc(2.75 * MIB, JOIN);
    expect(pool.reclaimUnused(MIB / 2, 0)).toBe(false); // in use
    expect(arena.limit()).toBe(3 * MIB);
    arena.release(slab);
  });
});

it('a dead thread leaves nothing behind, and takes nothing from others', () => {
  pool.consumer(0).reserve().grow(MIB);
  pool.consumer(0).setHeld(MIB);
  pool
    .consumer(1)
    .reserve()
    .grow(2 * MIB);
  pool.releaseScope(0);
  expect([pool.reservedBytes(), pool.heldBytes(0)]).toEqual([2 * MIB, 0]);
});

it('holdings are the whole, by stage and consumer', () => {
  const slab = arena.alloc(MIB, JOIN);
  pool
    .consumer(0)
    .reserve()
    .grow(2 * MIB);
  pool
    .consumer(3)
    .reserve()
    .grow(512 * KIB);
  expect(pool.holdings()).toEqual([
    {
      stage: 'join',
      bytes: 3 * MIB,
      consumers: [
        { name: 'heap of lane 0', bytes: 2 * MIB },
        { name: 'slabs', bytes: MIB },
      ],
    },
    { stage: 'collect', bytes: 512 * KIB, consumers: [{ name: 'results', bytes: 512 * KIB }] },
  ]);
  expect(pool.describe()).toBe('join 3.0 MiB, collect 512.0 KiB');
  arena.release(slab);
});
