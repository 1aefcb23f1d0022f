import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';

/** A fresh folder that goes away with the test. Its name has a space, because users' folders do. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'spillway test-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
