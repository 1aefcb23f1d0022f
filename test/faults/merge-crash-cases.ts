/** A coordinator that dies while it commits what the tasks of partitions have written, and another that goes on with it. */
import { spawnSync } from 'node:child_process';
import { cpSync, readdirSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { openStore } from '@spillway/core';
import { run } from '@spillway/workers';
import { expect } from 'vitest';
import { KEY, mergeResults, rowsInto, runTasks } from '#fixtures/merge-scenario';
import { datasetDigests } from '#support/dataset-digests';

const child = createRequire(import.meta.url).resolve('#fixtures/merge-crash-child');

/** @returns how to break a merge of these partitions, and how many changes of the file system a whole one makes */
export async function partitionsIn(
  root: string,
): Promise<{ changes: number; crash: (at: number, mode: string) => Promise<void> }> {
  await runTasks(root);
  const saved = join(root, 'saved');
  cpSync(join(root, 'parts'), saved, { recursive: true });
  const expected = join(root, 'expected');
  await run(await rowsInto(expected), { workers: 1 }).done;
  const digests = await datasetDigests(await openStore(expected));
  const start = (): void => {
    for (const name of ['store', 'resume', 'parts']) rmSync(join(root, name), { recursive: true, force: true });
    cpSync(saved, join(root, 'parts'), { recursive: true });
  };
  start();
  const changes = mergeInChild(root, 0, 'kill');
  return {
    changes,
    crash: async (at, mode) => {
      start();
      expect(mergeInChild(root, at, mode)).toBe(0);
      await mergeResults(root);
      const store = await openStore(join(root, 'store'));
      expect(await datasetDigests(store)).toEqual(digests);
      expect((await store.dataset(KEY)).version).toBe(0);
      const names = readdirSync(join(root, 'store'), { recursive: true, encoding: 'utf8' });
      expect(names.filter((name) => name.includes('_staging'))).toEqual([]);
    },
  };
}

function mergeInChild(root: string, last: number, mode: string): number {
  const { stdout } = spawnSync(process.execPath, [child, root, String(last), mode], { encoding: 'utf8' });
  return Number(/changes (\d+)/.exec(stdout)?.[1] ?? 0);
}
