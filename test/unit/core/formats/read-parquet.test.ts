import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { type Fields, PipelineError } from '@spillway/core';
import { createArena, readParquetInfo, readParquetRows, rowsToBatch, writeParquetFile } from '@spillway/core/internal';
import { describe, expect, test } from 'vitest';

import { quote, sql } from '../../../support/duckdb.ts';
import { oddFiles } from '../../../support/odd-files.ts';
import { seededRandom } from '../../../support/random.ts';
import { temporaryFolder } from '../../../support/temporary-folder.ts';
import { readAll } from './read-parquet.ts';

const flights = join(
  dirname(createRequire(import.meta.url).resolve('vega-datasets')),
  '..',
  'data',
  'flights-3m.parquet',
);
const odd = oddFiles().filter(({ format }) => format === 'parquet');

describe('rows', () => {
  test('the first row group of the flights equals what DuckDB reads', async () => {
    const { rows, result, leaked } = await readAll(flights, { rowGroups: [0], orderedOn: 'date' });
    const table = await sql(`SELECT * FROM ${quote(flights)} LIMIT 272727`);
    table.names.forEach((name, i) => {
      // By hand: comparing arrays of this size the usual way takes seconds.
      const differs = rows.findIndex((row, k) => row[name] !== table.columns[i]?.[k]);
      expect(differs, name).toBe(-1);
    });
    expect(leaked).toBe(0);
    expect(result).toMatchObject({ rows: 272_727, first: table.columns[0]?.[0], last: table.columns[0]?.at(-1) });
  });

  test('only the columns asked for, in the order asked for', async () => {
    const { rows } = await readAll(flights, { rowGroups: [3], columns: ['origin', 'delay'] });
    expect(Object.keys(rows[0] ?? {})).toEqual(['origin', 'delay']);
  });

  test('the ordered column is verified without being delivered', async () => {
    const { rows, result } = await readAll(flights, { rowGroups: [10], columns: ['delay'], orderedOn: 'date' });
    expect(Object.keys(rows[0] ?? {})).toEqual(['delay']);
    expect(result.last).toBe(993_945_600_000_000n);
  });
});

describe('cuts', () => {
  test('logical batches end at multiples of batchRows from the first row of the source', async () => {
    const random = seededRandom();
    const info = await readParquetInfo(flights);
    for (let i = 0; i < 4; i += 1) {
      const batchRows = random.pick([997, 10_000, 65_536, 100_000]);
      const group = random.integer(0, 10);
      const firstRow = info.rowGroups[group]?.firstRow ?? 0;
      const { cuts, result } = await readAll(flights, {
        rowGroups: [group],
        batchRows,
        firstRow,
        isLast: group === 10,
        columns: ['delay'],
      });
      let at = firstRow;
      for (const cut of cuts) {
        const before = at;
        at += cut.rows;
        const endsInput = at % batchRows === 0 || (group === 10 && at === 3_000_000);
        expect(cut.inputs).toBe(endsInput ? 1 : 0);
        expect(Math.floor(before / batchRows)).toBe(Math.floor((at - 1) / batchRows));
      }
      expect(at - firstRow).toBe(result.rows);
    }
  });

  test('one row a batch', async () => {
    const arena = createArena();
    const path = join(temporaryFolder(), 'small.parquet');
    const fields: Fields = [{ name: 'n', type: 'int32', nullable: false }];
    const batch = rowsToBatch(arena, 1, fields, { n: Int32Array.from({ length: 3000 }, (_, i) => i) });
    await writeParquetFile([batch], { path, fields, compression: 'none', rowGroupRows: 1000, arena });
    const { cuts, rows } = await readAll(path, { batchRows: 1 });
    expect(cuts).toEqual(Array.from({ length: 3000 }, () => ({ rows: 1, inputs: 1 })));
    expect(rows.at(-1)).toEqual({ n: 2999 });
  });
});

describe('refusals', () => {
  test('an unknown column, with the nearest name', async () => {
    await expect(readAll(flights, { columns: ['dely'] })).rejects.toMatchObject({
      code: 'ERR_COLUMN_UNKNOWN',
      hint: 'did you mean "delay"?',
    });
  });

  test('rows out of order name file, row and both values', async () => {
    const { rows } = await readAll(flights, { rowGroups: [0], columns: ['distance'] });
    const row = rows.findIndex(
      (value, i) => i > 0 && (value['distance'] as bigint) < (rows[i - 1]?.['distance'] as bigint),
    );
    await expect(readAll(flights, { columns: ['origin'], orderedOn: 'distance' })).rejects.toMatchObject({
      code: 'ERR_INPUT_UNORDERED',
      file: flights,
      row,
      column: 'distance',
      value: String(rows[row]?.['distance']),
      expected: `at least ${rows[row - 1]?.['distance']}`,
    });
  });

  test('an abort stops between batches and leaves nothing behind', async () => {
    const arena = createArena({ debug: true });
    const stop = new AbortController();
    const reading = readParquetRows({
      path: flights,
      rowGroups: [0, 1, 2],
      columns: ['delay', 'origin'],
      batchRows: 1000,
      firstRow: 0,
      isLast: false,
      arena,
      owner: 1,
      signal: stop.signal,
      publish: (batch) => {
        batch.release();
        stop.abort();
      },
    });
    await expect(reading).rejects.toMatchObject({ code: 'ERR_ABORTED' });
    expect(arena.usedSlabs()).toBe(0);
  });

  test('what publish throws comes out as it is', async () => {
    const own = new Error('no room');
    const reading = readAll(flights, {
      publish: (batch) => {
        batch.release();
        throw own;
      },
    });
    await expect(reading).rejects.toBe(own);
  });
});

/** The library refuses it (and so do others): the root of its schema has no repetition type. */
const REFUSED_BY_THE_LIBRARY = 'hyparquet__strings.parquet';

describe.skipIf(odd.length === 0)('the collection of odd and broken files', () => {
  test('good ones are read, broken ones refused, and the reader works on after each', async () => {
    for (const { file, path, expect: expected } of odd) {
      const outcome = await readAll(path).catch((error: unknown) => error);
      if (expected.rows !== undefined && file !== REFUSED_BY_THE_LIBRARY)
        expect.soft(outcome, file).toMatchObject({ result: { rows: expected.rows }, leaked: 0 });
      else if (outcome instanceof Error) expect.soft(outcome, file).toBeInstanceOf(PipelineError);
    }
  });
});
