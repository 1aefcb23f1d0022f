import { MainHeap } from '@spillway/workers/internal';
import { describe, expect, it } from 'vitest';

const MEBIBYTE = 2 ** 20;

/** A heap of which only some is alive: a whole collection leaves that. */
function fakeHeap(budgetBytes: number, overshoot = 0) {
  const heap = { bytes: 50 * MEBIBYTE, alive: 50 * MEBIBYTE, collections: [] as string[] };
  const main = new MainHeap({
    budgetBytes,
    memoryLimitBytes: 100 * MEBIBYTE,
    overshootBytes: () => overshoot,
    measure: () => heap.bytes,
    collect: (kind) => {
      heap.collections.push(kind);
      if (kind === 'major') heap.bytes = heap.alive;
    },
    pause: () => Promise.resolve(),
  });
  return { heap, main };
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

describe('what collect keeps', () => {
  it('is refused before it is copied, when it is too much', () => {
    const { main } = fakeHeap(16 * MEBIBYTE);
    main.keep('rows', 10 * MEBIBYTE);
    expect(() => main.keep('rows', 7 * MEBIBYTE)).toThrow(
      expect.objectContaining({ code: 'ERR_MEMORY_EXHAUSTED', stage: 'rows' }),
    );
    expect(main.keptBytes).toBe(10 * MEBIBYTE);
  });

  it('does not count as something to collect', () => {
    const { heap, main } = fakeHeap(16 * MEBIBYTE);
    main.keep('rows', 12 * MEBIBYTE);
    heap.bytes = heap.alive += 12 * MEBIBYTE;
    expect(main.room('each', MEBIBYTE)).toBeUndefined();
    expect(heap.collections).toEqual([]);
  });
});
