/** Odd and broken files through the command, each in a process of its own: what its manifest says, no crash, no hang, memory bounded. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { oddFiles, TOLD } from '#support/odd-files';
import { runNode } from '#support/process';
import { sharedFolder } from '#support/temporary-folder';

const SPILLWAY = fileURLToPath(new URL('bin/spillway.js', import.meta.resolve('@spillway/workers/package.json')));
const CORE = JSON.stringify(import.meta.resolve('@spillway/core'));
const MEBIBYTE = 2 ** 20;
const LIMIT = 256 * MEBIBYTE;

const folder = sharedFolder();

const MODULE = `import { createPipeline, readCsv, readParquet } from ${CORE};
export default ([file, told]) =>
  createPipeline({ memoryLimit: ${LIMIT} })
    .source(file.endsWith('.parquet') ? readParquet(file) : readCsv(file, JSON.parse(told)))
    .forEach(() => {});
`;

interface Outcome {
  code: number | null;
  signal: NodeJS.Signals | null;
  stderr: string;
  summary: { ok: boolean; rowsIn: number; idleRssBytes: number; peakRssBytes: number; error?: { code: string } };
}

async function read(path: string, told: object): Promise<Outcome> {
  writeFileSync(join(folder, 'rows.mjs'), MODULE);
  const args = [SPILLWAY, 'run', 'rows.mjs', '--json', '--quiet', '--', path, JSON.stringify(told)];
  const { code, signal, stdout, stderr } = await runNode(args, { cwd: folder });
  const summary = JSON.parse(stdout.trim().split('\n').at(-1) as string) as Outcome['summary'];
  return { code, signal, stderr, summary };
}

const files = oddFiles();

describe.skipIf(files.length === 0)('files that other readers stumble over', () => {
  it.each(files)('$format: $file: $why', async ({ file, path, expect: expected }) => {
    const { code, signal, stderr, summary } = await read(path, TOLD[file] ?? {});
    const { ok, rowsIn, idleRssBytes, peakRssBytes, error } = summary;
    expect({ signal, isTold: code === (ok ? 0 : 1) }).toEqual({ signal: null, isTold: true });
    if (idleRssBytes > 0) expect(peakRssBytes - idleRssBytes).toBeLessThanOrEqual(LIMIT * 1.1);
    if (expected.rows !== undefined) expect({ rowsIn, stderr }).toEqual({ rowsIn: expected.rows, stderr: '' });
    if (expected.error === true)
      expect(error?.code).toMatch(/^ERR_(FILE_FORMAT|FILE_TRUNCATED|VALUE|SCHEMA|TYPE_UNSUPPORTED)$/);
    if (!ok) expect(stderr).toMatch(/^ERR_[A-Z_]+: .*\n/);
    expect(stderr).not.toMatch(/^ {4}at |Unhandled|ERR_INTERNAL/m);
  });
});
