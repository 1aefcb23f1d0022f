import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, onTestFinished } from 'vitest';

const IN_MEMORY = '/dev/shm';

/** Names have a space, because users' folders do. */
function makeFolder(name = 'spillway test-', parent = tmpdir()): string {
  return mkdtempSync(join(parent, name));
}

function makeQuickFolder(): string {
  return makeFolder('spillway test-', existsSync(IN_MEMORY) ? IN_MEMORY : tmpdir());
}

/** A fresh folder that goes away with the test. */
export function temporaryFolder(): string {
  const folder = makeFolder();
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** As `temporaryFolder`, without a space: for programs that cannot have one. */
export function plainTemporaryFolder(): string {
  const folder = makeFolder('spillway-test-');
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** A fresh folder for all tests of a `describe` or file. */
export function sharedFolder(): string {
  const folder = makeFolder();
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/**
 * As `temporaryFolder`, in memory where the system has a place for that: for tests of a few kilobytes that wait for the disk a thousand times,
 * where what the disk does is not what they look at.
 */
export function quickFolder(): string {
  const folder = makeQuickFolder();
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** As `quickFolder`, for all tests of a `describe` or file. */
export function quickSharedFolder(): string {
  const folder = makeQuickFolder();
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
