/** Says so on standard output when the first row of a trivial plan is there. */
import { col, createPipeline, fromIterable } from '@spillway/core';
import { run } from '@spillway/workers';

const rows = Array.from({ length: 10 }, (_, i) => ({ ts: i, price: i }));
const sink = createPipeline({ memoryLimit: '64MiB' })
  .source(fromIterable({ ts: 'timestamp[ms]', price: 'float64' }, rows, { orderedOn: 'ts' }))
  .filter(col('price').gt(0))
  .forEach((batch) => void process.stdout.write(`${batch.length} rows\n`), { takes: 'rows' });
await run([sink], { workers: 2 }).done;
process.exit(0);
