import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { runNode, runProgram } from '#support/process';
import { temporaryFolder } from '#support/temporary-folder';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** The first JavaScript block of the README. */
function readmeExample(): string {
  const block = /```js\n(.*?)```/s.exec(readFileSync(join(ROOT, 'README.md'), 'utf8'))?.[1];
  if (block === undefined) throw new Error('the README has no JavaScript block');
  return block;
}

it('the packed packages install into an empty project, and the ten lines of the README and the command run there', async () => {
  const folder = temporaryFolder();
  // Without scripts: the build has just run, and a second one would rewrite files that other tests load.
  const packArgs = [
    'pack',
    '--ignore-scripts',
    '--json',
    '--pack-destination',
    folder,
    './packages/core',
    './packages/workers',
  ];
  const packed = await runProgram('npm', packArgs, { cwd: ROOT });
  expect(packed, packed.stderr).toMatchObject({ code: 0 });
  const tarballs = (JSON.parse(packed.stdout) as { filename: string }[]).map(({ filename }) => join(folder, filename));
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ name: 'empty', private: true, type: 'module' }));
  const installed = await runProgram('npm', ['install', '--no-audit', '--no-fund', ...tarballs], { cwd: folder });
  expect(installed, installed.stderr).toMatchObject({ code: 0 });

  const example = readmeExample();
  expect(example.trim().split('\n').filter(Boolean).length).toBeLessThanOrEqual(12);
  writeFileSync(join(folder, 'example.js'), example);
  const finished = await runNode(['example.js'], { cwd: folder });
  expect(finished, finished.stderr).toMatchObject({ code: 0 });
  expect(finished.stdout).toContain("'s1'");

  const help = await runProgram(join(folder, 'node_modules/.bin/spillway'), ['--help'], { cwd: folder });
  expect(help, help.stderr).toMatchObject({ code: 0, stdout: expect.stringContaining('spillway ingest') });
}, 180_000);
