/**
 * Odd and broken files through `spillway ingest`, all in one process that is not this one: each is stored, or refused with what its manifest
 * says. The soak suite `ingest` has a process for each, and the reader.
 */
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import type { IngestedFile } from '#fixtures/ingest-odd-files';
import { type OddFile, oddFiles } from '#support/odd-files';
import { runNode } from '#support/process';
import { sharedFolder } from '#support/temporary-folder';

const PROGRAM = fileURLToPath(import.meta.resolve('#fixtures/ingest-odd-files'));
const files = oddFiles();

/** What a store cannot take: no column that rows can be ordered on, or only with nulls or NaN in it; a name that Delta Lake forbids. */
const NOT_STORABLE =
  /no column that rows can be ordered on|is null, and rows are ordered on it|is NaN after|cannot be stored under this name/;

const folder = sharedFolder();

describe.skipIf(files.length === 0)('files that other readers stumble over, into a store', () => {
  let lines: Map<string, IngestedFile>;
  beforeAll(async () => {
    const { code, signal, stdout, stderr } = await runNode([PROGRAM, folder]);
    expect({ code, signal, stderr }).toEqual({ code: 0, signal: null, stderr: '' });
    const found = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as IngestedFile);
    lines = new Map(found.map((each) => [each.file, each]));
  }, 120_000);

  it.each(files)('$format: $file: $why', ({ file, expect: expected, why }: OddFile) => {
    const { code, stderr, rows, left } = lines.get(file) as IngestedFile;
    expect(left).toEqual([]);
    expect(stderr).not.toMatch(/^ {4}at |Unhandled|ERR_INTERNAL/m);
    if (code === 0) expect({ isFine: expected.error !== true, stderr }).toEqual({ isFine: true, stderr: '' });
    if (code === 0 && expected.rows !== undefined) expect(rows).toBe(expected.rows);
    if (code === 0 || NOT_STORABLE.test(stderr)) return;
    expect({ code, isRefusable: expected.rows === undefined }).toEqual({ code: 1, isRefusable: true });
    const said = stderr.split('\n')[0];
    expect(said).toMatch(/^ERR_(FILE_FORMAT|FILE_TRUNCATED|VALUE|SCHEMA|TYPE_UNSUPPORTED): /);
    expect(said).toContain(file);
    const place = /line \d+/.exec(why)?.[0];
    if (place !== undefined && expected.error === true) expect(said).toContain(`, ${place}:`);
  });
});
