import type { MessagePort } from 'node:worker_threads';
import { createArena, MemoryPool, poolBytes, type StageSpec } from '@spillway/core/internal';
import { createRing, Lane, type LaneConfig, placeStatistics } from '@spillway/workers/internal';
import { expect, it } from 'vitest';

it('that is stopped while it is made has ended only when nothing is made any more', async () => {
  const arena = createArena({ maximumBytes: 64 * 2 ** 20, debug: true });
  const { places } = placeStatistics(arena, 0, [0]);
  const fields = [{ name: 'x', type: 'int32', nullable: false }] as const;
  const ring = createRing(arena, { capacity: 4, creditBytes: 2 ** 20, fields, owner: 1 });
  const consumers = [{ stage: 'stage', name: 'heap of lane 0', scope: 0 }];
  const pool = new MemoryPool(arena, { at: arena.alloc(poolBytes(1), 0), consumers, owners: [] });
  pool.begin({ limitBytes: 2 ** 20, arenaBytes: 0, promisedBytes: 0 });
  const seen: string[] = [];
  const port = { postMessage: ({ type }: { type: string }) => seen.push(type) } as unknown as MessagePort;
  const stage: StageSpec = {
    id: 0,
    name: 'stage',
    input: { kind: 'edge', edge: 0 },
    operators: [],
    lanes: 1,
    outputs: [],
    blocking: false,
  };
  const config = {
    stage,
    lane: 0,
    input: { kind: 'edge', edge: 0, ring: ring.handle },
    outputs: [],
    owner: 1,
    pool: { place: pool.place, consumer: 0, reservedBytes: 0 },
    statistics: places[0],
    listening: 0,
    positions: [],
    drops: [[]],
    pressure: { at: 0, memoryLimitBytes: 0 },
    arbiter: { place: { at: 0, lanes: [] }, lane: 0 },
    heapBytes: 0,
  } as unknown as LaneConfig;
  const lane = new Lane(arena, config, port);
  lane.begin();
  lane.control.stop();
  await lane.ended;
  expect(seen).toEqual(['ended']);
  expect(pool.reservedBytes()).toBe(0);
});
