import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { runNode } from '#support/process';
import { sharedFolder, temporaryFolder } from '#support/temporary-folder';

const DEMO = fileURLToPath(import.meta.resolve('@spillway/bench/demo/main'));

/** Versions in the log of each dataset. */
function versions(store: string): number[] {
  const logs = readdirSync(store, { recursive: true, encoding: 'utf8' }).filter((path) => path.endsWith('_delta_log'));
  return logs.map((log) => readdirSync(join(store, log)).filter((name) => name.endsWith('.json')).length);
}

/** Every file below a folder. */
function filesOf(folder: string): string[] {
  const paths = readdirSync(folder, { recursive: true, encoding: 'utf8' });
  return paths.filter((path) => statSync(join(folder, path)).isFile());
}

describe('the demo', () => {
  const store = join(sharedFolder(), 'store');

  it('prints the summary of a run as the last line, and keeps to its limit', async () => {
    const { code, stdout, stderr } = await runNode([
      DEMO,
      '--store',
      store,
      '--memory-limit',
      '256MiB',
      '--workers',
      '2',
      '--json',
    ]);
    expect({ code, stderr }).toMatchObject({ code: 0 });
    const summary = JSON.parse(stdout.trim().split('\n').at(-1) as string);
    expect(summary).toMatchObject({ ok: true, rowsIn: 3_000_000, memoryLimitBytes: 256 * 2 ** 20 });
    expect(Object.keys(summary.flushes)).toEqual(['iterations', 'rows', 'memory', 'interval', 'pressure', 'end']);
    expect(summary.peakRssBytes).toBeLessThanOrEqual(summary.idleRssBytes + summary.memoryLimitBytes * 1.1);
    expect(versions(store)).toEqual([1, 1, 1, 1, 1, 1]);
  });

  it('tells a person what came out, and replaces each dataset in one commit the second time', async () => {
    const report = join(sharedFolder(), 'run.html');
    const args = ['--store', store, '--workers', '1', '--dashboard', '--report', report];
    const { code, stdout, stderr } = await runNode([DEMO, ...args]);
    expect(code).toBe(0);
    expect(stderr).toMatch(/^dashboard: http:\/\/127\.0\.0\.1:\d+\/\?token=/m);
    expect(readFileSync(report, 'utf8')).toContain('three million flights');
    expect(stdout).toContain('2,909,552 matched of 3,000,000 departures');
    for (const text of [
      'Worst airports',
      'January',
      'peak RSS',
      store,
      'Try next',
      'Month by month',
      '-12,401 minutes',
    ])
      expect(stdout).toContain(text);
    expect(versions(store)).toEqual([2, 2, 2, 2, 2, 2]);
  });

  it('runs at exactly the limit that a refusal names', async () => {
    const store = join(temporaryFolder(), 'store');
    const refused = await runNode([DEMO, '--store', store, '--memory-limit', '1MiB', '--json']);
    const smallest = /\d+MiB/.exec(JSON.parse(refused.stdout).error.hint)?.[0] as string;
    const { code, stderr } = await runNode([DEMO, '--store', store, '--memory-limit', smallest, '--json']);
    expect({ code, stderr }).toMatchObject({ code: 0 });
    expect(versions(store)).toEqual([1, 1, 1, 1, 1, 1]);
  });

  it('ends with 2 and a suggestion when an option is wrong', async () => {
    const { code, stderr } = await runNode([DEMO, '--memory-limt', '1GiB']);
    expect(code).toBe(2);
    expect(stderr).toContain('did you mean --memory-limit?');
  });

  it('ends with 130 after Ctrl-C, with nothing committed and nothing left', async () => {
    const kill = { signal: 'SIGINT', afterText: 'Mrows' } as const;
    let ended: { code: number | null; left: string[] } | undefined;
    // Where this process gets no core for a while, the demo may be over before it is told to stop.
    for (let tries = 0; tries < 10 && (ended === undefined || ended.code === 0); tries += 1) {
      const store = join(temporaryFolder(), 'store');
      const { code } = await runNode([DEMO, '--store', store, '--workers', '1'], { kill });
      ended = { code, left: existsSync(store) ? filesOf(store) : [] };
    }
    expect(ended).toEqual({ code: 130, left: [] });
  });
});
