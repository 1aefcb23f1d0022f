import { join } from 'node:path';
import { expect, it } from 'vitest';
import { expectUsable, packInto } from '#support/packed-packages';
import { runProgram } from '#support/process';
import { temporaryFolder } from '#support/temporary-folder';

it('the packed packages install into an empty project, and the ten lines of the README and the command run there', async () => {
  const folder = temporaryFolder();
  const { core, workers } = await packInto(folder);
  const installed = await runProgram('npm', ['install', '--no-audit', '--no-fund', core, workers], { cwd: folder });
  expect(installed, installed.stderr).toMatchObject({ code: 0 });
  await expectUsable(folder, join(folder, 'node_modules/.bin/spillway'));
});
