import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createPipeline, readCsv, readNdjson, type Shape, type Source } from '@spillway/core';
import { buildLogicalPlan, resolvePlan } from '@spillway/core/internal';
import { expect, it } from 'vitest';
import { quickFolder } from '#support/temporary-folder';

const refusalOf = (source: Source<Shape>) =>
  expect(resolvePlan(buildLogicalPlan([createPipeline().source(source).collect()]))).rejects;
const csv = (path: string): Source<Shape> => readCsv(path, { orderedOn: 'ts' });

function fileOf(text: string): string {
  const path = join(quickFolder(), 'rows.csv');
  writeFileSync(path, text, 'latin1');
  return path;
}

it.each([
  ['PAR1\x15\x04\x15\x10', 'Parquet', 'readParquet'],
  ['ARROW1\0\0\xff\xff\xff\xff', 'Arrow IPC', 'readArrow'],
  ['PK\x03\x04\x14\0', 'a ZIP archive, or a workbook', 'unpack it'],
  ['SQLite format 3\0', 'a database of SQLite', 'sqlite3 -csv'],
])('a file that begins with %j is no text, whoever reads it', async (text, format, hint) => {
  const path = fileOf(text);
  const refusal = {
    code: 'ERR_FILE_FORMAT',
    message: expect.stringContaining(`${path} is not text but ${format}`),
    hint: expect.stringContaining(hint),
  };
  await refusalOf(csv(path)).toMatchObject(refusal);
  await refusalOf(readNdjson(path, { orderedOn: 'ts' })).toMatchObject(refusal);
});

it('a header may be the same letters', async () => {
  await refusalOf(csv(fileOf('PAR1,PAR2\n1,2\n'))).toMatchObject({ code: 'ERR_COLUMN_UNKNOWN' });
});

it('a folder is refused, and a pattern for what is in it named', async () => {
  const folder = quickFolder();
  await refusalOf(csv(folder)).toMatchObject({
    code: 'ERR_IO',
    message: expect.stringContaining('it is a folder'),
    hint: expect.stringContaining(join(folder, '*.csv')),
  });
});

it('without rows all columns are text, which the refusal of an order on one of them says', async () => {
  await refusalOf(csv(fileOf('ts,price\n'))).toMatchObject({
    code: 'ERR_TYPE_UNSUPPORTED',
    hint: expect.stringContaining('name them in schema'),
  });
});
