import { existsSync, mkdirSync, readFileSync, realpathSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { expectUsable, packageFolder, packInto } from '#support/packed-packages';
import { runProgram } from '#support/process';
import { temporaryFolder } from '#support/temporary-folder';

interface Manifest {
  bin?: Record<string, string>;
  dependencies: Record<string, string>;
}

it('the packed packages have all they need with what they declare: the ten lines of the README and the command run', async () => {
  const folder = temporaryFolder();
  const modules = join(folder, 'node_modules');
  let command = '';
  for (const [name, tarball] of Object.entries(await packInto(folder))) {
    const target = join(modules, '@spillway', name);
    mkdirSync(target, { recursive: true });
    const unpacked = await runProgram('tar', ['-xzf', tarball, '-C', target, '--strip-components=1']);
    expect(unpacked, unpacked.stderr).toMatchObject({ code: 0 });
    const { bin, dependencies } = JSON.parse(readFileSync(join(target, 'package.json'), 'utf8')) as Manifest;
    if (bin?.['spillway'] !== undefined) command = join(target, bin['spillway']);
    // What is installed already, so that no test waits for a registry; `packages.soak.ts` installs all of it.
    for (const dependency of Object.keys(dependencies).filter((each) => !each.startsWith('@spillway/'))) {
      const link = join(modules, dependency);
      if (!existsSync(link)) symlinkSync(realpathSync(join(packageFolder(name), 'node_modules', dependency)), link);
    }
  }
  await expectUsable(folder, command);
});
