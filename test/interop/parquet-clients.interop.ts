/** Files of our own encoder, beside those of the library with the same rows, in the eyes of Polars and pyarrow. */
import { join } from 'node:path';
import { createArena, rowsToBatch, writeParquetFile } from '@spillway/core/internal';
import { expect, test } from 'vitest';
import { seededRandom } from '../support/random.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { everyType, shapedRows, tsField } from '../unit/core/formats/every-type.ts';
import { python } from './python-environment.ts';

test('Polars and pyarrow read the same from both, in every type', async () => {
  const random = seededRandom();
  const price = { name: 'price', type: 'float64', nullable: true } as const;
  const fields = [...tsField, ...everyType.filter(({ type }) => !type.startsWith('list')), price];
  for (let round = 0; round < 6; round += 1) {
    const arena = createArena();
    const rows = random.pick([1, 300, 9000]);
    // Prices, which `light` has in frames.
    const shaped = shapedRows(random, fields, rows).map((row) => ({
      ...row,
      price: random.integer(0, 1_000_000) / 100,
    }));
    const batch = rowsToBatch(arena, 1, fields, shaped);
    const folder = temporaryFolder();
    // What is compressed by Zstandard is written by the library.
    const paths = await Promise.all(
      (['none', 'light', 'snappy', 'zstd'] as const).map(async (compression) => {
        const path = join(folder, `${compression}.parquet`);
        const rowGroupRows = random.pick([200, 100_000]);
        await writeParquetFile([batch], { path, fields, compression, rowGroupRows, arena, orderedOn: 'ts' });
        return path;
      }),
    );
    expect(python('same_parquet', { paths })).toEqual([rows, fields.length]);
  }
});
