import { readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { KeptReadings } from '@spillway/core/internal';
import { describe, expect, test } from 'vitest';

import { temporaryFolder } from '../../../support/temporary-folder.ts';

/** A file of two letters, and what reads it: each letter takes one byte of the room for readings. */
function keptFile(mostBytes = 4) {
  const folder = temporaryFolder();
  const path = join(folder, 'a');
  writeFileSync(path, 'ab');
  let nowMs = Date.now() + 60_000;
  const kept = new KeptReadings<string>(mostBytes, () => nowMs);
  let reads = 0;
  const read = async (name = 'a'): Promise<string> =>
    kept.get(
      join(folder, name),
      async () => {
        reads += 1;
        return readFileSync(join(folder, name), 'utf8');
      },
      (text) => text.length,
    );
  return { folder, path, kept, read, reads: () => reads, setNow: (ms: number) => (nowMs = ms) };
}

describe('kept readings', () => {
  test('of a file that has not changed are not read again', async () => {
    const { read, reads } = keptFile();
    expect([await read(), await read(), reads()]).toEqual(['ab', 'ab', 1]);
  });

  test('of a file that was written over are read again', async () => {
    const { path, read } = keptFile();
    await read();
    writeFileSync(path, 'abc');
    expect(await read()).toBe('abc');
  });

  test('of a file that another has taken the name of are read again', async () => {
    const { folder, path, read } = keptFile();
    await read();
    writeFileSync(join(folder, 'new'), 'cd');
    renameSync(join(folder, 'new'), path);
    expect(await read()).toBe('cd');
  });

  test('of a file that is gone fail as reading does', async () => {
    const { path, read } = keptFile();
    await read();
    rmSync(path);
    await expect(read()).rejects.toThrow('ENOENT');
  });

  test('of a file that has just changed are not kept: the next change may look the same', async () => {
    const { path, read, reads, setNow } = keptFile();
    setNow(statSync(path).ctimeMs);
    await read();
    await read();
    expect(reads()).toBe(2);
  });

  test('take no more than their room; those asked for longest ago go first', async () => {
    const { folder, kept, read, reads } = keptFile(4);
    for (const name of ['b', 'c']) writeFileSync(join(folder, name), 'xy');
    for (const name of ['a', 'b', 'a', 'c']) await read(name);
    expect(kept.bytes).toBe(4);
    await read('a');
    expect(reads()).toBe(3);
    await read('b');
    expect(reads()).toBe(4);
  });

  test('that are larger than the room are not kept', async () => {
    const { kept, read } = keptFile(1);
    expect([await read(), kept.bytes]).toEqual(['ab', 0]);
  });
});
