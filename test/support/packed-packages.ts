/** The packages as they are published, in a project that has nothing else. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';
import { runNode, runProgram } from './process.ts';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));

/** Where a package of the repository is. */
export const packageFolder = (name: string): string => join(ROOT, 'packages', name);

/** The first JavaScript block of the README. */
function readmeExample(): string {
  const block = /```js\n(.*?)```/s.exec(readFileSync(join(ROOT, 'README.md'), 'utf8'))?.[1];
  if (block === undefined) throw new Error('the README has no JavaScript block');
  return block;
}

/** Packs both packages into a folder, beside the `package.json` of an empty project, and gives their files. */
export async function packInto(folder: string): Promise<{ core: string; workers: string }> {
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ name: 'empty', private: true, type: 'module' }));
  // Without scripts: the build has just run, and a second one would rewrite files that other tests load.
  const options = ['--ignore-scripts', '--json', '--pack-destination', folder];
  const packed = await runProgram('npm', ['pack', ...options, './packages/core', './packages/workers'], { cwd: ROOT });
  expect(packed, packed.stderr).toMatchObject({ code: 0 });
  const [core, workers] = (JSON.parse(packed.stdout) as { filename: string }[]).map(({ filename }) =>
    join(folder, filename),
  ) as [string, string];
  return { core, workers };
}

/** Runs the ten lines of the README and the command in such a project. */
export async function expectUsable(folder: string, command: string): Promise<void> {
  const example = readmeExample();
  expect(example.trim().split('\n').filter(Boolean).length).toBeLessThanOrEqual(12);
  writeFileSync(join(folder, 'example.js'), example);
  const finished = await runNode(['example.js'], { cwd: folder });
  expect(finished, finished.stderr).toMatchObject({ code: 0 });
  expect(finished.stdout).toContain("'s1'");
  const help = await runProgram(command, ['--help'], { cwd: folder });
  expect(help, help.stderr).toMatchObject({ code: 0, stdout: expect.stringContaining('spillway ingest') });
}
