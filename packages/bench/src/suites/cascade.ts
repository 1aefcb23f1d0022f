/** W7: events a second through a cascade of three registered ops, `op1(3) op2(2) op3(1)`, beside the same in streamz over pandas frames. */
import { createPipeline, fromIterable } from '@spillway/core';
import { run } from '@spillway/workers';
import { type AbsentPeer, contest, type Peer, peerOrReason } from '../measure/contest.ts';
import type { Figure } from '../measure/figure.ts';
import { openPython, pythonScript, pythonWith } from '../peers/python.ts';
import type { Asked } from './asked.ts';
import { plusOne } from './cascade-op.ts';

/** An event is a small table, as a sensor's burst is. */
export const EVENT_ROWS = 10;

const THREADS = 2;

function* events(count: number): Generator<{ value: Float64Array }> {
  for (let i = 0; i < count; i += 1)
    yield { value: Float64Array.from({ length: EVENT_ROWS }, (_, row) => i * EVENT_ROWS + row) };
}

/**
 * Sends so many events through the ops.
 * @returns rows that came out, and their sum
 */
export async function cascade(count: number, workers: number): Promise<number[]> {
  const totals = [0, 0];
  const sink = createPipeline({ memoryLimit: '256MiB' })
    .register({ op1: plusOne, op2: plusOne, op3: plusOne })
    .source(fromIterable({ value: 'float64' }, events(count)))
    .op1({ iterMax: 3 })
    .op2({ iterMax: 2 })
    .op3({ iterMax: 1 })
    .forEach((batch) => {
      const values = batch.getChild('value')?.toArray() as Float64Array;
      totals[1] = values.reduce((sum, value) => sum + value, totals[1] ?? 0);
      totals[0] = (totals[0] ?? 0) + batch.numRows;
    });
  await run([sink], { workers }).done;
  return totals;
}

/** @param closers what has to be called at the end */
async function streamz(environment: string, count: number, closers: (() => unknown)[]): Promise<Peer> {
  const python = await pythonWith(environment, 'streamz', ['streamz==0.6.6', 'pandas']);
  const child = await openPython(python, [pythonScript('streamz-child.py'), String(EVENT_ROWS)]);
  closers.push(() => child.close());
  let ms = 0;
  const ask = async (): Promise<number[]> => {
    const answer = JSON.parse(await child.ask(String(count))) as { ms: number; totals: number[] };
    ms = answer.ms;
    return answer.totals;
  };
  return { name: 'streamz', version: child.greeting, run: ask, insideMs: () => ms, goal: 20 };
}

/** @param count of events */
export async function eventsThroughCascade(asked: Asked, count: number): Promise<Figure[]> {
  const closers: (() => unknown)[] = [];
  try {
    const peers: (Peer | AbsentPeer)[] =
      asked.hasPeers && !asked.isAlone
        ? [await peerOrReason('streamz', () => streamz(asked.dataFolder, count, closers))]
        : [];
    return await contest({
      workload: 'W7',
      what: `events of ${EVENT_ROWS} rows through three ops`,
      rows: count,
      run: () => cascade(count, THREADS),
      peers,
      untimed: 3,
      budgetMs: asked.budgetMs,
    });
  } finally {
    for (const close of closers) await close();
  }
}
