import { copyFileSync, existsSync, readdirSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createPipeline, openStore, PipelineError, readParquet } from '@spillway/core';
import { run } from '@spillway/workers';
import { describe, expect, it } from 'vitest';
import { throwAt } from '#fixtures/ops';
import { quote, sql } from '#support/duckdb';
import { runNode } from '#support/process';
import { temporaryFolder } from '#support/temporary-folder';

const DEMO = fileURLToPath(import.meta.resolve('@spillway/bench/demo/main'));
const COLUMNS =
  "TIMESTAMP '2001-01-01' + INTERVAL (i) MINUTE AS date, i AS delay, 1::BIGINT AS distance, 'SEA' AS origin, 'JFK' AS destination";

/** A small file that the demo can read. */
async function writeFlights(folder: string, query = `SELECT ${COLUMNS} FROM range(5000) t(i)`): Promise<string> {
  const file = join(folder, 'flights.parquet');
  await sql(`COPY (${query}) TO ${quote(file)} (FORMAT parquet)`);
  return file;
}

/** Runs the demo on a file; a store that was there before must be as it was. */
async function demo(file: string, ...args: string[]) {
  const store = join(temporaryFolder(), 'store');
  const finished = await runNode([DEMO, '--input', file, '--store', store, '--json', ...args]);
  const lastLine = finished.stdout.trim().split('\n').at(-1) ?? '';
  return { ...finished, result: lastLine === '' ? undefined : JSON.parse(lastLine), commits: commitsOf(store) };
}

function commitsOf(store: string): string[] {
  if (!existsSync(store)) return [];
  return readdirSync(store, { recursive: true, encoding: 'utf8' }).filter((path) => /_delta_log.*\.json$/.test(path));
}

describe('bad input ends with exit code 1, a code, a place and a hint, and commits nothing', () => {
  const cases: {
    what: string;
    code: string;
    place: RegExp;
    file(folder: string): Promise<string> | string;
    args?: string[];
  }[] = [
    {
      what: 'a missing file',
      code: 'ERR_FILE_NOT_FOUND',
      place: /nowhere\.parquet/,
      file: (folder) => join(folder, 'nowhere.parquet'),
    },
    {
      what: 'a file that is not Parquet',
      code: 'ERR_FILE_FORMAT',
      place: /notes\.parquet/,
      file: (folder) => {
        writeFileSync(join(folder, 'notes.parquet'), 'date,delay\n2001-01-01,3\n');
        return join(folder, 'notes.parquet');
      },
    },
    {
      what: 'a truncated file',
      code: 'ERR_FILE_(TRUNCATED|FORMAT)',
      place: /cut\.parquet/,
      file: async (folder) => {
        const cut = join(folder, 'cut.parquet');
        copyFileSync(await writeFlights(folder), cut);
        truncateSync(cut, 2000);
        return cut;
      },
    },
    {
      what: 'a column that is not there',
      code: 'ERR_COLUMN_UNKNOWN|ERR_SCHEMA',
      place: /delay/,
      file: (folder) =>
        writeFlights(
          folder,
          "SELECT TIMESTAMP '2001-01-01' AS date, 1::BIGINT AS distance, 'SEA' AS origin, 'JFK' AS destination, 1::BIGINT AS dealy",
        ),
    },
    {
      what: 'rows out of order',
      code: 'ERR_INPUT_UNORDERED',
      place: /flights\.parquet.*row 3000|row 3000/s,
      file: (folder) =>
        writeFlights(
          folder,
          `SELECT ${COLUMNS.replace('(i)', '(CASE WHEN i = 3000 THEN 0 ELSE i END)')} FROM range(5000) t(i)`,
        ),
    },
    {
      what: 'a limit below the minimum',
      code: 'ERR_MEMORY_MINIMUM',
      place: /\d+(\.\d+)? ?MiB/,
      file: (folder) => writeFlights(folder),
      args: ['--memory-limit', '1MiB'],
    },
  ];

  it.each(cases)('$what', async ({ file, code, place, args = [] }) => {
    const { code: exitCode, stderr, result, commits } = await demo(await file(temporaryFolder()), ...args);
    expect({ exitCode, stderr }).toMatchObject({ exitCode: 1 });
    expect(result).toMatchObject({
      ok: false,
      error: { code: expect.stringMatching(new RegExp(`^(${code})$`)), hint: expect.stringMatching(/\w/) },
    });
    expect(stderr).toMatch(place);
    expect(stderr).toContain('hint: ');
    expect(commits).toEqual([]);
  });
});

describe('an op that throws', () => {
  it('fails the run with stage, row and cause, and the store stays as it was', async () => {
    const folder = temporaryFolder();
    const file = await writeFlights(
      folder,
      "SELECT TIMESTAMP '2001-01-01' + INTERVAL (i) SECOND AS ts, i AS value FROM range(1500000) t(i)",
    );
    const store = await openStore(join(folder, 'store'));
    const sink = createPipeline()
      .register({ throwAt })
      .source(readParquet(file, { orderedOn: 'ts', schema: { ts: 'timestamp[us]', value: 'int64' } }))
      .throwAt({ at: 1_234_567 })
      .toStore(store, { key: { name: 'x' } });
    const error = (await run([sink], { workers: 2 }).done.catch((thrown: unknown) => thrown)) as PipelineError;
    expect(error).toBeInstanceOf(PipelineError);
    expect(error).toMatchObject({ code: 'ERR_OP_FAILED', stage: expect.stringContaining('throwAt') });
    expect(error.hint).toBeTruthy();
    expect(error.cause).toMatchObject({ name: 'RangeError', message: 'value 1234567 is not liked here' });
    expect(JSON.stringify(error)).toContain('ops.'); // the stack of the thread that threw
    expect(commitsOf(join(folder, 'store'))).toEqual([]);
  });
});

describe('an unknown op', () => {
  it('is no method of the chain', () => {
    const source = createPipeline().source(readParquet('x.parquet')) as unknown as Record<string, () => unknown>;
    expect(source['claen']).toBeUndefined();
  });
});

describe('little input is not an error', () => {
  it.each([0, 1])('%i rows', async (rows) => {
    const { code, result, stderr } = await demo(
      await writeFlights(temporaryFolder(), `SELECT ${COLUMNS} FROM range(${rows}) t(i)`),
    );
    expect({ code, stderr }).toMatchObject({ code: 0 });
    expect(result).toMatchObject({ ok: true, rowsIn: rows, rowsOut: rows * 6 });
  });
});
