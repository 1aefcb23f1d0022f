/** Prints the median milliseconds of W1's job: `series-child.js ROWS WORKERS ROUNDS`. */
import { alternate } from '../measure/alternate.ts';
import { aggregateShared, shareSeries, UNTIMED_TURNS } from './shared-series.ts';

const [rows = 0, workers = 1, rounds = 1] = process.argv.slice(2).map(Number);
const table = await shareSeries(rows);
const [timing] = await alternate([{ name: 'W1', run: () => aggregateShared(table, workers) }], rounds, UNTIMED_TURNS);
console.log(timing?.medianMs);
process.exit(0);
