/** Odd and broken files of the acceptance data, and what has to be said about some to read them. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Shape } from '@spillway/core';
import { sharedCases } from './shared-cases.ts';

/** A file, and what its manifest says of it. */
export interface OddFile {
  format: 'csv' | 'parquet';
  file: string;
  path: string;
  expect: { rows?: number; error?: boolean; either?: boolean };
  why: string;
}

/** What a user has to say about a file whose manifest says so: types by column, texts that are null. */
export const TOLD: Readonly<Record<string, { schema: Shape; nulls?: string[] }>> = {
  'own_bad_date.csv': { schema: { ts: 'date32', v: 'int64' } },
  'own_mixed_ts_formats.csv': { schema: { ts: 'timestamp[us]', v: 'int64' } },
  'own_big_ints.csv': { schema: { ts: 'date32', v: 'int64' } },
  'own_specials.csv': { schema: { ts: 'date32', v: 'float64' }, nulls: ['NA'] },
  'own_dst_local_ny.csv': { schema: { ts: 'timestamp[us, America/New_York]', v: 'int64' } },
};

/** All of them; none where the acceptance data is not there. */
export function oddFiles(): OddFile[] {
  const shared = sharedCases();
  if (shared === undefined) return [];
  return (['csv', 'parquet'] as const).flatMap((format) => {
    const folder = shared.path('bad', format);
    const cases = JSON.parse(readFileSync(join(folder, 'manifest.json'), 'utf8')) as Omit<OddFile, 'format' | 'path'>[];
    return cases.map((each) => ({ ...each, format, path: join(folder, each.file) }));
  });
}
