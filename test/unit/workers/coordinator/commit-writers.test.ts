import { PipelineError } from '@spillway/core';
import { commitWriters } from '@spillway/workers/internal';
import { expect, it } from 'vitest';

const conflict = new PipelineError('ERR_STORE_CONFLICT', 'somebody else was faster', {
  hint: 'run again',
  stage: 'daily',
});
const sinks = (...names: string[]) =>
  names.map((name) => ({ name, commit: () => (name === 'daily' ? Promise.reject(conflict) : Promise.resolve()) }));

it('names the sinks that were committed before one is refused', async () => {
  await expect(commitWriters(sinks('hourly', 'weekly', 'daily', 'monthly'))).rejects.toMatchObject({
    code: 'ERR_STORE_CONFLICT',
    stage: 'daily',
    hint: 'run again; already committed: "hourly", "weekly"',
  });
});

it('passes the refusal of the first sink on as it is', async () => {
  await expect(commitWriters(sinks('daily', 'hourly'))).rejects.toBe(conflict);
});
