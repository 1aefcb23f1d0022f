import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readArrowInfo } from '@spillway/core/internal';
import { makeData, RecordBatch, Schema, Struct, Table, tableToIPC } from 'apache-arrow';
import { expect, it } from 'vitest';
import { quickFolder } from '#support/temporary-folder';

/** A file of one record batch without columns. */
function withoutColumns(rows: number): string {
  const batch = new RecordBatch(new Schema([]), makeData({ type: new Struct([]), length: rows, children: [] }));
  const path = join(quickFolder(), 'rows.arrow');
  writeFileSync(path, tableToIPC(new Table([batch]), 'file'));
  return path;
}

it.each([5, 2 ** 31, 2 ** 50])('%i rows of no column are nothing to go by', async (rows) => {
  const path = withoutColumns(rows);
  await expect(readArrowInfo(path)).rejects.toMatchObject({ code: 'ERR_FILE_FORMAT', file: path });
});
