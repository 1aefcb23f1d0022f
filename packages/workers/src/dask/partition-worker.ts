/** Entry of a Node process of a Dask worker. `argv[2]` may name another module that runs tasks. */
import { servePartitions } from './serve-partitions.ts';
import type { RunPartitionTask } from './task-request.ts';

void servePartitions(async () => {
  const engine = process.argv[2] ?? new URL('./run-task.js', import.meta.url).href;
  return ((await import(engine)) as { runPartitionTask: RunPartitionTask }).runPartitionTask;
});
