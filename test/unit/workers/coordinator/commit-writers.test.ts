import { PipelineError } from '@spillway/core';
import { commitWriters } from '@spillway/workers/internal';
import { expect, it } from 'vitest';

const conflict = new PipelineError('ERR_STORE_CONFLICT', 'somebody else was faster', {
  hint: 'run again',
  stage: 'daily',
});
const sinks = (...names: string[]) =>
  names.map((name) => ({
    name,
    place: name,
    commit: () => (name === 'daily' ? Promise.reject(conflict) : Promise.resolve()),
  }));

it('names the sinks that were committed where one is refused', async () => {
  await expect(commitWriters(sinks('hourly', 'weekly', 'daily', 'monthly'))).rejects.toMatchObject({
    code: 'ERR_STORE_CONFLICT',
    stage: 'daily',
    hint: 'run again; already committed: "hourly", "weekly", "monthly"',
  });
});

it('passes the refusal of the only sink on as it is', async () => {
  await expect(commitWriters(sinks('daily'))).rejects.toBe(conflict);
});

it('commits sinks of one place in their order, and none behind a refusal', async () => {
  const committed: number[] = [];
  const sink = (index: number, place: string) => ({
    name: `${index}`,
    place,
    commit: async () => {
      for (let turn = index; turn < 3; turn += 1) await Promise.resolve();
      committed.push(index);
      if (index === 1) throw conflict;
    },
  });
  const one = [sink(0, 'a'), sink(1, 'a'), sink(2, 'a')];
  await expect(commitWriters(one)).rejects.toMatchObject({ hint: 'run again; already committed: "0"' });
  expect(committed).toEqual([0, 1]);
});
