import { Worker } from 'node:worker_threads';
import { createArena, MemoryPool, poolBytes } from '@spillway/core/internal';
import { beforeEach, expect, it } from 'vitest';
import type { PoolThreadData } from '#fixtures/pool-thread';
import { seededRandom } from '#support/random';

const MIB = 2 ** 20;
const MODULE = new URL('../../../dist/fixtures/pool-thread.js', import.meta.url);
const THREADS = [0, 1, 2];
const LIMIT_BYTES = 4 * MIB;

const arena = createArena({ maximumBytes: 16 * MIB });
const consumers = THREADS.map((scope) => ({ stage: `stage ${scope}`, name: 'heap', scope }));
const place = { at: arena.alloc(poolBytes(consumers.length), 1), consumers, owners: [] };
const pool = new MemoryPool(arena, place);

beforeEach(() => pool.begin({ limitBytes: LIMIT_BYTES, arenaBytes: 0, promisedBytes: 0 }));

function start(consumer: number, seed: number, steps: number) {
  const workerData: PoolThreadData = { arena: arena.handle, place, consumer, seed, steps };
  const worker = new Worker(MODULE, { workerData });
  const messages: unknown[] = [];
  worker.on('message', (message) => messages.push(message));
  const ready = new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject));
  const exited = new Promise((resolve) => worker.once('exit', resolve));
  return { worker, messages, ready, exited };
}

it('threads that reserve at the same time pass the limit at no moment, and nothing is left', async () => {
  const random = seededRandom();
  const threads = THREADS.map((consumer) => start(consumer, random.integer(1, 2 ** 31 - 1), 200_000));
  let running = THREADS.length;
  for (const { exited } of threads) void exited.then(() => (running -= 1));
  let most = 0;
  while (running > 0) {
    await new Promise((resolve) => setImmediate(resolve));
    // Additions that are taken back are seen too, so a single look may be beyond by what each thread has under way.
    most = Math.max(most, pool.reservedBytes());
  }
  expect(most).toBeLessThanOrEqual(LIMIT_BYTES + THREADS.length * 200 * 1024);
  expect(pool.reservedBytes()).toBe(0);
  for (const { messages } of threads) {
    const { grown, refused } = messages[1] as { grown: number; refused: number };
    expect([grown > 1000, refused > 1000]).toEqual([true, true]);
  }
});

it('threads that are killed while they reserve leave nothing that cannot be given back', async () => {
  const random = seededRandom();
  for (let round = 0; round < 5; round += 1) {
    const threads = THREADS.map((consumer) => start(consumer, random.integer(1, 2 ** 31 - 1), 0));
    await Promise.all(threads.map(({ ready }) => ready));
    await new Promise((resolve) => setTimeout(resolve, random.integer(1, 10)));
    await Promise.all(threads.map(({ worker }) => worker.terminate()));
    for (const scope of THREADS) pool.releaseScope(scope);
    expect(pool.reservedBytes()).toBe(0);
    expect(pool.consumer(0).reserve().tryGrow(LIMIT_BYTES)).toBe(true);
    pool.releaseScope(0);
  }
});
