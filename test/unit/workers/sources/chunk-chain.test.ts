import { createArena } from '@spillway/core/internal';
import { CHAIN_BYTES, ChunkChain, startsOf } from '@spillway/workers/internal';
import { expect, it } from 'vitest';

it('bad rows are counted on from a barrier, over all lanes', async () => {
  const arena = createArena();
  const { signal } = new AbortController();
  const [before, after] = [0, 1].map(() => {
    const at = arena.alloc(CHAIN_BYTES, 1);
    arena.u8.fill(0, at, at + CHAIN_BYTES);
    return { at, lanes: [0, 1].map((lane) => new ChunkChain(arena, at, lane, signal)) };
  }) as [{ at: number; lanes: ChunkChain[] }, { at: number; lanes: ChunkChain[] }];
  before.lanes[0]?.countBad(3);
  expect(before.lanes[1]?.countBad(4)).toBe(7);
  before.lanes[0]?.publish(1, { at: 100, sourceRow: 5, fileRow: 5, line: 6 });
  startsOf(arena.bytesAt(after.at, CHAIN_BYTES)).set(startsOf(arena.bytesAt(before.at, CHAIN_BYTES)));
  expect(after.lanes[0]?.countBad(1)).toBe(8);
  expect(await after.lanes[0]?.startOf(1, 0)).toEqual({ at: 100, sourceRow: 5, fileRow: 5, line: 6 });
  for (const { at, lanes } of [before, after]) {
    for (const lane of lanes) lane.close();
    arena.release(at);
  }
});
