import { HeapWatch } from '@spillway/workers/internal';
import { expect, test } from 'vitest';

/** A heap whose size is set by hand, what each collection frees of it, and what was asked of its collector. */
function fakeHeap(freed: Partial<Record<'minor' | 'major', number>> = {}) {
  const heap = { bytes: 1000, asked: [] as string[], watch: undefined as unknown as HeapWatch };
  heap.watch = new HeapWatch(
    100,
    () => heap.bytes,
    (kind) => {
      heap.asked.push(kind);
      heap.bytes -= freed[kind] ?? 0;
    },
  );
  return heap;
}

test('nothing is collected while little has grown', () => {
  const heap = fakeHeap();
  heap.bytes = 1049;
  expect(heap.watch.check()).toBe(0);
  expect(heap.asked).toEqual([]);
});

test('what a quick collection freed needs no whole one', () => {
  const heap = fakeHeap({ minor: 50 });
  for (const bytes of [1060, 1090]) {
    heap.bytes = bytes;
    expect(heap.watch.check()).toBe(0);
  }
  expect(heap.asked).toEqual(['minor', 'minor']);
});

test('a whole collection follows a quick one that was not enough', () => {
  const heap = fakeHeap({ minor: 5, major: 50 });
  heap.bytes = 1130;
  expect(heap.watch.check()).toBe(0);
  expect(heap.asked).toEqual(['minor', 'major']);
});

test('what is alive beyond the budget is told, and not collected again before more has grown', () => {
  const heap = fakeHeap();
  heap.bytes = 1130;
  expect(heap.watch.check()).toBe(30);
  heap.bytes = 1150;
  expect(heap.watch.check()).toBe(0);
  expect(heap.asked).toEqual(['minor', 'major']);
  heap.bytes = 1160;
  expect(heap.watch.check()).toBe(60);
  expect(heap.asked).toEqual(['minor', 'major', 'minor', 'major']);
});

test('what is beyond the budget is known without a collection', () => {
  const heap = fakeHeap();
  heap.bytes = 1099;
  expect(heap.watch.aliveBeyond()).toBe(0);
  heap.bytes = 1130;
  expect([heap.watch.aliveBeyond(), heap.asked]).toEqual([30, []]);
});

test('what an earlier run left in the thread, and a collection frees, is no room for this one', () => {
  const heap = fakeHeap();
  heap.bytes = 400;
  expect(heap.watch.check()).toBe(0);
  heap.bytes = 530;
  expect(heap.watch.check()).toBe(30);
});

test('dead array buffers are given back within a collection', () => {
  const watch = new HeapWatch(4 * 2 ** 20);
  for (let i = 0; i < 100; i += 1) {
    new Uint8Array(2 ** 20).fill(1);
    expect(watch.check()).toBe(0);
    expect(watch.grownBytes()).toBeLessThan(4 * 2 ** 20);
  }
});

test('without a budget nothing is measured', () => {
  const watch = new HeapWatch(0, () => expect.unreachable());
  expect(watch.check()).toBe(0);
});
