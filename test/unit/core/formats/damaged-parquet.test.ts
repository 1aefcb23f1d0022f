import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PipelineError } from '@spillway/core';
import { createArena, NativeReader, readParquetInfo } from '@spillway/core/internal';
import { expect, it } from 'vitest';
import { quote, sql } from '../../../support/duckdb.ts';
import { type SeededRandom, seededRandom } from '../../../support/random.ts';
import { sharedFolder } from '../../../support/temporary-folder.ts';

const folder = sharedFolder();

const QUERY = `SELECT i AS a, (hash(i) % 50)::VARCHAR AS b, CASE WHEN i % 5 = 0 THEN NULL ELSE hash(i)::DOUBLE END AS c, i % 2 = 0 AS d
  FROM range(3000) t(i)`;

/** Some bytes changed, in places where pages lie. */
function damaged(random: SeededRandom, good: Buffer, dataBytes: number): Buffer {
  const bytes = Buffer.from(good);
  for (let left = random.integer(1, 8); left > 0; left--) {
    const at = random.integer(4, dataBytes - 1);
    if (random.chance(0.5)) bytes[at] = (bytes[at] as number) ^ (1 << random.integer(0, 7));
    else bytes.fill(random.integer(0, 255), at, Math.min(dataBytes, at + random.integer(1, 12)));
  }
  return bytes;
}

it('damaged pages are a problem of the page, or other values, and never harm the process', async () => {
  const random = seededRandom();
  const arena = createArena({ debug: true });
  for (const [version, codec] of [
    ['V1', 'snappy'],
    ['V2', 'uncompressed'],
    ['V2', 'zstd'],
    ['V1', 'lz4_raw'],
    ['V1', 'zstd'],
  ]) {
    const path = join(folder, `${version}-${codec}.parquet`);
    await sql(`COPY (${QUERY}) TO ${quote(path)} (FORMAT parquet, CODEC '${codec}', PARQUET_VERSION ${version})`);
    const good = readFileSync(path);
    const info = await readParquetInfo(path);
    const dataBytes = Math.max(
      ...info.rowGroups.flatMap(({ chunks }) => chunks.map(({ offset, bytes }) => offset + bytes)),
    );
    let problems = 0;
    for (let round = 0; round < 60; round++) {
      writeFileSync(path, damaged(random, good, dataBytes));
      const reader = new NativeReader(info, {
        ...{ path, rowGroups: [0], columns: [], fields: info.fields, copied: info.fields },
        ...{ batchRows: 1000, firstRow: 0, isLast: true, arena, owner: 1 },
        publish: (batch) => batch.release(),
      });
      const error: unknown = await reader.run().catch((thrown: unknown) => thrown);
      if (error instanceof Error) {
        problems += 1;
        const isKnown = error instanceof PipelineError || error.name === 'PageProblem';
        expect([error.name, isKnown]).toEqual([error.name, true]);
      }
    }
    expect(problems).toBeGreaterThan(0);
    expect(arena.usedSlabs()).toBe(0);
  }
});
