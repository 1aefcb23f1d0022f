import { col, createPipeline, explain, fromIterable } from '@spillway/core';
import { run } from '@spillway/workers';
import { expect, it } from 'vitest';

const NAMES = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'];
const SCHEMA = Object.fromEntries(NAMES.map((name) => [name, 'float64' as const]));
const BATCHES = 30;
const ROWS = 65_536;

/** Batches of the largest size; each of three stages copies them, and a slow sink makes all of them fill up. */
function plan(memoryLimit: number, take: (rows: number) => Promise<void>) {
  const column = Float64Array.from({ length: ROWS }, (_, row) => row);
  const batches = Array.from({ length: BATCHES }, () => Object.fromEntries(NAMES.map((name) => [name, column])));
  let stream = createPipeline({ memoryLimit }).source(fromIterable(SCHEMA, batches));
  for (let stage = 0; stage < 3; stage++) stream = stream.filter(col('a').gt(stage), { ownStage: true });
  return stream.forEach((batch) => take(batch.numRows));
}

it.each([1, 2])('runs at exactly the minimum of %i lanes a stage while every edge is full', async (workers) => {
  const nothing = (): Promise<void> => Promise.resolve();
  const { physical } = await explain([plan(2 ** 30, nothing)], { workers });
  let rows = 0;
  const slowly = async (more: number): Promise<void> => {
    rows += more;
    await new Promise((resolve) => setTimeout(resolve, 10));
  };
  const summary = await run([plan(physical.minimumBytes, slowly)], { workers }).done;
  expect(summary.stages.map((stage) => stage.lanes)).toEqual([workers, workers, workers]);
  expect(rows).toBe(BATCHES * (ROWS - 3));
});

/** Flushes of three of the largest batches, delivered whole. */
function wholeFlushes(memoryLimit: number, take: (rows: number) => Promise<void>) {
  const column = Float64Array.from({ length: ROWS }, (_, row) => row);
  const batches = Array.from({ length: 9 }, () => Object.fromEntries(NAMES.map((name) => [name, column])));
  const stream = createPipeline({ memoryLimit }).source(fromIterable(SCHEMA, batches));
  return stream.memoryBuffer({ iterMax: 3 }).forEach((batch) => take(batch.numRows));
}

it.each([1, 2])('has room for flushes that are delivered whole, with %i workers', async (workers) => {
  const sizes: number[] = [];
  const slowly = async (rows: number): Promise<void> => {
    sizes.push(rows);
    await new Promise((resolve) => setTimeout(resolve, 10));
  };
  const { physical } = await explain([wholeFlushes(2 ** 30, slowly)], { workers });
  await run([wholeFlushes(physical.minimumBytes, slowly)], { workers, debug: true }).done;
  expect(sizes).toEqual([3 * ROWS, 3 * ROWS, 3 * ROWS]);
});
