import { MainHeap } from '@spillway/workers/internal';
import { describe, expect, it } from 'vitest';

const MEBIBYTE = 2 ** 20;

/** A heap of which only some is alive: a whole collection leaves that. */
function fakeHeap(budgetBytes: number, overshoot = 0, kept = reservation(0)) {
  const heap = { bytes: 50 * MEBIBYTE, alive: 50 * MEBIBYTE, collections: [] as string[], used: 0, reclaimed: 0 };
  const memory = {
    mainHeap: { reservedBytes: budgetBytes, setUsed: (bytes: number) => void (heap.used = bytes) },
    keptBy: () => kept,
    reclaimUnused: (bytes: number) => {
      heap.reclaimed += bytes;
      return true;
    },
  };
  const main = new MainHeap({
    memory: () => memory,
    leastBytes: MEBIBYTE,
    overshootBytes: () => overshoot,
    measure: () => heap.bytes,
    collect: (kind) => {
      heap.collections.push(kind);
      if (kind === 'major') heap.bytes = heap.alive;
    },
    pause: () => Promise.resolve(),
  });
  return { heap, main, memory };
}

describe('room on the main thread', () => {
  it('is there at once while little has grown', () => {
    const { heap, main } = fakeHeap(16 * MEBIBYTE);
    heap.bytes += MEBIBYTE;
    expect(main.room('sink', MEBIBYTE)).toBeUndefined();
    expect(heap.collections).toEqual([]);
  });

  it('is made of dead memory, and waited for', async () => {
    const { heap, main } = fakeHeap(16 * MEBIBYTE);
    heap.bytes += 10 * MEBIBYTE;
    await main.room('sink', MEBIBYTE);
    expect(heap.collections).toEqual(['minor', 'major']);
    expect(main.room('sink', MEBIBYTE)).toBeUndefined();
  });

  it('does not collect again and again what is alive', async () => {
    const { heap, main } = fakeHeap(16 * MEBIBYTE);
    heap.bytes = heap.alive += 8 * MEBIBYTE;
    await main.room('sink', MEBIBYTE);
    expect(main.room('sink', MEBIBYTE)).toBeUndefined();
  });

  it('ends the run when what is alive breaks the promise, naming who was to have it', async () => {
    const { heap, main } = fakeHeap(16 * MEBIBYTE, 3 * MEBIBYTE);
    heap.bytes = heap.alive += 20 * MEBIBYTE;
    await expect(main.room('each', MEBIBYTE)).rejects.toMatchObject({
      code: 'ERR_MEMORY_EXHAUSTED',
      stage: 'each',
      message: expect.stringMatching(/grown by 20.0 MiB, of 16.0 MiB .* 3.0 MiB beyond/),
    });
  });

  it('leaves a program alone that keeps more than its part while the promise holds', async () => {
    const { heap, main } = fakeHeap(16 * MEBIBYTE);
    heap.bytes = heap.alive += 20 * MEBIBYTE;
    await expect(main.room('each', MEBIBYTE)).resolves.toBeUndefined();
  });
});

/** A reservation with room for so much. */
function reservation(roomBytes: number) {
  let left = roomBytes;
  const tryGrow = (bytes: number): boolean => {
    if (bytes > left) return false;
    left -= bytes;
    return true;
  };
  const grow = (bytes: number): void => {
    if (!tryGrow(bytes)) throw new Error('refused');
  };
  return { tryGrow, grow, shrink: (bytes: number) => void (left += bytes) };
}

describe('what collect keeps', () => {
  it('is reserved before it is copied, with room that others do not use, and else refused', () => {
    const { heap, main } = fakeHeap(16 * MEBIBYTE, 0, reservation(10 * MEBIBYTE));
    main.keep(1, 10 * MEBIBYTE);
    expect(heap.reclaimed).toBe(0);
    expect(() => main.keep(1, MEBIBYTE)).toThrow('refused');
    expect(heap.reclaimed).toBe(MEBIBYTE);
    main.keep(1, -10 * MEBIBYTE);
    main.keep(1, 10 * MEBIBYTE);
    expect(heap.reclaimed).toBe(MEBIBYTE);
  });

  it('does not count as something to collect', () => {
    const { heap, main } = fakeHeap(16 * MEBIBYTE, 0, reservation(12 * MEBIBYTE));
    main.keep(1, 12 * MEBIBYTE);
    heap.bytes = heap.alive += 12 * MEBIBYTE;
    expect(main.room('each', MEBIBYTE)).toBeUndefined();
    expect(heap.collections).toEqual([]);
  });
});

it('collects earlier when others have got what was not used of its part', async () => {
  const { heap, main, memory } = fakeHeap(400 * MEBIBYTE);
  heap.bytes += 20 * MEBIBYTE;
  expect(main.room('each', 0)).toBeUndefined();
  memory.mainHeap.reservedBytes = 20 * MEBIBYTE;
  await main.room('each', 0);
  expect(heap.collections).toEqual(['minor', 'major']);
});

it('says what is used of its part, so that the rest can be lent', () => {
  const { heap, main } = fakeHeap(16 * MEBIBYTE);
  expect(heap.used).toBe(MEBIBYTE);
  heap.bytes += 3 * MEBIBYTE;
  void main.room('each', 0);
  expect(heap.used).toBe(3 * MEBIBYTE);
});
