import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { isStale, runFolder, sweepStaleFolders } from '@spillway/core/internal';
import { expect, test } from 'vitest';
import { temporaryFolder } from '#support/temporary-folder';

/** The name that a process which has ended would have given its folder. */
function nameOfTheDead(): string {
  const { pid } = spawnSync(process.execPath, ['-e', '']);
  return basename(runFolder('')).replace(`-${process.pid}-`, `-${pid}-`);
}

test('every run has a folder of its own, named by the process', () => {
  const [first, second] = [runFolder('/x'), runFolder('/x')];
  expect(first).not.toBe(second);
  expect(first).toContain(`/x/spillway-${process.pid}-`);
});

test('folders of living processes stay, those of dead ones and of reused process ids are stale', () => {
  const own = basename(runFolder(''));
  expect(isStale(own)).toBe(false);
  expect(isStale(own.replace(/-[0-9a-z]+\./, '-1.'))).toBe(true);
  expect(isStale(nameOfTheDead())).toBe(true);
  expect(isStale('spillway-1-x')).toBe(false);
  expect(isStale('something-else')).toBe(false);
});

test('what is alive in another container is not taken for dead', () => {
  expect(isStale(nameOfTheDead().replace(/\.[0-9a-z]+-/, '.other-'))).toBe(false);
});

test('a sweep removes stale folders with what is in them, and nothing else', async () => {
  const directory = temporaryFolder();
  const [dead, alive] = [join(directory, nameOfTheDead()), runFolder(directory)];
  for (const folder of [dead, alive]) {
    mkdirSync(folder);
    writeFileSync(join(folder, '0-0.arrows'), 'x');
  }
  const file = join(directory, nameOfTheDead().replace(/\d+$/, '999'));
  writeFileSync(file, 'not a folder');
  expect(await sweepStaleFolders(directory)).toEqual([dead]);
  expect([existsSync(dead), existsSync(alive), existsSync(file)]).toEqual([false, true, true]);
});

test('a folder that is not there is nothing to sweep', async () => {
  expect(await sweepStaleFolders('/no/such/folder')).toEqual([]);
});
