/** The two ends of the stage hop, each on a thread of its own. */
import { setTimeout as sleep } from 'node:timers/promises';
import { parentPort, workerData } from 'node:worker_threads';
import { type Arena, type ArenaHandle, allocBatch, attachArena } from '@spillway/core/internal';
import { attachRing, type Ring, type RingHandle } from '@spillway/workers/internal';

/** What both ends are given. */
export interface HopTask {
  arena: ArenaHandle;
  ring: RingHandle;
  end: 'producer' | 'consumer';
  batches: number;
  rows: number;
  /** Milliseconds that the producer rests between two batches, so that the consumer is asleep when the next one comes. */
  restMs: number;
}

const BATCHES_A_WINDOW = 1000;

/** Microseconds on the clock that all threads share. */
function nowUs(): number {
  return Number(process.hrtime.bigint()) / 1000;
}

async function produce(arena: Arena, ring: Ring, { batches, rows, restMs }: HopTask): Promise<void> {
  const producer = ring.producer();
  for (let sequence = 0; sequence < batches; sequence += 1) {
    if (restMs > 0) await sleep(restMs);
    const draft = allocBatch(arena, ring.handle.owner, ring.handle.fields, rows);
    const at = (draft.columns[0]?.values ?? 0) >>> 3;
    new Float64Array(arena.buffer, at * 8, rows).fill(sequence);
    new Float64Array(arena.buffer, at * 8, 1)[0] = nowUs();
    const waiting = producer.publish(sequence, [draft.finish()]);
    if (waiting) await waiting;
  }
  producer.end(batches);
}

/** Microseconds a batch for each window of a thousand, and from publishing to arrival for each batch. */
async function consume(arena: Arena, ring: Ring): Promise<{ hopsUs: number[]; latenciesUs: number[] }> {
  const consumer = ring.consumer();
  const hopsUs: number[] = [];
  const latenciesUs: number[] = [];
  let windowStart = nowUs();
  for (let count = 1; ; count += 1) {
    const next = consumer.next();
    const packet = next instanceof Promise ? await next : next;
    if (packet === undefined) return { hopsUs, latenciesUs };
    const now = nowUs();
    for (const batch of packet.batches) {
      latenciesUs.push(now - (new Float64Array(arena.buffer, batch.column('value').values, 1)[0] as number));
      batch.release();
    }
    if (count % BATCHES_A_WINDOW === 0) {
      hopsUs.push((now - windowStart) / BATCHES_A_WINDOW);
      windowStart = now;
    }
  }
}

const task = workerData as HopTask;
const arena = attachArena(task.arena);
const ring = attachRing(arena, task.ring);
// A sleep on shared memory alone does not keep a thread alive.
const keepAlive = setInterval(() => undefined, 60_000);
if (task.end === 'producer') await produce(arena, ring, task);
else parentPort?.postMessage(await consume(arena, ring));
clearInterval(keepAlive);
