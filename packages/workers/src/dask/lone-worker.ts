/**
 * What `lone-process.cts` runs: the process of one task that has no code of users. It is bundled into one file with all that it needs, of core as
 * well: nobody else in its process imports the packages, so that there is one registry all the same.
 */
import { runPartitionTask } from '../partition/run-task.ts';
import { servePartitions } from './serve-partitions.ts';

/** @param keepCode see `lone-process.cts` */
export default function runLoneTask(keepCode: () => void): void {
  void servePartitions(() => runPartitionTask, keepCode);
}
