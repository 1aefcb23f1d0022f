/** Promise P1 over the whole matrix: `npm run test:soak -- memory`. Prints each cell as it ends, and the table of peaks. */

import {
  type Cell,
  MATRIX_JOBS,
  MATRIX_LIMITS,
  runCell,
  TABLE_TITLES,
  tableRow,
  timesLimitOf,
} from '@spillway/bench/memory/matrix';
import { afterAll, describe, expect, it } from 'vitest';
import { overlapAt } from '../../support/overlap-at.ts';

const cells: Cell[] = [];

afterAll(() => {
  const lines = [TABLE_TITLES, TABLE_TITLES.map(() => '---'), ...cells.map(tableRow)];
  console.log(lines.map((line) => `| ${line.join(' | ')} |`).join('\n'));
});

describe.each(MATRIX_JOBS)('%s', (job) => {
  it.each(MATRIX_LIMITS)('keeps the promise at %s, or is refused below its minimum', async (memoryLimit) => {
    const cell = await runCell({ job, memoryLimit, workers: 2, timesLimit: timesLimitOf(memoryLimit) });
    cells.push(cell);
    console.log(tableRow(cell).join(' | '));
    expect(cell).toMatchObject({ outcome: expect.stringMatching('kept|refused') });
  });
});

it('new rows all over a stored row group of 6 million rows, 64 MiB', async () => {
  expect(await overlapAt(64 * 2 ** 20, 60_000)).toEqual([2, 6_060_000n, 0n]);
});
