import type { Fields } from '@spillway/core';
import { type Arena, type Batch, createArena, rowsToBatch } from '@spillway/core/internal';
import {
  ActorStatistics,
  createRing,
  type LaneChain,
  LaneLoop,
  type LaneParts,
  type Morsel,
  MorselOutput,
  placeStatistics,
  type Ring,
  RingInput,
  StreamOutput,
} from '@spillway/workers/internal';
import { afterEach, beforeEach, expect, it } from 'vitest';

const FIELDS: Fields = [{ name: 'x', type: 'int32', nullable: false }];
let arena: Arena;
let rings: Ring[];
let slab: number;
let statistics: ActorStatistics;

beforeEach(() => {
  arena = createArena({ maximumBytes: 64 * 2 ** 20, debug: true });
  rings = [];
  const placed = placeStatistics(arena, 0, [0]);
  slab = placed.slab;
  statistics = new ActorStatistics(arena.buffer, placed.places[0]?.actor as number);
});

afterEach(() => {
  for (const ring of rings) ring.close();
  arena.release(slab);
  arena.trim();
  expect(arena.usedSlabs()).toBe(0);
});

function ringOf(capacity: number): Ring {
  const ring = createRing(arena, { capacity, creditBytes: 2 ** 20, fields: FIELDS, owner: 1 });
  rings.push(ring);
  return ring;
}

const batchOf = (...values: number[]): Batch =>
  rowsToBatch(
    arena,
    1,
    FIELDS,
    values.map((x) => ({ x })),
  );
const firstOf = (batch: Batch): number => arena.i32[batch.column('x').values >>> 2] as number;

/** Hands on what it is given, and does what the test says beside it. */
function chainTo(push: (batch: Batch) => void | Promise<void>, extra: Partial<LaneChain> = {}): LaneChain {
  return {
    push,
    endInput: () => {},
    endMorsel: () => {},
    end: () => {},
    flush: () => {},
    flushDue: () => {},
    dueAt: () => undefined,
    reportHeld: () => {},
    heldBytes: () => 0,
    stuck: () => ({ bytes: 0, operator: 0 }),
    ...extra,
  };
}

/** What most loops here have in common: one lane, no pressure, nobody who watches. */
function onlyLane(): Pick<LaneParts, 'statistics' | 'isOnlyLane' | 'pressure' | 'isolate' | 'onBatch'> {
  return {
    statistics,
    isOnlyLane: true,
    pressure: { relieve: () => undefined },
    isolate: { look: () => {} },
    onBatch: () => {},
  };
}

async function taken(ring: Ring): Promise<{ sequence: number; first: number[] }[]> {
  const consumer = ring.consumer();
  const packets: { sequence: number; first: number[] }[] = [];
  for (let packet = await consumer.next(); packet !== undefined; packet = await consumer.next()) {
    packets.push({ sequence: packet.sequence, first: packet.batches.map(firstOf) });
    for (const batch of packet.batches) batch.release();
  }
  return packets;
}

it('keeps the numbers of morsels when there are several lanes, empty results too', async () => {
  const [input, output] = [ringOf(8), ringOf(8)];
  const producer = input.producer();
  for (let sequence = 0; sequence < 6; sequence += 1) await producer.publish(sequence, [batchOf(sequence)]);
  producer.end(6);
  const lanes = [0, 1].map(() => {
    const out = new MorselOutput(output.producer(), 1, statistics);
    const chain = chainTo((batch) => (firstOf(batch) % 2 === 0 ? out.push(batch) : batch.release()));
    return new LaneLoop({
      input: new RingInput(input.consumer(), 0),
      chain,
      outputs: [out],
      ...onlyLane(),
      isOnlyLane: false,
    });
  });
  const [packets] = await Promise.all([taken(output), ...lanes.map((lane) => lane.run())]);
  expect(packets).toEqual(
    [0, 1, 2, 3, 4, 5].map((sequence) => ({ sequence, first: sequence % 2 === 0 ? [sequence] : [] })),
  );
});

it('numbers the results of a single lane anew, and emits at the end what the chain still holds', async () => {
  const [input, output] = [ringOf(4), ringOf(4)];
  const producer = input.producer();
  await producer.publish(0, [batchOf(1), batchOf(2)]);
  await producer.publish(1, []);
  await producer.publish(2, [batchOf(3)]);
  producer.end(3);
  const out = new StreamOutput(output.producer(), 1, statistics);
  const chain = chainTo((batch) => out.push(batch), { end: () => out.push(batchOf(9)) });
  const lane = new LaneLoop({
    input: new RingInput(input.consumer(), 0),
    chain,
    outputs: [out],
    ...onlyLane(),
  });
  const [packets] = await Promise.all([taken(output), lane.run()]);
  expect(packets.map((packet) => packet.first)).toEqual([[1], [2], [3], [9]]);
});

it('flushes on command and by the clock while it waits for input', async () => {
  const input = ringOf(4);
  const flushed: string[] = [];
  let due: number | undefined;
  const chain = chainTo((batch) => batch.release(), {
    flush: (reason, name) => void flushed.push(`${reason} ${name}`),
    flushDue: () => {
      due = undefined;
      flushed.push('due');
      input.producer().end(0);
    },
    dueAt: () => due,
  });
  const lane = new LaneLoop({
    input: new RingInput(input.consumer(), 0),
    chain,
    outputs: [],
    ...onlyLane(),
  });
  const running = lane.run();
  due = Date.now() + 5;
  lane.askFlush('buffer');
  await running;
  expect(flushed).toEqual(['interval buffer', 'due']);
});

it('rejects when the ring fails, with nothing held', async () => {
  const input = ringOf(2);
  const lane = new LaneLoop({
    input: new RingInput(input.consumer(), 0),
    chain: chainTo((batch) => batch.release()),
    outputs: [],
    ...onlyLane(),
  });
  const running = lane.run();
  input.fail();
  await expect(running).rejects.toMatchObject({ code: 'ERR_ABORTED' });
});

it('tells where each batch begins in its morsel', async () => {
  const input = ringOf(2);
  const seen: [number, number][] = [];
  await input.producer().publish(0, [batchOf(1, 1, 1), batchOf(2, 2)]);
  input.producer().end(1);
  const lane = new LaneLoop({
    input: new RingInput(input.consumer(), 0),
    chain: chainTo((batch) => batch.release()),
    outputs: [],
    ...onlyLane(),
    onBatch: (sequence, rows) => void seen.push([sequence, rows]),
  });
  await lane.run();
  expect(seen).toEqual([
    [0, 0],
    [0, 3],
  ]);
  expect(statistics.read()).toMatchObject({ packets: 1, rowsIn: 5, activity: 'done' });
});

it('releases what it has not taken of a morsel when a push fails', async () => {
  const morsels: Morsel[] = [{ sequence: 0, batches: [batchOf(1), batchOf(2), batchOf(3)] }];
  const input = { edge: 0, next: () => morsels.shift(), total: () => 1, done: () => {}, close: () => {} };
  const chain = chainTo((batch) => {
    const isSecond = firstOf(batch) === 2;
    batch.release();
    if (isSecond) throw new Error('second');
  });
  const lane = new LaneLoop({
    input,
    chain,
    outputs: [],
    ...onlyLane(),
  });
  await expect(lane.run()).rejects.toThrow('second');
});
