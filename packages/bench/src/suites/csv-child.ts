/** W3 in a process of its own: `csv-child.js CSV STORE LIMIT WORKERS`. Prints the summary. */
import { openStore } from '@spillway/core';
import { run } from '@spillway/workers';
import { csvJob } from './csv-job.ts';

const [csv = '', folder = '', limit = '', workers = ''] = process.argv.slice(2);
const store = await openStore(folder);
const summary = await run([csvJob(csv, store, Number(limit))], { workers: Number(workers) }).done;
process.stdout.write(JSON.stringify(summary), () => process.exit(0));
