/** Our side of the market workload, in a process of its own: FOLDER STORE LIMIT. Prints its summary as JSON. */
import { errorToData, openStore } from '@spillway/core';
import { run } from '@spillway/workers';
import { marketJob } from './market-job.ts';

const [folder = '', storeFolder = '', limit = ''] = process.argv.slice(2);
try {
  const sinks = marketJob(folder, await openStore(storeFolder), Number(limit));
  const summary = await run(sinks, { workers: 2 }).done;
  process.stdout.write(`${JSON.stringify(summary)}\n`);
  process.exit(0);
} catch (error) {
  const { code, message } = errorToData(error);
  process.stderr.write(`${code}: ${message}\n`);
  process.exit(1);
}
