import { createPipeline, defineOp, fromIterable } from '@spillway/core';
import { buildLogicalPlan } from '@spillway/core/internal';
import { fingerprintOf } from '@spillway/workers/internal';
import { expect, it } from 'vitest';

/** The plan of one op that such a module defines. */
function printOf(module: string): string {
  const op = defineOp(module, {
    input: { value: 'int64' },
    output: 'same',
    stateless: true,
    create: () => ({ process: () => undefined }),
  });
  const rows = createPipeline({ memoryLimit: '64MiB' })
    .register({ op })
    .source(fromIterable({ value: 'int64' }, []));
  return fingerprintOf(buildLogicalPlan([rows.op({}).collect()]));
}

it('ops of two modules are two plans, wherever the modules lie and whether they are compiled', () => {
  expect(printOf('file:///here/dist/clean.js')).toBe(printOf('file:///there/src/clean.ts'));
  expect(printOf('file:///here/clean.js')).not.toBe(printOf('file:///here/count.js'));
});
