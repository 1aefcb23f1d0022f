import { createPipeline, fromIterable, PipelineError } from '@spillway/core';
import { processArena } from '@spillway/core/internal';
import { type RunOptions, run } from '@spillway/workers';
import { afterEach, describe, expect, it } from 'vitest';
import { breaks, exits, hangs, hoards, missing, numbers, spins, throwsLater, waits } from '#fixtures/faults';
import { throwAt } from '#fixtures/ops';
import { valueRows, valuesOf } from '../../support/rows.ts';

const SCHEMA = { value: 'int64' } as const;
const OPTIONS: RunOptions = { workers: 2, debug: true };

const pipeline = () =>
  createPipeline({ memoryLimit: '128MiB' }).register({
    exits,
    hangs,
    hoards,
    missing,
    spins,
    throwAt,
    throwsLater,
    waits,
  });
const source = (p: ReturnType<typeof pipeline>, rows = 1000) =>
  p.source(fromIterable(SCHEMA, valueRows(rows), { orderedOn: 'value', batchRows: 10 }));

async function errorOf(done: Promise<unknown>): Promise<PipelineError> {
  const error: unknown = await done.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof PipelineError) return error;
  throw new Error(`was not refused: ${String(error)}`);
}

/** A run that must work, whatever happened before it. */
async function runsWell(): Promise<void> {
  const sink = source(pipeline(), 100).waits({ ms: 0 }).collect();
  const job = run(sink, OPTIONS);
  await job.done;
  expect(valuesOf(await job.rows(sink))).toHaveLength(100);
}

afterEach(() => {
  expect(processArena().usedSlabs()).toBe(0);
});

describe('an op that throws', () => {
  it('fails the run with its stage, its cause and the stack of its thread', async () => {
    const job = run(source(pipeline()).throwAt({ at: 543 }).collect(), OPTIONS);
    const error = await errorOf(job.done);
    expect(error).toMatchObject({
      code: 'ERR_OP_FAILED',
      stage: 'throwAt',
      cause: { name: 'RangeError', message: 'value 543 is not liked here' },
    });
    expect(error.remoteStack).toContain('throwAt');
    expect(job.summary()).toMatchObject({ ok: false, error: { code: 'ERR_OP_FAILED' } });
    await runsWell();
  });
});

describe('a worker that dies', () => {
  it('by process.exit fails the run, naming the stage; the next run starts afresh', async () => {
    const error = await errorOf(run(source(pipeline()).exits({ at: 3 }).collect(), OPTIONS).done);
    expect(error).toMatchObject({ code: 'ERR_WORKER_DIED', stage: 'exits' });
    await runsWell();
  });

  it('by a full heap says so', async () => {
    const error = await errorOf(run(source(pipeline(), 20).hoards().collect(), OPTIONS).done);
    expect([error.code, error.stage, error.message]).toEqual([
      'ERR_WORKER_DIED',
      'hoards',
      expect.stringContaining('heap is full'),
    ]);
    await runsWell();
  });

  it('by an error that nobody awaits carries it as the cause', async () => {
    const error = await errorOf(run(source(pipeline(), 20).throwsLater().collect(), OPTIONS).done);
    expect(error).toMatchObject({
      code: 'ERR_WORKER_DIED',
      stage: 'throwsLater',
      cause: { message: 'nobody catches this' },
    });
    await runsWell();
  });
});

describe('before anything starts', () => {
  it('refuses an op that a worker cannot import', async () => {
    const p = pipeline();
    const input = p.pushSource(SCHEMA);
    const job = run(input.stream.missing({ ms: 0 }).collect(), OPTIONS);
    const pushed = errorOf(input.emit([{ value: 1n }]));
    expect(await errorOf(job.done)).toMatchObject({ code: 'ERR_OP_IMPORT', stage: 'missing' });
    expect((await pushed).code).toBe('ERR_OP_IMPORT');
  });

  it('refuses a limit below the minimum, naming it', async () => {
    const error = await errorOf(
      run(source(pipeline()).waits({ ms: 0 }).collect(), { ...OPTIONS, memoryLimit: '1MiB' }).done,
    );
    expect(error.code).toBe('ERR_MEMORY_MINIMUM');
    expect(error.hint).toMatch(/raise memoryLimit to/);
  });

  it('stops at once when the signal is aborted already', async () => {
    const job = run(source(pipeline()).waits({ ms: 0 }).collect(), { ...OPTIONS, signal: AbortSignal.abort() });
    expect((await errorOf(job.done)).code).toBe('ERR_ABORTED');
  });
});

describe('an abort', () => {
  it.each(['waits', 'hangs', 'spins'] as const)('ends the run while an op %s', async (name) => {
    const p = pipeline();
    const stream =
      name === 'waits'
        ? source(p, 1_000_000).waits({ ms: 5 })
        : name === 'hangs'
          ? source(p).hangs()
          : source(p).spins();
    const job = run(stream.collect(), OPTIONS);
    await new Promise((resolve) => job.on('stage', resolve));
    await new Promise((resolve) => setTimeout(resolve, 50));
    job.abort('enough');
    // Left alone it would not be over before this test is.
    expect(await errorOf(job.done)).toMatchObject({ code: 'ERR_ABORTED' });
    await runsWell();
  });

  it('by the signal rejects what waits in a push source', async () => {
    const controller = new AbortController();
    const input = pipeline().pushSource(SCHEMA);
    const job = run(input.stream.hangs().collect(), { ...OPTIONS, signal: controller.signal });
    const emits = Array.from({ length: 200 }, (_, value) =>
      input.emit([{ value }]).catch((error: PipelineError) => error.code),
    );
    setTimeout(() => controller.abort(), 100);
    expect((await errorOf(job.done)).code).toBe('ERR_ABORTED');
    expect(await emits.at(-1)).toBe('ERR_ABORTED');
  });

  it('by disposal is silent', async () => {
    const job = run(source(pipeline(), 100_000).waits({ ms: 1 }).collect(), OPTIONS);
    const done = job.done.catch(() => 'rejected');
    await job[Symbol.asyncDispose]();
    expect(await done).toBe('rejected');
  });
});

describe('rows out of order', () => {
  it('are refused between splits that lanes make, naming both values', async () => {
    const p = pipeline();
    const fine = p.source(numbers, { splits: 20, each: 100 }).waits({ ms: 0 }).collect();
    const job = run(fine, OPTIONS);
    await job.done;
    expect(valuesOf(await job.rows(fine))).toEqual(Array.from({ length: 2000 }, (_, value) => value));

    const error = await errorOf(
      run(p.source(numbers, { splits: 20, each: 100, backAt: 12 }).waits({ ms: 0 }).collect(), OPTIONS).done,
    );
    expect(error).toMatchObject({ code: 'ERR_INPUT_UNORDERED', column: 'value', value: '200', file: 'split 12' });
  });
});

it('names a source whose code throws, its split and the cause', async () => {
  const failed = run(createPipeline({ memoryLimit: '128MiB' }).source(breaks).collect(), { workers: 2 }).done;
  await expect(failed).rejects.toMatchObject({
    code: 'ERR_SOURCE_FAILED',
    message: 'source "breaks" failed on split 1: no such file',
    stage: 'breaks',
    cause: { name: 'RangeError' },
  });
});
