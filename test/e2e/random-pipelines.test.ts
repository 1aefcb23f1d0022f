/**
 * Random pipelines give the same through the workers, with any number of lanes, as through the reference executor: the
 * same rows for every sink, and where batches are watched the same batches.
 */
import type { Fields } from '@spillway/core';
import { loadArrow, type ReferenceRow, rowsOfArrow, runReference } from '@spillway/core/internal';
import { run } from '@spillway/workers';
import { expect, test } from 'vitest';
import { chooseSeed, randomFrom } from '#support/random';
import { type RandomPipeline, randomPipeline } from '#support/random-pipeline';

const PIPELINES = Number(process.env['SPILLWAY_PIPELINES'] ?? 8);

interface Answer {
  rows: ReferenceRow[][];
  batches: unknown[][];
}

async function throughReference(pipeline: RandomPipeline): Promise<Answer & { fields: Fields[] }> {
  pipeline.seen.length = 0;
  const { outputs } = await runReference([...pipeline.collects, ...pipeline.callbacks]);
  const collected = outputs.slice(0, pipeline.collects.length);
  return {
    rows: collected.map((output) => output.batches.flat()),
    batches: [...pipeline.seen],
    fields: collected.map((output) => output.fields),
  };
}

async function throughWorkers(pipeline: RandomPipeline, fields: readonly Fields[], workers: number): Promise<Answer> {
  const arrow = await loadArrow();
  pipeline.seen.length = 0;
  const job = run([...pipeline.collects, ...pipeline.callbacks], { workers, debug: true });
  await job.done;
  const rows = await Promise.all(
    pipeline.collects.map(async (sink, index) => {
      const { batches } = await job.table(sink);
      return batches.flatMap((batch) => rowsOfArrow(arrow, batch, fields[index] as Fields));
    }),
  );
  return { rows, batches: [...pipeline.seen] };
}

const firstSeed = chooseSeed();

test.each(Array.from({ length: PIPELINES }, (_, index) => firstSeed + index))(
  'workers agree with the reference, SPILLWAY_SEED=%i SPILLWAY_PIPELINES=1',
  async (seed) => {
    const random = randomFrom(seed);
    const pipeline = await randomPipeline(random);
    try {
      const { fields, ...expected } = await throughReference(pipeline);
      for (const workers of [1, 2]) {
        const answer = await throughWorkers(pipeline, fields, workers);
        expect(answer, `${workers} workers: ${pipeline.description}`).toEqual(expected);
      }
    } finally {
      pipeline.release();
    }
  },
);
