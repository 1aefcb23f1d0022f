import { type ChildProcess, spawn } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { agg, createPipeline, readCsv } from '@spillway/core';
import {
  cutPlan,
  type PartitionResult,
  type PartitionTask,
  runPartitionTask,
  tasksOf,
} from '@spillway/workers/partition';
import { describe, expect, onTestFinished, test } from 'vitest';
import { temporaryFolder } from '../../../support/temporary-folder.ts';

const PACKAGE = dirname(createRequire(import.meta.url).resolve('@spillway/workers/package.json'));
const ENTRY = join(PACKAGE, 'dist', 'lib', 'lone-process.cjs');

async function someTask(folder: string): Promise<PartitionTask> {
  const path = join(folder, 'rows.csv');
  writeFileSync(path, `t,symbol\n${Array.from({ length: 100 }, (_, at) => `${at},s${at % 3}\n`).join('')}`);
  const { bins } = createPipeline()
    .source(readCsv(path, { orderedOn: 't', schema: { t: 'int64', symbol: 'utf8' } }))
    .aggStream({ orderedOn: 't', by: ['symbol'], aggregations: { bins: { every: 10, columns: { n: agg.count() } } } });
  return tasksOf(await cutPlan([bins.collect()], { partitions: 1, folder }), 0, [])[0] as PartitionTask;
}

/** In a process whose folder for caches is this one. */
async function runAlone(task: PartitionTask, caches: string): Promise<PartitionResult> {
  const child: ChildProcess = spawn(process.execPath, [ENTRY], {
    env: { ...process.env, XDG_CACHE_HOME: caches },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  (child.stdin as Writable).write(`${JSON.stringify({ kind: 'run', task, workers: 1, isOnly: true })}\n`);
  const replies: unknown[] = [];
  for await (const line of createInterface({ input: child.stdout as Readable })) {
    replies.push(JSON.parse(line));
    if (replies.length === 2) break;
  }
  expect(replies).toEqual([{ ready: process.version }, { result: expect.anything(), elapsedMs: expect.any(Number) }]);
  return (replies[1] as { result: PartitionResult }).result;
}

function keptIn(caches: string): string {
  const [name, ...others] = readdirSync(join(caches, 'spillway'));
  expect(others).toEqual([]);
  return join(caches, 'spillway', name as string);
}

const filesOf = ({ files }: PartitionResult): unknown => files.map(({ rows, crc32 }) => ({ rows, crc32 }));

describe('a Node process of one task', () => {
  test('keeps what was compiled; damage to it is seen, and made good', async () => {
    const folder = temporaryFolder();
    const caches = join(folder, 'caches');
    const task = await someTask(folder);
    const expected = filesOf(await runPartitionTask(task, { workers: 1 }));
    expect(filesOf(await runAlone({ ...task, attempt: 1 }, caches))).toEqual(expected);
    const kept = keptIn(caches);
    const code = readFileSync(kept);
    expect(filesOf(await runAlone({ ...task, attempt: 2 }, caches))).toEqual(expected);
    expect(readFileSync(kept).equals(code)).toBe(true);
    const damaged = Buffer.from(code).fill(7, 1000, code.length / 2);
    writeFileSync(kept, damaged);
    expect(filesOf(await runAlone({ ...task, attempt: 3 }, caches))).toEqual(expected);
    expect(readFileSync(keptIn(caches)).equals(damaged)).toBe(false);
  });

  test('does the same where nothing can be kept', async () => {
    const folder = temporaryFolder();
    const task = await someTask(folder);
    writeFileSync(join(folder, 'file'), '');
    expect((await runAlone(task, join(folder, 'file'))).rows).toBe(100);
  });
});
