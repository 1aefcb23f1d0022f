/** Stages that leave their limit to the governor: what it chooses is seen, and changes no answer. */
import { agg, createPipeline, fromIterable } from '@spillway/core';
import { type LimitEvent, run } from '@spillway/workers';
import { expect, test } from 'vitest';

const SHAPE = { t: 'int64', text: 'utf8' } as const;

async function* inputs(count: number): AsyncGenerator<{ t: number; text: string }[]> {
  for (let input = 0; input < count; input++) {
    if (input % 50 === 0) await new Promise((resolve) => setTimeout(resolve, 15));
    yield Array.from({ length: 200 }, (_, row) => ({ t: input * 200 + row, text: 'x'.repeat(400) }));
  }
}

test('memory goes to the stage that is made to flush, and job.state() shows the limits of the moment', async () => {
  const build = (memoryLimit: 'auto' | undefined) => {
    const source = createPipeline({ memoryLimit: '128MiB' }).source(
      fromIterable(SHAPE, inputs(900), { orderedOn: 't' }),
    );
    const options = memoryLimit === undefined ? {} : { memoryLimit };
    const wide = source.memoryBuffer({ ...options, name: 'wide' }).select('t');
    const narrow = source.select('t').memoryBuffer({ ...options, name: 'narrow' });
    const aggregations = { bins: { every: 1000, columns: { n: agg.count() } } };
    return [
      wide.aggStream({ orderedOn: 't', aggregations }).bins.collect(),
      narrow.aggStream({ orderedOn: 't', aggregations, ...options }).bins.collect(),
    ] as const;
  };
  const sinks = build('auto');
  const job = run(sinks, { workers: 2 });
  const moves: LimitEvent[] = [];
  const states = new Map<string, string>();
  job.on('limit', (event) => void moves.push(event));
  job.on('flush', () => {
    for (const { name, text } of job.state().buffers) states.set(name, text);
  });
  const summary = await job.done;
  expect(summary.flushes.memory).toBeGreaterThan(0);
  expect(moves.some(({ node, forced }) => node === 'wide' && forced > 0)).toBe(true);
  for (const { node, limitBytes, capBytes } of moves) {
    expect(['wide', 'narrow', 'aggStream', 'aggStream-2']).toContain(node);
    expect(limitBytes).toBeLessThanOrEqual(capBytes);
  }
  expect(states.get('wide')).toMatch(/^wide \[[█░]+\] [\d.]+\/[\d.]+ MiB$/);
  const whole = build(undefined);
  const other = run(whole, { workers: 1 });
  await other.done;
  for (const [index, sink] of sinks.entries()) expect(await job.rows(sink)).toEqual(await other.rows(whole[index]!));
});
