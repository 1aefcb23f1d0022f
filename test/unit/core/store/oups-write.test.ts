/** What OUPS's own tests expect of writes: rows after each, and how many each row group has. */
import { type Fields, openStore, type RowGroupTarget } from '@spillway/core';
import { describe, expect, test } from 'vitest';

import { oupsCase } from '../../../support/oups-cases.ts';
import { temporaryFolder } from '../../../support/temporary-folder.ts';
import { type Row, readRows, writeRows } from './write-rows.ts';

interface Frame {
  columns: Record<string, { dtype: string; values: (number | string)[] }>;
}
interface WriteInput {
  initial: { data: Frame; row_group_offsets: number[] } | null;
  writes: (Frame | null)[];
}
interface WriteParams {
  ordered_on: string;
  row_group_target_size: number | string;
  max_n_off_target_rgs: number | null;
  duplicates_on: string | string[] | null;
}
interface WriteExpected {
  after_each_write: { row_group_n_rows: number[]; data: Frame }[];
}
interface WriteCase {
  input: WriteInput | WriteInput[];
  params: WriteParams | WriteParams[];
  expected: WriteExpected | WriteExpected[];
}

const TYPES: Record<string, Fields[number]['type']> = {
  int64: 'int64',
  float64: 'float64',
  object: 'utf8',
  'datetime64[ns]': 'timestamp[us]',
};
const key = { case: 'oups' };

function fieldsOf(frame: Frame): Fields {
  return Object.entries(frame.columns).map(([name, { dtype }]) => ({
    name,
    type: TYPES[dtype] ?? 'utf8',
    nullable: true,
  }));
}

function rowsOf(frame: Frame): Row[] {
  const columns = Object.entries(frame.columns);
  const rows = columns[0]?.[1].values.length ?? 0;
  const value = (dtype: string, raw: unknown): unknown => {
    if (dtype === 'int64') return BigInt(raw as number);
    return dtype.startsWith('datetime') ? BigInt(Date.parse(`${String(raw)}Z`)) * 1000n : raw;
  };
  return Array.from({ length: rows }, (_, row) =>
    Object.fromEntries(columns.map(([name, { dtype, values }]) => [name, value(dtype, values[row])])),
  );
}

/** The groups that the case begins with, each written by a commit of its own. */
async function writeInitial(root: string, { data, row_group_offsets: offsets }: NonNullable<WriteInput['initial']>) {
  const rows = rowsOf(data);
  for (const [i, from] of offsets.entries()) {
    const part = rows.slice(from, offsets[i + 1] ?? rows.length);
    await writeRows(root, key, fieldsOf(data), part, { mode: 'append', orderedOn: 'a' });
  }
}

function target(size: number | string): RowGroupTarget {
  return size;
}

const ids = [
  'write-01-init-and-append',
  'write-02-coalescing',
  'write-03-append-drop-duplicates',
  'write-04-append-spanning-several-row-groups',
  'write-06-append-as-insert',
  'write-08-resize-with-empty-df',
];

function variants(id: string): [string, WriteInput, WriteParams, WriteExpected][] {
  const found = oupsCase(id) as WriteCase | undefined;
  if (found === undefined) return [];
  const { input, params, expected } = found;
  if (!Array.isArray(input)) return [[id, input, params as WriteParams, expected as WriteExpected]];
  return input.map((each, i) => [
    `${id}, ${i + 1}`,
    each,
    (params as WriteParams[])[i] as WriteParams,
    (expected as WriteExpected[])[i] as WriteExpected,
  ]);
}

describe.skipIf(oupsCase(ids[0] ?? '') === undefined)('OUPS store/write', () => {
  test.each(ids.flatMap(variants))('%s', async (_, input, params, expected) => {
    const root = temporaryFolder();
    if (input.initial !== null) await writeInitial(root, input.initial);
    for (const [i, write] of input.writes.entries()) {
      const first = input.initial?.data ?? input.writes.find((frame) => frame !== null);
      // OUPS makes no dataset of no rows; nor is there anything to write then.
      if (first === undefined || first === null) {
        expect(expected.after_each_write[i]?.row_group_n_rows).toEqual([]);
        continue;
      }
      const { duplicates_on: on, max_n_off_target_rgs: most } = params;
      await writeRows(root, key, fieldsOf(first), rowsOf(write ?? { columns: {} }), {
        orderedOn: params.ordered_on,
        rowGroupTarget: target(params.row_group_target_size),
        duplicatesOn: typeof on === 'string' ? [on] : on,
        maxOffTargetRowGroups: most,
      });
      const dataset = await (await openStore(root)).dataset(key);
      const after = expected.after_each_write[i];
      expect(await readRows(dataset)).toEqual(rowsOf(after?.data ?? { columns: {} }));
      expect(dataset.files().map((file) => file.rows)).toEqual(after?.row_group_n_rows);
    }
  });
});
