import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createPipeline } from '@spillway/core';
import { type FlushEvent, run } from '@spillway/workers';
import { expect, it } from 'vitest';
import { trace } from '#fixtures/ops';
import { valuesOf } from '../../support/rows.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const SCHEMA = { value: 'int64' } as const;

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 1));
}

it('runs op1(3) op2(2) op3(1) over nine inputs in the sequence of the design, and the left-over at the end', async () => {
  const file = join(temporaryFolder(), 'trace.txt');
  const p = createPipeline({ memoryLimit: '128MiB' }).register({ op1: trace, op2: trace, op3: trace });
  const input = p.pushSource(SCHEMA);
  const sink = input.stream
    .op1({ label: 'op1', file, iterMax: 3 })
    .op2({ label: 'op2', file, iterMax: 2 })
    .op3({ label: 'op3', file, iterMax: 1 })
    .collect();
  const job = run(sink, { debug: true });
  const flushes: string[] = [];
  job.on('flush', ({ node, reason }: FlushEvent) => flushes.push(`${node} ${reason}`));

  const traced = (): string[] => readFileSync(file, { encoding: 'utf8', flag: 'a+' }).split(' ').filter(Boolean);
  const after: number[] = [];
  const calls = [1, 2, 4, 5, 6, 9, 10, 11, 13];
  for (const [index, total] of calls.entries()) {
    await input.emit([{ value: index }]);
    await until(() => traced().length >= total);
    after.push(traced().length);
  }
  expect(after).toEqual(calls);
  input.end();
  const summary = await job.done;

  expect(traced().join(' ')).toBe('op1 op1 op1 op2 op1 op1 op1 op2 op3 op1 op1 op1 op2 op3');
  expect(flushes).toEqual([
    'op1 iterations',
    'op1 iterations',
    'op2 iterations',
    'op3 iterations',
    'op1 iterations',
    'op2 end',
    'op3 iterations',
  ]);
  expect(valuesOf(await job.rows(sink))).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]);
  expect(summary.flushes).toMatchObject({ iterations: 6, end: 1 });
});

it('draws each buffer while it fills, and flushes one by hand', async () => {
  const p = createPipeline({ memoryLimit: '128MiB' });
  const input = p.pushSource(SCHEMA);
  const sink = input.stream.memoryBuffer({ name: 'held', iterMax: 4 }).collect();
  const job = run(sink, { debug: true });
  await input.emit([{ value: 1 }]);
  await input.emit([{ value: 2 }]);
  await until(() => job.state().text.includes('held [██░░] 2/4'));
  job.flush('held');
  await until(() => job.state().text.includes('held [░░░░] 0/4'));
  await input.emit([{ value: 3 }]);
  input.end();
  await job.done;
  const table = await job.table(sink);
  expect(table.batches.map((batch) => batch.numRows)).toEqual([2, 1]);
});
