import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, onTestFinished } from 'vitest';

/** Names have a space, because users' folders do. */
function makeFolder(name = 'spillway test-'): string {
  return mkdtempSync(join(tmpdir(), name));
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
