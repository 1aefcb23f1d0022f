import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';

/** Packages that only a comparison needs: they are installed when one is asked for, not with the project. */
export interface PeerPackages {
  /** Loads one of them. */
  load<Module>(name: string): Promise<Module>;
  version(name: string): string;
}

const call = promisify(execFile);

/** Installs packages into `folder`/`name`, once. @param specs as npm has them: `arquero@8.0.3` @throws when there is nowhere to get them from */
export async function peerPackages(folder: string, name: string, specs: readonly string[]): Promise<PeerPackages> {
  const place = join(folder, name);
  const ready = join(place, 'ready');
  if (!existsSync(ready)) {
    mkdirSync(place, { recursive: true });
    writeFileSync(join(place, 'package.json'), '{ "private": true }\n');
    // Some say they need a later Node and run well on this one.
    await call('npm', ['install', '--silent', '--no-audit', '--no-fund', '--force', ...specs], { cwd: place });
    writeFileSync(ready, '');
  }
  const { resolve } = createRequire(join(place, 'package.json'));
  return {
    load: (module) => import(pathToFileURL(resolve(module)).href),
    version: (module) => {
      const { version } = JSON.parse(
        readFileSync(join(place, 'node_modules', module, 'package.json'), 'utf8'),
      ) as Record<'version', string>;
      return version;
    },
  };
}
