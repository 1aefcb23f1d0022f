/** Makes sure, once before the first browser test, that there is a browser; a suite asked for by name fails without it. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

export default function setup(): void {
  const { status } = spawnSync(process.execPath, [fileURLToPath(new URL('prepare.mjs', import.meta.url))], {
    stdio: 'inherit',
  });
  if (status !== 0) throw new Error('there is no browser: see the messages above');
}
