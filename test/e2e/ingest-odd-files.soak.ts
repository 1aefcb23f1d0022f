/** Odd and broken files through the command, each in a process of its own: what its manifest says, no crash, no hang, memory bounded. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { CsvOptions } from '@spillway/core';
import { describe, expect, it } from 'vitest';
import { runNode } from '#support/process';
import { sharedCases } from '#support/shared-cases';
import { sharedFolder } from '#support/temporary-folder';

const SPILLWAY = fileURLToPath(new URL('../bin/spillway.js', import.meta.resolve('@spillway/workers')));
const CORE = JSON.stringify(import.meta.resolve('@spillway/core'));
const MEBIBYTE = 2 ** 20;
const LIMIT = 256 * MEBIBYTE;

const shared = sharedCases();
const folder = sharedFolder();

interface Case {
  file: string;
  expect: { rows?: number; error?: boolean; either?: boolean };
  why: string;
}

/** What a user has to say about a file whose case says so. */
const TOLD: Record<string, CsvOptions> = {
  'own_bad_date.csv': { schema: { ts: 'date32', v: 'int64' } },
  'own_mixed_ts_formats.csv': { schema: { ts: 'timestamp[us]', v: 'int64' } },
  'own_big_ints.csv': { schema: { ts: 'date32', v: 'int64' } },
  'own_specials.csv': { schema: { ts: 'date32', v: 'float64' }, nulls: ['NA'] },
  'own_dst_local_ny.csv': { schema: { ts: 'timestamp[us, America/New_York]', v: 'int64' } },
};

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

async function read(path: string, told: CsvOptions): Promise<Outcome> {
  writeFileSync(join(folder, 'rows.mjs'), MODULE);
  const args = [SPILLWAY, 'run', 'rows.mjs', '--json', '--quiet', '--', path, JSON.stringify(told)];
  const { code, signal, stdout, stderr } = await runNode(args, { cwd: folder });
  const summary = JSON.parse(stdout.trim().split('\n').at(-1) as string) as Outcome['summary'];
  return { code, signal, stderr, summary };
}

describe.skipIf(shared === undefined)('files that other readers stumble over', () => {
  for (const format of ['csv', 'parquet']) {
    const root = shared?.path('bad', format) ?? '';
    const cases = shared === undefined ? [] : (JSON.parse(readFileSync(join(root, 'manifest.json'), 'utf8')) as Case[]);
    it.each(cases)(`${format}: $file: $why`, async ({ file, expect: expected }) => {
      const { code, signal, stderr, summary } = await read(join(root, file), TOLD[file] ?? {});
      const { ok, rowsIn, idleRssBytes, peakRssBytes, error } = summary;
      expect({ signal, isTold: code === (ok ? 0 : 1) }).toEqual({ signal: null, isTold: true });
      if (idleRssBytes > 0) expect(peakRssBytes - idleRssBytes).toBeLessThanOrEqual(LIMIT * 1.1);
      if (expected.rows !== undefined) expect({ rowsIn, stderr }).toEqual({ rowsIn: expected.rows, stderr: '' });
      if (expected.error === true)
        expect(error?.code).toMatch(/^ERR_(FILE_FORMAT|FILE_TRUNCATED|VALUE|SCHEMA|TYPE_UNSUPPORTED)$/);
      if (!ok) expect(stderr).toMatch(/^ERR_[A-Z_]+: .*\n/);
      expect(stderr).not.toMatch(/^ {4}at |Unhandled|ERR_INTERNAL/m);
    });
  }
});
