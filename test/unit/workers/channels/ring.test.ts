import { Worker } from 'node:worker_threads';
import type { Fields } from '@spillway/core';
import { type Arena, type Batch, createArena, type Packet, rowsToBatch } from '@spillway/core/internal';
import { createRing, type Ring, RingWord, slotOf, slotTurn } from '@spillway/workers/internal';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { RingThreadData, TakenPacket } from '../../../fixtures/ring-thread.ts';

const FIELDS: Fields = [{ name: 'x', type: 'int32', nullable: false }];
let arena: Arena;
let ring: Ring;

const ringOf = (capacity: number, creditBytes = 2 ** 20): Ring =>
  createRing(arena, { capacity, creditBytes, fields: FIELDS, owner: 1 });
const batchOf = (...values: number[]): Batch =>
  rowsToBatch(
    arena,
    1,
    FIELDS,
    values.map((x) => ({ x })),
  );

function valuesOf(packet: Packet | undefined): number[] | undefined {
  const values = packet?.batches.flatMap((batch) => [
    ...new Int32Array(arena.buffer, batch.column('x').values, batch.rows),
  ]);
  for (const batch of packet?.batches ?? []) batch.release();
  return values;
}

beforeEach(() => {
  arena = createArena({ maximumBytes: 64 * 2 ** 20, debug: true });
});

afterEach(() => {
  ring.close();
  arena.trim();
  expect(arena.usedSlabs()).toBe(0);
});

describe('a ring in one thread', () => {
  it('hands packets on in sequence, whatever the order they were published in', async () => {
    ring = ringOf(4);
    const producer = ring.producer();
    await producer.publish(2, [batchOf(2)]);
    await producer.publish(0, [batchOf(0), batchOf(10)]);
    await producer.publish(1, []);
    producer.end(3);
    const consumer = ring.consumer();
    expect(valuesOf(await consumer.next())).toEqual([0, 10]);
    expect(valuesOf(await consumer.next())).toEqual([]);
    expect(valuesOf(await consumer.next())).toEqual([2]);
    expect(await consumer.next()).toBeUndefined();
    expect(consumer.total()).toBe(3);
  });

  it('that is narrow takes one packet at a time, and as many as before when it is wide again', async () => {
    ring = ringOf(4);
    const producer = ring.producer();
    ring.setNarrow(true);
    expect(producer.publish(0, [batchOf(0)])).toBeUndefined();
    const second = producer.publish(1, [batchOf(1)]);
    const third = producer.publish(2, [batchOf(2)]);
    const consumer = ring.consumer();
    expect(valuesOf(await consumer.next())).toEqual([0]);
    await second;
    expect(ring.depth().packets).toBe(1);
    ring.setNarrow(false);
    await third;
    expect(ring.depth().packets).toBe(2);
    expect(valuesOf(await consumer.next())).toEqual([1]);
    expect(valuesOf(await consumer.next())).toEqual([2]);
  });

  it('lets parts of a sequence follow each other through its slot, in their order and before all later ones', async () => {
    ring = ringOf(2, 0);
    const producer = ring.producer();
    const consumer = ring.consumer();
    expect(producer.publish(0, [batchOf(0)], true)).toBeUndefined();
    const second = producer.publish(0, [batchOf(1)], true);
    const later = producer.publish(1, [batchOf(9)]);
    const taken: (number[] | undefined)[] = [];
    const take = async (): Promise<boolean | undefined> => {
      const packet = await consumer.next();
      taken.push(valuesOf(packet));
      return packet?.isPart;
    };
    expect(await take()).toBe(true);
    await second;
    expect(ring.depth().packets).toBe(0);
    const last = producer.publish(0, [batchOf(2)]);
    expect(await take()).toBe(true);
    await last;
    expect(await take()).toBeUndefined();
    await later;
    producer.end(2);
    await take();
    expect(taken).toEqual([[0], [1], [2], [9]]);
    expect(await consumer.next()).toBeUndefined();
  });

  it('carries packets of more batches than a slot has room for', async () => {
    ring = ringOf(2);
    const values = Array.from({ length: 40 }, (_, index) => index);
    await ring.producer().publish(
      0,
      values.map((value) => batchOf(value)),
    );
    expect(valuesOf(await ring.consumer().next())).toEqual(values);
  });

  it('keeps a sequence beyond the window waiting until its slot is free', async () => {
    ring = ringOf(2);
    const producer = ring.producer();
    const consumer = ring.consumer();
    await producer.publish(0, [batchOf(0)]);
    await producer.publish(1, [batchOf(1)]);
    let isThrough = false;
    const waiting = Promise.resolve(producer.publish(2, [batchOf(2)])).then(() => {
      isThrough = true;
    });
    await new Promise((resolve) => setImmediate(resolve));
    expect(isThrough).toBe(false);
    valuesOf(await consumer.next());
    await waiting;
    expect(ring.depth().packets).toBe(2);
    valuesOf(await consumer.next());
    expect(valuesOf(await consumer.next())).toEqual([2]);
  });

  it('makes a packet without credit wait, but lets the lowest sequence pass whatever its size', async () => {
    ring = ringOf(8, 1024);
    const producer = ring.producer();
    const consumer = ring.consumer();
    const large = (first: number): Batch => batchOf(...Array.from({ length: 1000 }, (_, index) => first + index));
    await producer.publish(0, [large(0)]);
    const second = producer.publish(1, [large(1)]);
    expect(second).toBeInstanceOf(Promise);
    expect(valuesOf(await consumer.next())).toHaveLength(1000);
    await second;
    expect(valuesOf(await consumer.next())?.[0]).toBe(1);
  });

  it('does not let later sequences keep the lowest one from its place', async () => {
    ring = ringOf(8, 1024);
    const producer = ring.producer();
    await producer.publish(1, [batchOf(...Array.from({ length: 250 }, (_, index) => index))]);
    await producer.publish(0, [batchOf(...Array.from({ length: 250 }, () => 7))]);
    const consumer = ring.consumer();
    expect(valuesOf(await consumer.next())?.[0]).toBe(7);
    expect(valuesOf(await consumer.next())?.[0]).toBe(0);
  });

  it('lets the lowest sequence pass also when another consumer has taken later ones and the credit is used up', async () => {
    ring = ringOf(8, 1024);
    const producer = ring.producer();
    const [slow, fast] = [ring.consumer(), ring.consumer()];
    const full = (value: number): Batch => batchOf(...Array.from({ length: 250 }, () => value));
    const first = slow.next();
    const second = fast.next();
    await producer.publish(1, [full(1)]);
    expect(valuesOf(await second)?.[0]).toBe(1);
    await producer.publish(2, [full(2)]);
    const lowest = producer.publish(0, [full(0)]);
    await lowest;
    expect(valuesOf(await first)?.[0]).toBe(0);
    expect(valuesOf(await fast.next())?.[0]).toBe(2);
  });

  it('ends all waits with ERR_ABORTED when it fails, and releases what lies in it when it is closed', async () => {
    ring = ringOf(1);
    const producer = ring.producer();
    await producer.publish(0, [batchOf(1)]);
    const blocked = producer.publish(1, [batchOf(2)]);
    ring.fail();
    await expect(blocked).rejects.toMatchObject({ code: 'ERR_ABORTED' });
    expect(() => ring.consumer().next()).toThrow(expect.objectContaining({ code: 'ERR_ABORTED' }));
  });

  it.each([
    ['who waits for a packet', (wait: Ring) => wait.consumer().next()],
    ['who waits for room', (wait: Ring) => wait.producer().publish(1, [batchOf(2)])],
  ])('ends the wait of one whom a thread was waking when it died: %s', async (what, waitOn) => {
    ring = ringOf(1);
    if (what === 'who waits for room') await ring.producer().publish(0, [batchOf(1)]);
    const waiting = Promise.resolve(waitOn(ring));
    await Promise.resolve();
    // The thread has taken the announcement back, and did not get as far as notifying.
    ring.words[RingWord.consumersAsleep] = 0;
    ring.words[RingWord.producersAsleep] = 0;
    ring.fail();
    await expect(waiting).rejects.toMatchObject({ code: 'ERR_ABORTED' });
  });
});

describe('a ring that has run for days', () => {
  /** Sets the words to what they are when every sequence below `first` has been taken. */
  function jumpTo(first: number): void {
    const { words, capacity } = ring;
    for (const word of [RingWord.claimed, RingWord.taken, RingWord.put]) words[word] = first | 0;
    for (let sequence = first; sequence < first + capacity; sequence += 1)
      words[slotOf(sequence, capacity)] = slotTurn(sequence, capacity);
  }

  it.each([1, 3, 4])('goes on past sequences that no word can hold, with %d slots', async (capacity) => {
    ring = ringOf(capacity, 1024);
    const producer = ring.producer();
    const consumer = ring.consumer();
    for (let jump = 1; jump <= 4; jump += 1) {
      const first = jump * 2 ** 31 - 6;
      jumpTo(first);
      for (let sequence = first; sequence < first + 12; sequence += 1) {
        await producer.publish(sequence, [batchOf(sequence % 1000)]);
        const packet = await consumer.next();
        expect([packet?.sequence, valuesOf(packet)]).toEqual([sequence, [sequence % 1000]]);
      }
      expect(ring.depth()).toEqual({ packets: 0, bytes: 0 });
    }
    const total = 4 * 2 ** 31 + 6;
    producer.end(total);
    expect([await consumer.next(), consumer.total()]).toEqual([undefined, total]);
  });
});

describe('a ring between threads', () => {
  const threadUrl = new URL('../../../dist/fixtures/ring-thread.js', import.meta.url);

  function start(data: Omit<RingThreadData, 'arena' | 'ring'>): Promise<TakenPacket[] | undefined> {
    const workerData: RingThreadData = { ...data, arena: arena.handle, ring: ring.handle };
    const worker = new Worker(threadUrl, { workerData });
    return new Promise((resolve, reject) => {
      worker.once('message', (message: TakenPacket[] | undefined) => worker.once('exit', () => resolve(message)));
      worker.once('error', reject);
    });
  }

  it.each([
    { producers: 1, consumers: 1 },
    { producers: 3, consumers: 1 },
    { producers: 2, consumers: 2 },
  ])(
    'delivers every packet once with $producers producers and $consumers consumers',
    async ({ producers, consumers }) => {
      ring = ringOf(4);
      const total = 3000;
      const taking = Array.from({ length: consumers }, () => start({ role: 'consume', first: 0, step: 0, total }));
      const making = Array.from({ length: producers }, (_, first) =>
        start({ role: 'produce', first, step: producers, total }),
      );
      ring.producer().end(total);
      await Promise.all(making);
      const lists = (await Promise.all(taking)) as TakenPacket[][];
      for (const list of lists)
        expect(list.every(({ sequence }, index) => index === 0 || sequence > (list[index - 1]?.sequence ?? 0))).toBe(
          true,
        );
      const all = lists.flat().sort((a, b) => a.sequence - b.sequence);
      expect(all).toEqual(
        Array.from({ length: total }, (_, sequence) => ({
          sequence,
          values: Array.from({ length: sequence % 3 }, (_, index) => sequence * 10 + index),
        })),
      );
    },
  );

  it.each(['producer', 'consumer'] as const)(
    'leaves nobody asleep where the main thread is the %s and wake-ups are gathered',
    async (mainIs) => {
      ring = createRing(arena, { capacity: 4, creditBytes: 2 ** 20, fields: FIELDS, owner: 1, mainIs });
      const total = 3000;
      const taking: Promise<TakenPacket[] | undefined> =
        mainIs === 'producer' ? start({ role: 'consume', first: 0, step: 0, total }) : takeAll(ring);
      const making =
        mainIs === 'producer'
          ? makeAll(ring, total)
          : start({ role: 'produce', first: 0, step: 1, total }).then(() => ring.producer().end(total));
      await making;
      expect((await taking)?.map(({ sequence }) => sequence)).toEqual(Array.from({ length: total }, (_, i) => i));
    },
  );

  async function takeAll(from: Ring): Promise<TakenPacket[]> {
    const taken: TakenPacket[] = [];
    const consumer = from.consumer();
    for (let packet = await consumer.next(); packet !== undefined; packet = await consumer.next())
      taken.push({ sequence: packet.sequence, values: valuesOf(packet) ?? [] });
    return taken;
  }

  async function makeAll(to: Ring, total: number): Promise<undefined> {
    const producer = to.producer();
    for (let sequence = 0; sequence < total; sequence++) await producer.publish(sequence, [batchOf(sequence)]);
    producer.end(total);
  }

  it('publishes at once only where there is room, and takes over nothing otherwise', () => {
    ring = ringOf(2);
    const producer = ring.producer();
    expect([0, 1].map((sequence) => producer.tryPublish(sequence, [batchOf(sequence)]))).toEqual([true, true]);
    const third = batchOf(2);
    expect(producer.tryPublish(2, [third])).toBe(false);
    valuesOf(ring.consumer().next() as Packet);
    expect(producer.tryPublish(2, [third])).toBe(true);
    ring.fail();
    const late = batchOf(3);
    expect(producer.tryPublish(3, [late])).toBe(false);
    late.release();
  });

  it('never has more bytes in flight than the credit and one packet', async () => {
    const creditBytes = 4096;
    const rows = 900;
    const largestPacket = 2 * rows * 4;
    ring = ringOf(16, creditBytes);
    const total = 1500;
    const taking = start({ role: 'consume', first: 0, step: 0, total });
    const making = [0, 1, 2].map((first) => start({ role: 'produce', first, step: 3, total, rows }));
    ring.producer().end(total);
    let isOver = false;
    let most = 0;
    void taking.finally(() => {
      isOver = true;
    });
    while (!isOver) {
      most = Math.max(most, ring.depth().bytes);
      await new Promise((resolve) => setImmediate(resolve));
    }
    await Promise.all(making);
    expect((await taking)?.map(({ sequence }) => sequence)).toEqual(Array.from({ length: total }, (_, i) => i));
    expect(most).toBeGreaterThan(0);
    expect(most).toBeLessThanOrEqual(creditBytes + largestPacket + 1024);
  });

  it('lets a thread that waits for a packet answer messages meanwhile', async () => {
    ring = ringOf(4);
    const workerData: RingThreadData = {
      arena: arena.handle,
      ring: ring.handle,
      role: 'consume',
      first: 0,
      step: 0,
      total: 1,
    };
    const worker = new Worker(threadUrl, { workerData });
    const received: unknown[] = [];
    const exited = new Promise((resolve) => worker.once('exit', resolve));
    const answered = new Promise<void>((resolve) =>
      worker.on('message', (message) => {
        received.push(message);
        resolve();
      }),
    );
    worker.postMessage('ping');
    await answered;
    expect(received).toEqual(['pong']);
    await ring.producer().publish(0, [batchOf(5)]);
    ring.producer().end(1);
    await exited;
    expect(received[1]).toEqual([{ sequence: 0, values: [5] }]);
  });
});

describe('a lazy ring', () => {
  it('wakes its consumer when half of it is full, when it is full, and at the end, and loses nothing', async () => {
    ring = createRing(arena, { capacity: 8, creditBytes: 2 ** 20, fields: FIELDS, owner: 1, isLazy: true });
    const [producer, consumer] = [ring.producer(), ring.consumer()];
    const taken: (number[] | undefined)[] = [];
    const taking = (async () => {
      for (;;) {
        const values = valuesOf(await consumer.next());
        if (values === undefined) return;
        taken.push(values);
      }
    })();
    const settle = () => new Promise((resolve) => setTimeout(resolve, 5));
    await settle();
    await producer.publish(0, [batchOf(0)]);
    await settle();
    expect(taken).toEqual([]);
    for (let sequence = 1; sequence < 4; sequence++) await producer.publish(sequence, [batchOf(sequence)]);
    await expect.poll(() => taken).toHaveLength(4);
    for (let sequence = 4; sequence < 40; sequence++) await producer.publish(sequence, [batchOf(sequence)]);
    producer.end(40);
    await taking;
    expect(taken.flat()).toEqual(Array.from({ length: 40 }, (_, value) => value));
  });
});
