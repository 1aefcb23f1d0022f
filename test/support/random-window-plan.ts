/** Random aggregations over windows, through the workers and through the reference executor. */
import { createPipeline, fromIterable, type Sink, type Stream } from '@spillway/core';
import { loadArrow, type ReferenceRow, rowsOfArrow, runReference } from '@spillway/core/internal';
import { run } from '@spillway/workers';
import { expect } from 'vitest';
import { randomFrom, type SeededRandom } from '#support/random';
import type { Row } from '#support/random-rows';
import { cutRows, describeWindows, randomWindows, WINDOW_SHAPE, windowRows } from '#support/random-windows';
import { expectLikeReference } from '#support/step-harness';

interface Plan {
  description: string;
  /** Of the source. */
  inputs: Row[][];
  collects: Sink[];
  callbacks: Sink[];
  seen: unknown[][];
}

function randomPlan(random: SeededRandom): Plan {
  // Snapshots at every point of a gap, of every key, may be a hundred thousand rows of states.
  const p = createPipeline({ memoryLimit: '2GiB' });
  const rows = windowRows(random, random.pick([0, 1, 10, 100, 400]));
  const aggregations = Object.fromEntries(
    Array.from({ length: random.integer(1, 3) }, (_, index) => [`a${index}`, randomWindows(random)]),
  );
  const by = random.pick<('key' | 'small')[]>([[], ['key'], ['key', 'small']]);
  const triggers = {
    ...(random.chance(0.3) && { iterMax: random.integer(1, 4) }),
    ...(random.chance(0.2) && { rows: random.integer(1, 50) }),
    ...(random.chance(0.2) && { memoryLimit: random.integer(1, 3000) }),
    ...(random.chance(0.1) && { accumulate: false }),
  };
  const inputs = cutRows(random, rows);
  const source = p.source(fromIterable(WINDOW_SHAPE, inputs, { orderedOn: 't' }));
  const streams: Record<string, Stream> = source.aggStream({ orderedOn: 't', by, aggregations, ...triggers }) as never;
  const seen: unknown[][] = [];
  const watched = random.chance(0.3);
  const outputs = Object.values(streams);
  return {
    description: `${rows.length} rows by ${by.join()} ${JSON.stringify(triggers)}\n${Object.values(aggregations).map(describeWindows).join('\n')}`,
    inputs: inputs.map((some) => some.map((row) => ({ ...row }))),
    collects: outputs.map((stream) => stream.collect()),
    callbacks: watched
      ? outputs.map((stream, index) =>
          stream.forEach((batch) => void (seen[index] ??= []).push(batch), { takes: 'rows' }),
        )
      : [],
    seen,
  };
}

/** Fails unless rows, their order, and where batches are watched the batches, are the same with one and two workers as in the reference. */
export async function checkWindowPlan(seed: number): Promise<void> {
  const plan = randomPlan(randomFrom(seed));
  const arrow = await loadArrow();
  const { outputs } = await runReference([...plan.collects, ...plan.callbacks]);
  const fields = outputs.map((output) => output.fields);
  const expected = {
    rows: outputs.slice(0, plan.collects.length).map((output) => output.batches.flat()),
    batches: [...plan.seen],
  };
  for (const workers of [1, 2]) {
    plan.seen.length = 0;
    const job = run([...plan.collects, ...plan.callbacks], { workers, debug: true });
    await job.done;
    const rows = await Promise.all(
      plan.collects.map(async (sink, index): Promise<ReferenceRow[]> => {
        const { batches } = await job.table(sink);
        return batches.flatMap((batch) => rowsOfArrow(arrow, batch, fields[index] ?? []));
      }),
    );
    expect({ rows, batches: [...plan.seen] }, `${workers} workers: ${plan.description}`).toEqual(expected);
  }
}

/** Fails unless one output is the same as in the reference when the aggregate goes on from snapshots, in one lane driven by hand. */
export async function checkWindowRestarts(seed: number): Promise<void> {
  const random = randomFrom(seed);
  const { collects, callbacks, inputs, description } = randomPlan(random);
  const sink = random.pick(callbacks.length > 0 ? callbacks : collects);
  await expectLikeReference(random, sink, [inputs], description);
}
