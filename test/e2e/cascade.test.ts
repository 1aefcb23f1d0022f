import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createPipeline, fromIterable } from '@spillway/core';
import { run } from '@spillway/workers';
import { describe, expect, it } from 'vitest';
import { trace } from '#fixtures/ops';
import { temporaryFolder } from '#support/temporary-folder';

function* inputs(count: number): Generator<{ value: bigint }[]> {
  for (let i = 0; i < count; i += 1) yield [{ value: BigInt(i) }];
}

/** Runs `op1(3) op2(2) op3(1)` over so many inputs of a row each; gives the order of the calls, flushes and rows. */
async function cascade(count: number) {
  const file = join(temporaryFolder(), 'calls.txt');
  const sink = createPipeline()
    .register({ op1: trace, op2: trace, op3: trace })
    .source(fromIterable({ value: 'int64' }, inputs(count)))
    .op1({ label: 'op1', file, iterMax: 3 })
    .op2({ label: 'op2', file, iterMax: 2 })
    .op3({ label: 'op3', file, iterMax: 1 })
    .collect();
  const job = run([sink], { workers: 2 });
  const flushes: string[] = [];
  job.on('flush', ({ node, reason }) => flushes.push(`${node} ${reason}`));
  const summary = await job.done;
  return { calls: readFileSync(file, 'utf8').trim(), flushes, rows: await job.rows(sink), summary };
}

describe('a cascade of op1(3) op2(2) op3(1)', () => {
  it('runs nine inputs in the order of the design, left-over included', async () => {
    const { calls } = await cascade(9);
    expect(calls).toBe('op1 op1 op1 op2 op1 op1 op1 op2 op3 op1 op1 op1 op2 op3');
  });

  it('loses no row', async () => {
    const { rows } = await cascade(9);
    expect(rows.map(({ value }) => value)).toEqual(Array.from({ length: 9 }, (_, i) => BigInt(i)));
  });

  it('counts why each buffer was emptied', async () => {
    const { flushes, summary } = await cascade(9);
    expect(flushes).toEqual([
      ...['op1 iterations'],
      ...['op1 iterations', 'op2 iterations', 'op3 iterations'],
      ...['op1 iterations', 'op2 end', 'op3 iterations'],
    ]);
    expect(summary.flushes).toMatchObject({ iterations: 6, end: 1 });
  });

  it('hands on what less than a full count left in every buffer', async () => {
    const { calls, rows } = await cascade(1);
    expect(calls).toBe('op1 op2 op3');
    expect(rows).toHaveLength(1);
  });
});
