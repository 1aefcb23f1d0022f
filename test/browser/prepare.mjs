/** Sees to it that the browser of the browser tests is there: Debian's Chromium. Exits with 0 when it can be started. */
import { spawnSync } from 'node:child_process';

function run(command, args) {
  return spawnSync(command, args, { stdio: ['ignore', 2, 2], timeout: 300_000 }).status === 0;
}

const isThere = run('chromium', ['--version']);
const canInstall = () =>
  run('apt-get', ['install', '-y', '-q', '--no-install-recommends', 'chromium']) ||
  (run('apt-get', ['update', '-q']) && run('apt-get', ['install', '-y', '-q', '--no-install-recommends', 'chromium']));
if (!isThere && !canInstall()) {
  console.error('chromium of the browser tests is not there and cannot be installed');
  process.exit(1);
}
