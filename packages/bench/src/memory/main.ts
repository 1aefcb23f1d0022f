/** `npm run bench:memory`: the table of peaks, as Markdown. `-- sort asof` for these jobs only; two lanes, or `--workers N`. */
import { parseArgs } from 'node:util';
import { type Cell, MATRIX_JOBS, MATRIX_LIMITS, runCell, TABLE_TITLES, tableRow, timesLimitOf } from './matrix.ts';
import { PEAK_JOBS, type PeakJob } from './peak-jobs.ts';

// Runs that are measured leave no records, neither here nor in the processes that are started.
process.env['SPILLWAY_HISTORY'] = 'off';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { workers: { type: 'string', default: '2' }, times: { type: 'string' } },
});
const unknown = positionals.filter((name) => !(PEAK_JOBS as readonly string[]).includes(name));
if (unknown.length > 0) {
  console.error(`no job "${unknown.join('", "')}": there are ${PEAK_JOBS.join(', ')}`);
  process.exit(2);
}

const print = (cells: readonly string[]): void => console.log(`| ${cells.join(' | ')} |`);
const jobs = positionals.length > 0 ? (positionals as PeakJob['job'][]) : [...MATRIX_JOBS, 'flights' as const];
const broken: Cell[] = [];
print(TABLE_TITLES);
print(TABLE_TITLES.map(() => '---'));
for (const job of jobs) {
  for (const memoryLimit of MATRIX_LIMITS) {
    const timesLimit = values.times === undefined ? timesLimitOf(memoryLimit) : Number(values.times);
    const cell = await runCell({ job, memoryLimit, workers: Number(values.workers), timesLimit });
    print(tableRow(cell));
    if (cell.outcome === 'broken') broken.push(cell);
  }
}
process.exit(broken.length > 0 ? 1 : 0);
