import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { PipelineError } from '@spillway/core';
import { readParquetInfo } from '@spillway/core/internal';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { oddFiles } from '../../../support/odd-files.ts';
import { seededRandom } from '../../../support/random.ts';

const flights = join(
  dirname(createRequire(import.meta.url).resolve('vega-datasets')),
  '..',
  'data',
  'flights-3m.parquet',
);
const odd = oddFiles().filter(({ format }) => format === 'parquet');

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'spillway footer '));
});
afterAll(async () => {
  await rm(folder, { recursive: true });
});

async function refusal(path: string): Promise<PipelineError> {
  const error: unknown = await readParquetInfo(path).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (error instanceof PipelineError) return error;
  throw new Error(`expected a refusal, got ${String(error)}`);
}

describe('a whole file', () => {
  test('columns, rows and row groups of the flights', async () => {
    const info = await readParquetInfo(flights);
    expect(info.rows).toBe(3_000_000);
    expect(info.fields.map((field) => `${field.name} ${field.type}`)).toEqual([
      'date timestamp[us]',
      'delay int64',
      'distance int64',
      'origin utf8',
      'destination utf8',
    ]);
    expect(info.rowGroups).toHaveLength(11);
    expect(info.rowGroups[2]).toMatchObject({ index: 2, rows: 272_727, firstRow: 545_454 });
    expect(info.rowGroups[0]?.chunks.map((chunk) => chunk.column)).toEqual([
      'date',
      'delay',
      'distance',
      'origin',
      'destination',
    ]);
  });
});

describe('not a whole file', () => {
  test('a missing file is refused with the nearest name', async () => {
    await writeFile(join(folder, 'trades.parquet'), '');
    const error = await refusal(join(folder, 'trade.parquet'));
    expect(error).toMatchObject({ code: 'ERR_FILE_NOT_FOUND', hint: 'did you mean "trades.parquet"?' });
  });

  test('a folder is refused', async () => {
    expect(await refusal(folder)).toMatchObject({ code: 'ERR_FILE_FORMAT' });
  });

  test.each([
    ['nothing', '', 'ERR_FILE_FORMAT'],
    ['a text', 'ts,price\n1,2\n', 'ERR_FILE_FORMAT'],
    ['the mark alone', 'PAR1', 'ERR_FILE_TRUNCATED'],
    ['an encrypted footer', 'PAR1....\u0004\0\0\0PARE', 'ERR_FILE_FORMAT'],
    ['a footer longer than the file', 'PAR1....\u00ff\u00ff\u0001\0PAR1', 'ERR_FILE_FORMAT'],
  ])('%s', async (_, content, code) => {
    const path = join(folder, 'bad.parquet');
    await writeFile(path, Buffer.from(content, 'latin1'));
    expect(await refusal(path)).toMatchObject({ code, file: path });
  });

  test('a file cut anywhere is refused', async () => {
    const random = seededRandom();
    const whole = await readFile(flights);
    const path = join(folder, 'cut.parquet');
    for (let i = 0; i < 10; i += 1) {
      await writeFile(path, whole.subarray(0, random.integer(4, whole.length - 1)));
      expect(await refusal(path)).toMatchObject({ code: 'ERR_FILE_TRUNCATED' });
    }
  });

  test('a footer with changed bytes is read or refused, and nothing else', async () => {
    const random = seededRandom();
    const whole = await readFile(flights);
    const footerLength = whole.readUInt32LE(whole.length - 8);
    const file = Buffer.concat([whole.subarray(0, 4), whole.subarray(whole.length - 8 - footerLength)]);
    const path = join(folder, 'flipped.parquet');
    for (let i = 0; i < 200; i += 1) {
      const copy = Buffer.from(file);
      for (let k = random.integer(1, 5); k > 0; k -= 1)
        copy[random.integer(4, copy.length - 9)] = random.integer(0, 255);
      await writeFile(path, copy);
      const answer: unknown = await readParquetInfo(path).catch((error: unknown) => error);
      if (answer instanceof Error) expect(answer).toMatchObject({ code: expect.stringMatching(/^ERR_FILE_/) });
    }
  });
});

describe.skipIf(odd.length === 0)('the collection of odd and broken files', () => {
  test('every good one is described, every other one is described or refused', async () => {
    for (const { file, path, expect: expected } of odd) {
      if (expected.rows !== undefined) expect.soft((await readParquetInfo(path)).rows, file).toBe(expected.rows);
      else
        await readParquetInfo(path).catch((error: unknown) => expect.soft(error, file).toBeInstanceOf(PipelineError));
    }
  });
});
