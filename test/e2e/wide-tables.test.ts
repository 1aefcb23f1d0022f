/** CSV of any width: what it needs at least does not grow with its columns, and there it gives what it gives with ample memory. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createPipeline, explain, readCsv } from '@spillway/core';
import { run } from '@spillway/workers';
import { expect, it } from 'vitest';
import { chooseSeed, randomFrom, type SeededRandom } from '#support/random';
import { temporaryFolder } from '../support/temporary-folder.ts';

const MEBIBYTE = 2 ** 20;
const FIELDS = 60_000;

type Value = bigint | number | string | boolean | null;
const KINDS: readonly ((random: SeededRandom) => Value)[] = [
  (random) => BigInt(random.integer(-1e6, 1e6)),
  (random) => random.integer(0, 1e6) / 8,
  (random) => (random.chance(0.2) ? null : 'x'.repeat(random.integer(1, 12))),
  (random) => random.chance(0.5),
];

/** A file of about `FIELDS` fields; its first column ascends. */
function wideFile(random: SeededRandom, width: number): { path: string; rows: Record<string, Value>[] } {
  const kinds = Array.from({ length: width }, (_, column) => (column === 0 ? undefined : random.pick(KINDS)));
  const rows = Array.from({ length: Math.ceil(FIELDS / width) }, (_, row) =>
    Object.fromEntries(kinds.map((kind, column) => [`c${column}`, kind === undefined ? BigInt(row) : kind(random)])),
  );
  const lines = rows.map((row) =>
    Object.values(row)
      .map((value) => (typeof value === 'number' && Number.isInteger(value) ? value.toFixed(1) : (value ?? '')))
      .join(','),
  );
  const path = join(temporaryFolder(), 'wide.csv');
  writeFileSync(path, `${Object.keys(rows[0] ?? {}).join(',')}\n${lines.join('\n')}\n`);
  return { path, rows };
}

it.each([
  [1, 20],
  [21, 300],
  [301, 1000],
  [1001, 2000],
])('CSV of %i to %i columns runs at its minimum, which is little, and at any limit beyond it', async (from, to) => {
  const random = randomFrom(chooseSeed() + to);
  const width = random.integer(from, to);
  const { path, rows } = wideFile(random, width);
  const types = Object.fromEntries(Object.entries(rows[0] ?? {}).map(([name]) => [name, typeOf(rows, name)]));
  const sinkOf = (memoryLimit: number) =>
    createPipeline({ memoryLimit })
      .source(readCsv(path, { orderedOn: 'c0', schema: types }))
      .collect();
  for (const workers of [1, 2]) {
    const { physical } = await explain(sinkOf(2 ** 30), { workers });
    expect(physical.minimumBytes, `${width} columns`).toBeLessThan(128 * MEBIBYTE);
    const beyond = random.integer(physical.minimumBytes, 256 * MEBIBYTE);
    const sink = sinkOf(workers === 1 ? physical.minimumBytes : beyond);
    expect(await run(sink, { workers, debug: true }).rows(sink), `seed ${random.seed}`).toEqual(rows);
  }
});

it.each([1, 2])('chunks of nothing but delimiters have room at the minimum of %i workers', async (workers) => {
  const path = join(temporaryFolder(), 'empty.csv');
  const names = Array.from({ length: 500 }, (_, column) => `c${column}`);
  writeFileSync(path, `${names.join(',')}\n${`${','.repeat(499)}\n`.repeat(6000)}`);
  const schema = Object.fromEntries(names.map((name) => [name, 'float64' as const]));
  const sinkOf = (memoryLimit: number) =>
    createPipeline({ memoryLimit })
      .source(readCsv(path, { schema }))
      .toParquet(join(temporaryFolder(), 'empty.parquet'));
  const { physical } = await explain(sinkOf(2 ** 30), { workers });
  expect(await run(sinkOf(physical.minimumBytes), { workers, debug: true }).done).toMatchObject({ rowsOut: 6000 });
});

function typeOf(rows: readonly Record<string, Value>[], name: string): 'int64' | 'float64' | 'utf8' | 'bool' {
  const value = rows.find((row) => row[name] !== null)?.[name];
  if (typeof value === 'bigint') return 'int64';
  return typeof value === 'number' ? 'float64' : typeof value === 'boolean' ? 'bool' : 'utf8';
}
