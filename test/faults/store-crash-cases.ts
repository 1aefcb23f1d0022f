/** One crash of a process that writes a dataset, and what must hold afterwards. */
import { spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { type Dataset, openStore, type Store } from '@spillway/core';
import { expect } from 'vitest';
import { COMMITS, KEY, rowsAfter, runScenario } from '#fixtures/store-scenario';

import { randomFrom } from '../support/random.ts';

const child = createRequire(import.meta.url).resolve('#fixtures/store-crash-child');

export type CrashMode = 'kill' | 'lose' | 'fail' | 'broken';

interface Outcome {
  /** Commits that the child said were done. */
  committed: number;
  /** Changes to the file system; only when it came to its end. */
  changes: number;
  isKilled: boolean;
}

function runChild(root: string, seed: number, last: number, mode: CrashMode): Outcome {
  const args = [child, root, String(seed), '0', String(last), mode];
  const { stdout, signal } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  const lines = stdout.split('\n').filter(Boolean);
  const committed = Number(lines.findLast((line) => /^\d+$/.test(line)) ?? 0);
  return { committed, changes: Number(/changes (\d+)/.exec(stdout)?.[1] ?? 0), isKilled: signal === 'SIGKILL' };
}

async function rowsOf(dataset: Dataset): Promise<{ ts: bigint; n: number }[]> {
  const rows: { ts: bigint; n: number }[] = [];
  for await (const batch of dataset.read()) for (const { ts, n } of batch) rows.push({ ts, n });
  return rows;
}

/** Commits that the store has, by the row that tells; its content is that of so many, and it verifies. */
async function commitsIn(store: Store, seed: number): Promise<number> {
  if (!(await store.has(KEY))) return 0;
  const dataset = await store.dataset(KEY);
  const rows = await rowsOf(dataset);
  const commits = Number(rows.at(-1)?.n ?? -1) + 1;
  expect(rows).toEqual(rowsAfter(seed, commits));
  expect(await dataset.verify()).toMatchObject({ ok: true, problems: [] });
  return commits;
}

/** Changes that the scenario makes when nothing happens. */
export function countChanges(root: string, seed: number): number {
  const { changes, committed } = runChild(root, seed, 0, 'kill');
  rmSync(root, { recursive: true, force: true });
  expect(committed).toBe(COMMITS);
  return changes;
}

/**
 * Breaks the scenario at one change. Afterwards the store has what was committed, perhaps one commit more than its writer
 * got to know; it verifies; and going on ends where an unbroken run does.
 */
export async function crashCase(root: string, seed: number, change: number, mode: CrashMode): Promise<void> {
  const { committed, isKilled } = runChild(root, seed, change, mode);
  expect(isKilled).toBe(mode !== 'fail');
  const commits = await commitsIn(await openStore(root), seed);
  expect([committed, committed + 1]).toContain(commits);
  await runScenario(root, seed, commits, () => {});
  expect(await commitsIn(await openStore(root), seed)).toBe(COMMITS);
  rmSync(root, { recursive: true, force: true });
}

/** `count` changes of a scenario, spread over all of it. */
export function somePoints(seed: number, changes: number, count: number): number[] {
  const random = randomFrom(seed);
  const step = changes / count;
  return Array.from({ length: count }, (_, i) => Math.min(changes, 1 + Math.floor((i + random.next()) * step)));
}
