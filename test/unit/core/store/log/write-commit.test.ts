import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { writeCommit } from '@spillway/core/internal';
import { describe, expect, test } from 'vitest';

import { temporaryFolder } from '../../../../support/temporary-folder.ts';

const VERSION = '00000000000000000001.json';

/** A table with a log that has no version yet, and what lies in it. */
function emptyLog(): { table: string; names: () => string[] } {
  const table = temporaryFolder();
  const log = join(table, '_delta_log');
  mkdirSync(log);
  return { table, names: () => readdirSync(log) };
}

describe('a version', () => {
  test('is there only when what it names is on the disk', async () => {
    const { table, names } = emptyLog();
    let release: () => void = () => {};
    const onDisk = new Promise<void>((resolve) => (release = resolve));
    const written = writeCommit(table, 1, [], () => onDisk);
    while (names().length === 0) await new Promise(setImmediate);
    for (let turn = 0; turn < 50; turn += 1) await new Promise(setImmediate);
    expect(names()).not.toContain(VERSION);
    release();
    expect(await written).toBe(true);
    expect(names()).toEqual([VERSION]);
  });

  test('is not there where that failed, and leaves nothing', async () => {
    const { table, names } = emptyLog();
    const full = new Error('no space');
    await expect(writeCommit(table, 1, [], () => Promise.reject(full))).rejects.toMatchObject({ cause: full });
    expect(names()).toEqual([]);
  });
});
