/** One crash of a job that another process goes on with, perhaps one more of that process, and what must be there in the end. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { createPipeline, fromIterable, openStore } from '@spillway/core';
import { readParquetInfo } from '@spillway/core/internal';
import { run } from '@spillway/workers';
import { expect } from 'vitest';
import { DAYS, RESUMED, ROWS, resumedJob } from '#fixtures/resume-scenario';
import { valueRows } from '../support/rows.ts';

const child = createRequire(import.meta.url).resolve('#fixtures/resume-crash-child');

export type CrashMode = 'kill' | 'lose' | 'fail' | 'broken' | 'timed';

export async function writeDays(root: string): Promise<void> {
  rmSync(root, { recursive: true, force: true });
  mkdirSync(root, { recursive: true });
  for (let day = 0; day < DAYS; day += 1) {
    const rows = fromIterable({ value: 'int64' }, valueRows(ROWS, day * ROWS));
    const path = join(root, `day-${day}.parquet`);
    await run(createPipeline({ memoryLimit: '128MiB' }).source(rows).toParquet(path, { rowGroupRows: 200 }), {
      workers: 1,
    }).done;
  }
}

/** Runs the job from a day on in a process of its own. @returns changes that it made to the file system; 0 when it was killed */
export function runChild(root: string, from: number, last: number, mode: CrashMode): number {
  const args = [child, root, String(from), String(last), mode];
  const { stdout, stderr, signal } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  if (signal !== 'SIGKILL' && last === 0) expect(stderr).toBe('');
  return Number(/changes (\d+)/.exec(stdout)?.[1] ?? 0);
}

/** Everything that the job has written, and that the store verifies. */
async function checkContent(root: string): Promise<void> {
  const store = await openStore(join(root, 'store'));
  const values = Array.from({ length: DAYS * ROWS }, (_, value) => BigInt(value));
  const rows = await store.dataset({ name: 'rows' });
  expect(await rows.verify()).toMatchObject({ ok: true, problems: [] });
  const read: bigint[] = [];
  for await (const batch of rows.read({ columns: ['value'] }))
    for (const { value } of batch) read.push(value as bigint);
  expect(read).toEqual(values);
  const bins = await store.dataset({ name: 'bins' });
  expect(await bins.verify()).toMatchObject({ ok: true, problems: [] });
  let n = 0n;
  let sum = 0n;
  for await (const batch of bins.read()) for (const row of batch) [n, sum] = [n + row['n'], sum + row['sum']];
  expect([n, sum]).toEqual([BigInt(values.length), values.reduce((all, value) => all + value, 0n)]);
  expect((await readParquetInfo(join(root, 'rows.parquet'))).rows).toBe(values.length);
}

/**
 * Breaks the job at one change, or kills it after some milliseconds, and, `again` not being 0, who goes on with it at another. The next one ends with what an unbroken run ends with.
 */
export async function crashCase(root: string, change: number, mode: CrashMode, again = 0): Promise<void> {
  rmSync(join(root, 'store'), { recursive: true, force: true });
  rmSync(join(root, 'rows.parquet'), { force: true });
  runChild(root, 0, change, mode);
  if (again > 0) runChild(root, DAYS - 1, again, mode);
  await run(await resumedJob(root, DAYS), RESUMED).done;
  await checkContent(root);
  // Nothing staged, no other checkpoint, nobody that holds the id.
  const names = readdirSync(join(root, 'store', '_resume', 'job'));
  expect(names).toEqual([expect.stringMatching(/^checkpoint-/)]);
  const stored = readdirSync(join(root, 'store'), { recursive: true, encoding: 'utf8' });
  expect(stored.filter((name) => name.includes('_staging'))).toEqual([]);
  expect(readdirSync(root).filter((name) => name.startsWith('.'))).toEqual([]);
}
