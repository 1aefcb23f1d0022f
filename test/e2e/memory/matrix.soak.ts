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
