import { PipelineError } from '@spillway/core';
import { run } from '@spillway/workers';
import { parseRunOptions } from '@spillway/workers/internal';
import { expect, it } from 'vitest';

function refusal(options: object): PipelineError {
  try {
    run([], options);
  } catch (error) {
    if (error instanceof PipelineError) return error;
    throw error;
  }
  throw new Error('was not refused');
}

it('takes sizes and durations as text', () => {
  const parsed = parseRunOptions({ memoryLimit: '64MiB', progressEvery: '1s', stallTimeout: '2m', workers: 3 });
  expect(parsed).toMatchObject({
    memoryLimitBytes: 64 * 2 ** 20,
    progressEveryMs: 1000,
    stallTimeoutMs: 120_000,
    workers: 3,
  });
});

it.each([
  [{ workers: 0 }, /workers is 0/],
  [{ workers: 1.5 }, /workers is 1.5/],
  [{ worker: 2 }, /run has no option "worker"/],
  [{ onProgress: 'yes' }, /onProgress is not a function/],
  [{ signal: {} }, /signal is not an AbortSignal/],
  [{ resume: '../nightly' }, /option resume/],
  [{ inputEnds: 'more' }, /option inputEnds is given without resume/],
  [{ resume: 'nightly', inputEnds: 'never' }, /option inputEnds/],
  [{ resume: 'nightly', resumeDirectory: '' }, /option resumeDirectory/],
])('refuses %j at once, with a hint', (options, message) => {
  const error = refusal(options);
  expect([error.code, error.message]).toEqual(['ERR_OPTIONS', expect.stringMatching(message)]);
  expect(error.hint).toBeTruthy();
});

it('is told the option that was meant', () => {
  expect(refusal({ worker: 2 }).hint).toBe('did you mean "workers"?');
  expect(refusal({ colour: 'red' }).hint).toMatch(/^its options are workers, memoryLimit, /);
});
