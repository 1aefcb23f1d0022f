import { createArena } from '@spillway/core/internal';
import { ActorStatistics, drainEdge, placeStatistics, type RingConsumer } from '@spillway/workers/internal';
import { expect, it } from 'vitest';

it('lets timers and signals have their turn while packets never run out', async () => {
  const arena = createArena({ maximumBytes: 2 ** 20, debug: true });
  const { places } = placeStatistics(arena, 0, [0]);
  const statistics = new ActorStatistics(arena.buffer, places[0]?.actor as number);
  let isOver = false;
  setTimeout(() => {
    isOver = true;
  }, 30);
  const taker = { take: () => {}, mark: () => {}, cutBack: () => {} };
  const endless = { next: () => (isOver ? undefined : { sequence: 0, batches: [] }), countDone: () => {} };
  const signal = new AbortController().signal;
  await drainEdge(endless as unknown as RingConsumer, taker, statistics, signal);
  expect(isOver).toBe(true);
});
