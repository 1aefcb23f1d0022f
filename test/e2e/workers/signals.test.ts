import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { runNode } from '../../support/process.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const PROGRAM = fileURLToPath(new URL('../../dist/fixtures/endless-program.js', import.meta.url));

it.each(['SIGINT', 'SIGTERM'] as const)('stops cleanly at %s: exit code 130, no file left', async (signal) => {
  const folder = temporaryFolder();
  const finished = await runNode([PROGRAM, folder], { kill: { signal, afterText: 'rows 2' } });
  expect([finished.code, finished.signal]).toEqual([130, null]);
  expect(finished.stdout).toContain('stopped: ERR_ABORTED');
  expect(finished.stderr).toBe('');
  expect(readdirSync(folder)).toEqual([]);
});

it('is no broken program when nobody catches that it was stopped', async () => {
  const kill = { signal: 'SIGINT', afterText: 'rows 2' } as const;
  const finished = await runNode([PROGRAM, temporaryFolder(), 'uncaught'], { kill });
  expect([finished.code, finished.stderr]).toEqual([130, '']);
});
