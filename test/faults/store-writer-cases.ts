/** Several processes that write overlapping rows to one dataset, while others read it. */
import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { openStore, type Store } from '@spillway/core';
import { expect } from 'vitest';

const child = createRequire(import.meta.url).resolve('#fixtures/store-writer-child');
const WRITERS = 8;
const READERS = 2;
/** As in the writers. */
const ROWS = 5;
const KEY = { a: 'b' };

/** Commits that a writer made. */
function runWriter(root: string, writer: number, milliseconds: number): Promise<number> {
  const process = spawn('node', [child, root, String(writer), String(milliseconds)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let text = '';
  process.stdout.on('data', (bytes: Buffer) => {
    text += bytes.toString();
  });
  return new Promise((resolve, reject) => {
    process.on('error', reject);
    process.on('close', (code) =>
      code === 0 ? resolve(Number(text)) : reject(new Error(`writer ${writer}: ${code}`)),
    );
  });
}

/** Rows by commit; each commit is there whole, and rows ascend. */
async function commitsSeen(store: Store): Promise<Map<number, number>> {
  const seen = new Map<number, number>();
  let last = -1n;
  for await (const batch of (await store.dataset(KEY)).read({ batchRows: 1000 })) {
    for (const { ts, n } of batch as Iterable<{ ts: bigint; n: number }>) {
      expect(ts).toBeGreaterThanOrEqual(last);
      last = ts;
      seen.set(n, (seen.get(n) ?? 0) + 1);
    }
  }
  expect([...seen.values()].every((rows) => rows === ROWS)).toBe(true);
  return seen;
}

/** No write is lost, none is seen half, and nothing is damaged, whoever was first. */
export async function writersCase(root: string, milliseconds: number): Promise<number> {
  const store = await openStore(root);
  const writing = Promise.all(Array.from({ length: WRITERS }, (_, i) => runWriter(root, i + 1, milliseconds)));
  let isWriting = true;
  const readers = Array.from({ length: READERS }, async () => {
    let before = 0;
    while (isWriting) {
      if (await store.has(KEY)) {
        const seen = (await commitsSeen(store)).size;
        expect(seen).toBeGreaterThanOrEqual(before);
        before = seen;
      }
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  });
  const commits = await writing.finally(() => {
    isWriting = false;
  });
  await Promise.all(readers);
  const all = commits.reduce((sum, count) => sum + count, 0);
  const expected = commits.flatMap((count, i) =>
    Array.from({ length: count }, (_, each) => (i + 1) * 1_000_000 + each),
  );
  expect([...(await commitsSeen(store)).keys()].sort((a, b) => a - b)).toEqual(expected);
  const dataset = await store.dataset(KEY);
  expect(dataset.version).toBe(all - 1);
  expect((await dataset.verify()).problems).toEqual([]);
  return all;
}
