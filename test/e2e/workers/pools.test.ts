import { createPipeline, fromIterable } from '@spillway/core';
import { type RunOptions, run } from '@spillway/workers';
import { closeIdlePools, idleThreads } from '@spillway/workers/internal';
import { expect, it } from 'vitest';
import { blocks } from '#fixtures/faults';
import { plus } from '#fixtures/ops';
import { valueRows } from '../../support/rows.ts';

const OPTIONS: RunOptions = { workers: 1, debug: true };
const rows = () =>
  createPipeline({ memoryLimit: '128MiB' })
    .register({ blocks, plus })
    .source(fromIterable({ value: 'int64' }, valueRows(20)));

it('runs ops that block on threads of a pool of their own', async () => {
  await closeIdlePools();
  await run(rows().plus({ n: 1 }).collect(), OPTIONS).done;
  expect(idleThreads()).toBe(1);
  await run(rows().plus({ n: 1 }).blocks().collect(), OPTIONS).done;
  // The warm lane served the other stage; one pool of two lanes would have been new threads for both.
  expect(idleThreads()).toBe(2);
});
