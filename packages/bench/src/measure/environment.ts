import { execFileSync } from 'node:child_process';
import { arch, cpus, loadavg, platform, release, totalmem } from 'node:os';
import { fileURLToPath } from 'node:url';

/** What figures were measured on. */
export interface Environment {
  at: string;
  commit?: string;
  node: string;
  platform: string;
  cpu: string;
  cores: number;
  memoryBytes: number;
  /** Of the last minute, when the bench began: more than a few tenths, and others used the machine too. */
  load: number;
}

function commit(): string | undefined {
  try {
    const cwd = fileURLToPath(new URL('.', import.meta.url));
    const say = (...args: string[]): string =>
      execFileSync('git', args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
    return `${say('rev-parse', '--short', 'HEAD')}${say('status', '--porcelain') === '' ? '' : ' with changes'}`;
  } catch {
    // A copy without its history.
    return undefined;
  }
}

export function environment(): Environment {
  const at = commit();
  return {
    at: new Date().toISOString(),
    ...(at !== undefined && { commit: at }),
    node: process.version,
    platform: `${platform()} ${release()} ${arch()}`,
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
    memoryBytes: totalmem(),
    load: loadavg()[0] ?? 0,
  };
}
