import { PipelineError } from '@spillway/core';
import { FailureLatch } from '@spillway/workers/internal';
import { expect, it } from 'vitest';

it('keeps the first failure and stops everything once', () => {
  const latch = new FailureLatch();
  let stops = 0;
  latch.onFailure(() => void (stops += 1));
  const first = new PipelineError('ERR_OP_FAILED', 'first');
  latch.fail(first);
  latch.fail(new PipelineError('ERR_ABORTED', 'second'));
  expect([latch.error, latch.signal.reason, stops]).toEqual([first, first, 1]);
});

it('stops at once what is registered after the failure', () => {
  const latch = new FailureLatch();
  latch.fail(new Error('early'));
  let stopped = false;
  latch.onFailure(() => void (stopped = true));
  expect(stopped).toBe(true);
});

it('makes a PipelineError of anything thrown, with its cause', () => {
  const latch = new FailureLatch();
  latch.fail(new RangeError('odd'));
  expect(latch.error).toMatchObject({ code: 'ERR_INTERNAL', message: 'odd', cause: { name: 'RangeError' } });
});

it('may be listened to by any number of sources and sinks', async () => {
  const warnings: Error[] = [];
  const keep = (warning: Error): unknown => warnings.push(warning);
  process.on('warning', keep);
  const { signal } = new FailureLatch();
  for (let index = 0; index < 20; index++) signal.addEventListener('abort', () => {});
  await new Promise((resolve) => setImmediate(resolve));
  process.off('warning', keep);
  expect(warnings).toEqual([]);
});
