import { createPipeline } from '@spillway/core';
import { Pieces } from '@spillway/workers/internal';
import { cutPlan, type PartitionResult, type PartitionTask } from '@spillway/workers/partition';
import { describe, expect, test } from 'vitest';
import { made } from '#fixtures/random-ops';

/** One partition of so many splits. */
async function tasksOf(splits: number): Promise<PartitionTask[]> {
  const sink = createPipeline({ memoryLimit: '64MiB' }).source(made, { splits, rows: 1 }).limit(1).collect();
  return (await cutPlan([sink], { partitions: 1 })).steps[0]?.tasks ?? [];
}

function resultOf({ step, partition, piece }: PartitionTask, path: string): PartitionResult {
  const file = { path, rows: 1, bytes: 1, crc32: 1, min: null, max: null };
  return { step, partition, ...(piece !== undefined && { piece }), attempt: 1, files: [file], peakRss: 1, rows: 1 };
}

describe('Pieces', () => {
  test('joins what halves and their halves gave, in order, whichever ends first', async () => {
    const pieces = new Pieces(await tasksOf(8));
    expect((await pieces.cut(0))?.()).toBe(2);
    expect((await pieces.cut(1))?.()).toBe(2);
    expect([1, 2, 3, 4].map((unit) => pieces.task(unit).piece)).toEqual(['1', '2', '11', '12']);
    expect(pieces.called(4)).toBe('piece 12 of partition 0');
    const finish = (unit: number): PartitionResult | undefined =>
      pieces.finish(unit, resultOf(pieces.task(unit), `of ${unit}`));
    expect(finish(4)).toBeUndefined();
    expect(finish(2)).toBeUndefined();
    expect(finish(3)).toMatchObject({
      partition: 0,
      rows: 3,
      files: [{ path: 'of 3' }],
      more: [[{ path: 'of 4' }], [{ path: 'of 2' }]],
    });
  });

  test('does not cut what is one split', async () => {
    const pieces = new Pieces(await tasksOf(1));
    expect(await pieces.cut(0)).toBeUndefined();
    expect(pieces.finish(0, resultOf(pieces.task(0), 'all'))).toMatchObject({ files: [{ path: 'all' }] });
  });
});
