import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

let isBuilt = false;

/** Vitest's global set-up: builds everything, type tests included, so that no test ever sees a stale `dist`. Each project asks for it. */
export default function buildOnce(): void {
  if (isBuilt) return;
  isBuilt = true;
  const root = fileURLToPath(new URL('../..', import.meta.url));
  const { status } = spawnSync('npm', ['run', '-s', 'build'], { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] });
  if (status !== 0) throw new Error('the build failed: see the messages above');
}
