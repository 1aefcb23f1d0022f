/** Steps over rows through the workers, with one lane and with two, give what the reference executor gives. */
import type { Fields } from '@spillway/core';
import { loadArrow, rowsOfArrow, runReference } from '@spillway/core/internal';
import { run } from '@spillway/workers';
import { expect, test } from 'vitest';
import { chooseSeed } from '#support/random';
import { STEP_NAMES, stepSink } from '#support/random-steps';

const seed = chooseSeed();

test.each(STEP_NAMES.map((name, index) => [index, name] as const))('step %i: %s', async (index) => {
  const { name, sink } = stepSink(index, seed);
  const arrow = await loadArrow();
  const { outputs } = await runReference([sink]);
  const fields = outputs[0]?.fields as Fields;
  for (const workers of [1, 2]) {
    const job = run([sink], { workers, debug: true });
    await job.done;
    const { batches } = await job.table(sink);
    const rows = batches.flatMap((batch) => rowsOfArrow(arrow, batch, fields));
    expect(rows, `${name}, ${workers} workers, SPILLWAY_SEED=${seed}`).toEqual(outputs[0]?.batches.flat());
  }
});
