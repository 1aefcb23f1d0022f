import type { Fields } from '@spillway/core';
import { AutoLimit } from '@spillway/core/internal';
import { expect, test } from 'vitest';
import { startStage } from '../../../support/stage.ts';

const FIELDS: Fields = [{ name: 'n', type: 'int64', nullable: false }];

test('a limit is so many average inputs of the last hundred, and never passes its cap', () => {
  const reported: number[][] = [];
  let cap = 10e6;
  const limit = new AutoLimit(500, { capBytes: () => cap, report: (...bytes) => reported.push(bytes) });
  for (let input = 0; input < 50; input++) limit.observe(1000);
  expect(limit.limitBytes()).toBe(500_000);
  for (let input = 0; input < 100; input++) limit.observe(3000);
  expect(limit.limitBytes()).toBe(1_500_000);
  cap = 800_000;
  expect(limit.limitBytes()).toBe(800_000);
  expect(reported.at(-1)).toEqual([800_000, 1_500_000]);
});

test('a buffer with an automatic limit flushes at it, and its cap moves while it runs', async () => {
  let cap = 80_000;
  const stage = await startStage(
    FIELDS,
    [
      {
        name: 'buffer',
        spec: { kind: 'memoryBuffer', triggers: { memoryLimitBytes: 'auto' }, accumulate: true },
        emissionsVisible: false,
        autoBytes: cap,
      },
    ],
    { limitPlace: () => ({ capBytes: () => cap, report: () => undefined }) },
  );
  const rows = Array.from({ length: 1000 }, (_, n) => ({ n }));
  for (let input = 0; input < 25; input++) await stage.push(rows);
  expect(stage.emitted.map((batch) => batch.rows.length)).toEqual([10_000, 10_000]);
  cap = 40_000;
  for (let input = 0; input < 5; input++) await stage.push(rows);
  expect(stage.emitted.map((batch) => batch.rows.length)).toEqual([10_000, 10_000, 6000]);
  expect(new Set(stage.flushes)).toEqual(new Set(['buffer memory']));
  expect(stage.close()).toBe(0);
});
