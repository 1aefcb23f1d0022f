import type { Fields } from '@spillway/core';
import { type Arena, batchToRows, createArena, LaneSpill, loadArrow, OrderCheck } from '@spillway/core/internal';
import {
  ActorStatistics,
  createRing,
  Feed,
  FeedLog,
  GATE_BYTES,
  PieceMaker,
  placeStatistics,
  type Ring,
  RowLease,
  SourceGate,
} from '@spillway/workers/internal';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { temporaryFolder } from '#support/temporary-folder';

const FIELDS: Fields = [
  { name: 'ts', type: 'int64', nullable: false },
  { name: 'name', type: 'utf8', nullable: true },
];
let arena: Arena;
let rings: Ring[];
let slab: number;
let statistics: ActorStatistics;
let gate: SourceGate;

beforeEach(() => {
  arena = createArena({ maximumBytes: 256 * 2 ** 20, debug: true });
  rings = [0, 1].map(() => createRing(arena, { capacity: 8, creditBytes: 64 * 2 ** 20, fields: FIELDS, owner: 1 }));
  const at = arena.alloc(GATE_BYTES, 0);
  gate = new SourceGate(arena, at);
  gate.begin(0);
  const placed = placeStatistics(arena, 0, [0]);
  slab = placed.slab;
  statistics = new ActorStatistics(arena.buffer, placed.places[0]?.actor as number);
});

afterEach(() => {
  for (const ring of rings) ring.close();
  arena.release(slab);
  arena.release(gate.at);
  arena.trim();
  expect(arena.usedSlabs()).toBe(0);
});

function feedOf(
  memoryBytes = 0,
  largestBytes = 4 * 2 ** 20,
  maxInFlight?: number,
  signal: AbortSignal = new AbortController().signal,
  isDiskReady: Promise<void> = Promise.resolve(),
): Feed {
  const order = { column: 'ts', check: new OrderCheck(arena, 'ts', 'int64') };
  const log = new FeedLog({
    arena,
    name: 'feed',
    memoryBytes,
    openSpill: () => isDiskReady.then(() => new LaneSpill({ folder: temporaryFolder(), lane: 'fed' })),
    onLost: (error) => expect.unreachable(String(error)),
  });
  return new Feed({
    arena,
    name: 'feed',
    log,
    maker: new PieceMaker({ arena, name: 'feed', fields: FIELDS, order, largestBytes }),
    room: () => undefined,
    lease: new RowLease(),
    maxInFlight,
    signal,
  });
}

/** Starts to feed the first so many rings. */
function attach(feed: Feed, count: number): Promise<void> {
  const used = rings.slice(0, count);
  return feed.attach({
    producers: used.map((ring) => ring.producer()),
    gate,
    statistics,
    owner: 2,
    isDrained: () => used.every((ring) => ring.depth().packets === 0),
    underWay: () => used.reduce((sum, ring) => sum + ring.underWay(), 0),
  });
}

/** The attempt is over before the end of input. */
async function expectLeft(feed: Feed, fed: Promise<void>): Promise<void> {
  feed.detach();
  await expect(fed).rejects.toMatchObject({ code: 'ERR_ABORTED' });
}

async function leave(feed: Feed, fed: Promise<void>): Promise<void> {
  await expectLeft(feed, fed);
  feed.close();
}

const rowsOf = (from: number, count: number): { ts: bigint; name: string }[] =>
  Array.from({ length: count }, (_, index) => ({ ts: BigInt(from + index), name: `n${from + index}` }));

async function drain(ring: Ring): Promise<{ rows: number; inputs: number; first: unknown }[]> {
  const seen = [];
  const consumer = ring.consumer();
  for (let packet = await consumer.next(); packet !== undefined; packet = await consumer.next()) {
    for (const batch of packet.batches) {
      seen.push({ rows: batch.rows, inputs: batch.inputs, first: batchToRows(batch)[0]?.['ts'] });
      batch.release();
    }
  }
  return seen;
}

it('cuts a large input into pieces of which only the last counts', async () => {
  const writer = feedOf();
  const fed = attach(writer, 1);
  const columns = {
    ts: BigInt64Array.from({ length: 140_000 }, (_, row) => BigInt(row)),
    name: new Array<string>(140_000).fill('x'),
  };
  await writer.write(columns);
  await writer.write(rowsOf(140_000, 2));
  await writer.write([]);
  writer.end();
  await fed;
  expect((await drain(rings[0] as Ring)).map(({ rows, inputs }) => [rows, inputs])).toEqual([
    [65_536, 0],
    [65_536, 0],
    [8_928, 1],
    [2, 1],
    [0, 1],
  ]);
  expect(statistics.read()).toMatchObject({ rowsIn: 140_002, activity: 'done' });
});

it('gives the same rows to every stage that reads the source', async () => {
  const writer = feedOf();
  const fed = attach(writer, 2);
  await writer.write(rowsOf(5, 3));
  writer.end();
  await fed;
  const [left, right] = await Promise.all(rings.map(drain));
  expect(left).toEqual([{ rows: 3, inputs: 1, first: 5n }]);
  expect(right).toEqual(left);
});

it('refuses a row that goes back, counted from the first row of the source', async () => {
  const writer = feedOf();
  const fed = attach(writer, 1);
  await writer.write(rowsOf(10, 4));
  await expect(async () => writer.write(rowsOf(12, 1))).rejects.toMatchObject({
    code: 'ERR_INPUT_UNORDERED',
    row: 4,
    column: 'ts',
  });
  await leave(writer, fed);
});

it('names the row of the source that holds a wrong value', async () => {
  const writer = feedOf();
  const fed = attach(writer, 1);
  await writer.write(rowsOf(10, 4));
  const wrong = [...rowsOf(20, 2), { ts: 23n, name: 7 }];
  await expect(async () => writer.write(wrong)).rejects.toMatchObject({
    code: 'ERR_VALUE',
    row: 6,
    column: 'name',
    stage: 'feed',
  });
  await leave(writer, fed);
});

it.each([0, 2 ** 20])(
  'gives everything once more when it begins again, with %s bytes in memory',
  async (memoryBytes) => {
    const feed = feedOf(memoryBytes);
    feed.log.setKeeps(true);
    const first = attach(feed, 1);
    await feed.write(rowsOf(0, 3));
    for (let row = 3; row < 9; row++) await feed.write(rowsOf(row, 1));
    await expectLeft(feed, first);
    await feed.log.saveAll();
    for (const ring of rings.splice(0)) ring.close();
    arena.trim();
    expect([feed.log.first, feed.log.next]).toEqual([0, 7]);

    rings = [createRing(arena, { capacity: 16, creditBytes: 2 ** 20, fields: FIELDS, owner: 1 })];
    const second = attach(feed, 1);
    await feed.write(rowsOf(9, 2));
    feed.end();
    await second;
    feed.close();
    expect(await drain(rings[0] as Ring)).toEqual([
      { rows: 3, inputs: 1, first: 0n },
      ...Array.from({ length: 6 }, (_, index) => ({ rows: 1, inputs: 1, first: BigInt(index + 3) })),
      { rows: 2, inputs: 1, first: 9n },
    ]);
  },
);

it('waits for the disk only when there is no more room in memory', async () => {
  let ready = (): void => {};
  const isDiskReady = new Promise<void>((resolve) => {
    ready = resolve;
  });
  const feed = feedOf(2000, 4 * 2 ** 20, undefined, undefined, isDiskReady);
  feed.log.setKeeps(true);
  const fed = attach(feed, 1);
  // Each takes 448 bytes and its text: the fourth begins to go to disk, the fifth does not fit.
  for (let row = 0; row < 4; row++) expect(feed.write(rowsOf(row, 1))).toBeUndefined();
  let isThrough = false;
  const fifth = Promise.resolve(feed.write(rowsOf(4, 1))).then(() => {
    isThrough = true;
  });
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(isThrough).toBe(false);
  ready();
  await fifth;
  feed.end();
  await fed;
  feed.close();
  expect((await drain(rings[0] as Ring)).map(({ first }) => first)).toEqual([0n, 1n, 2n, 3n, 4n]);
});

it('keeps nothing that a barrier is behind', async () => {
  const feed = feedOf();
  feed.log.setKeeps(true);
  const fed = attach(feed, 1);
  for (let row = 0; row < 5; row++) await feed.write(rowsOf(row, 1));
  feed.log.dropBelow(4);
  expect([feed.log.first, feed.log.next]).toEqual([4, 5]);
  feed.log.dropBelow(5);
  expect([feed.log.first, feed.log.next, feed.log.bytes]).toEqual([5, 5, 0]);
  await leave(feed, fed);
});

const wide = (from: number, lengths: readonly number[]): { ts: bigint; name: string }[] =>
  lengths.map((length, index) => ({ ts: BigInt(from + index), name: 'ä'.repeat(length / 2) }));

it.each(['rows', 'columns', 'record batch'])('cuts %s by bytes, one piece after the other', async (form) => {
  const writer = feedOf(0, 10_000);
  const fed = attach(writer, 1);
  const rows = wide(
    0,
    Array.from({ length: 100 }, () => 1000),
  );
  const columns = { ts: BigInt64Array.from(rows, (row) => row.ts), name: rows.map((row) => row.name) };
  const arrow = await loadArrow();
  const [record] = new arrow.Table({
    ts: arrow.vectorFromArray(columns.ts),
    name: arrow.vectorFromArray(columns.name, new arrow.Utf8()),
  }).batches;
  const drained = drain(rings[0] as Ring);
  await writer.write(form === 'rows' ? rows : form === 'columns' ? columns : (record as never));
  writer.end();
  await fed;
  const seen = await drained;
  expect(seen.map(({ rows: count, inputs }) => `${count} ${inputs}`)).toEqual([
    ...Array.from({ length: 11 }, () => '9 0'),
    '1 1',
  ]);
  expect(seen[3]?.first).toBe(27n);
});

it('gives a row that is larger than the largest batch a turn of its own', async () => {
  const writer = feedOf(0, 10_000);
  const fed = attach(writer, 1);
  const drained = drain(rings[0] as Ring);
  await writer.write(wide(0, [100, 50_000, 100]));
  expect((rings[0] as Ring).depth().packets).toBeLessThanOrEqual(1);
  writer.end();
  await fed;
  expect((await drained).map(({ rows, inputs }) => [rows, inputs])).toEqual([
    [1, 0],
    [1, 0],
    [1, 1],
  ]);
});

it('refuses a row that there can be no room for, with its number and size', async () => {
  arena.setLimit(20 * 2 ** 20);
  const writer = feedOf(0, 10_000);
  const fed = attach(writer, 1);
  await writer.write(wide(0, [100, 100]));
  await expect(async () => writer.write(wide(2, [100, 30 * 2 ** 20]))).rejects.toMatchObject({
    code: 'ERR_ROW_TOO_LARGE',
    stage: 'feed',
    row: 3,
    message: expect.stringContaining('row 3 of "feed" takes 30.0 MiB, and there is room for 20.0 MiB'),
  });
  await leave(writer, fed);
});

it('waits for what others hold', async () => {
  arena.setLimit(8 * 2 ** 20);
  const held = arena.alloc(5 * 2 ** 20, 1);
  const writer = feedOf(0, 10_000);
  const fed = attach(writer, 1);
  const drained = drain(rings[0] as Ring);
  const writing = writer.write(wide(0, [4 * 2 ** 20]));
  setTimeout(() => arena.release(held), 20);
  await writing;
  writer.end();
  await fed;
  expect(await drained).toHaveLength(1);
});

it('waits while more inputs are under way than may be', async () => {
  const feed = feedOf(0, 4 * 2 ** 20, 2);
  const fed = attach(feed, 1);
  await feed.write(rowsOf(0, 1));
  await feed.write(rowsOf(1, 1));
  let isThrough = false;
  const third = Promise.resolve(feed.write(rowsOf(2, 1))).then(() => {
    isThrough = true;
  });
  const consumer = (rings[0] as Ring).consumer();
  for (const batch of (await consumer.next())?.batches ?? []) batch.release();
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(isThrough).toBe(false);
  consumer.countDone();
  await third;
  await leave(feed, fed);
});

it('ends a wait when the run has failed', async () => {
  const failed = new AbortController();
  const feed = feedOf(0, 4 * 2 ** 20, 1, failed.signal);
  const fed = attach(feed, 1);
  await feed.write(rowsOf(0, 1));
  const second = feed.write(rowsOf(1, 1));
  failed.abort(new Error('over'));
  await expect(second).rejects.toThrow('over');
  await expect(fed).rejects.toThrow('over');
  feed.close();
});
