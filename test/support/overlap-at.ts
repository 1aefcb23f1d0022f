import { watchPeakIn } from '@spillway/bench/memory/watch-peak';
import { expect } from 'vitest';
import { fromDelta, sql } from './duckdb.ts';
import { plainTemporaryFolder } from './temporary-folder.ts';

/**
 * Stores one row group of 100 rows a tick, then, at a limit, a row of every tick between them, watched from outside. Returns versions, rows and
 * rows out of order, as another reader finds them.
 */
export async function overlapAt(memoryLimit: number, ticks: number): Promise<unknown[]> {
  const folder = plainTemporaryFolder();
  await watchPeakIn(folder, { job: 'overlap', memoryLimit: 2 ** 29, workers: 1, ticks, half: 0 });
  const { used } = await watchPeakIn(folder, { job: 'overlap', memoryLimit, workers: 1, ticks, half: 1 });
  expect(used).toBeLessThanOrEqual(1);
  const { columns } = await sql(
    `SELECT count(*), count(*) FILTER (time < before) FROM (SELECT time, lag(time) OVER (ORDER BY file_row_number) AS before
     FROM ${fromDelta(`${folder}/table=cpu`).replace('])', '], file_row_number = true)')})`,
  );
  const [versions] = (await sql(`SELECT count(*) FROM glob('${folder}/table=cpu/_delta_log/*.json')`)).columns;
  return [Number(versions?.[0]), ...columns.flat()];
}
