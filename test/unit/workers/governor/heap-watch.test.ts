import { HeapWatch } from '@spillway/workers/internal';
import { expect, test } from 'vitest';

/** A heap whose size is set by hand, and what was asked of its collector. */
function fakeHeap() {
  const heap = { bytes: 1000, asked: [] as string[], watch: undefined as unknown as HeapWatch };
  heap.watch = new HeapWatch(
    100,
    () => heap.bytes,
    (kind) => void heap.asked.push(kind),
  );
  return heap;
}

test('nothing is collected while little has grown', () => {
  const heap = fakeHeap();
  heap.bytes = 1049;
  expect(heap.watch.check()).toBe(0);
  expect(heap.asked).toEqual([]);
});

test('a quick collection is tried before a whole one', () => {
  const heap = fakeHeap();
  heap.bytes = 1060;
  heap.watch.check();
  expect(heap.asked).toEqual(['minor']);
  heap.watch.check();
  expect(heap.asked).toEqual(['minor', 'major']);
});

test('what a quick collection freed needs no whole one', () => {
  const heap = fakeHeap();
  heap.bytes = 1060;
  heap.watch.check();
  heap.bytes = 1010;
  heap.watch.check();
  heap.bytes = 1060;
  heap.watch.check();
  expect(heap.asked).toEqual(['minor', 'minor']);
});

test('what is alive beyond the budget is told, and not collected again before more has grown', () => {
  const heap = fakeHeap();
  heap.bytes = 1130;
  expect([heap.watch.check(), heap.watch.check(), heap.watch.check()]).toEqual([0, 0, 30]);
  heap.bytes = 1150;
  heap.watch.check();
  expect(heap.asked).toEqual(['minor', 'major']);
  heap.bytes = 1160;
  heap.watch.check();
  expect(heap.asked).toEqual(['minor', 'major', 'minor']);
});

test('without a budget nothing is measured', () => {
  const watch = new HeapWatch(0, () => expect.unreachable());
  expect(watch.check()).toBe(0);
});
