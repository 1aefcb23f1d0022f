/** What the Node processes of the workers are asked. Plain JSON. */

import type { PartitionResult, PartitionTask } from '@spillway/core/partition';

export type RunPartitionTask = (
  task: PartitionTask,
  options: { workers: number; memoryLimit?: number; isOnly?: boolean },
) => Promise<PartitionResult>;

export type TaskRequest =
  /** Whether partitions can be run here: `token` is a file on the shared path, `modules` those of the ops. */
  | { kind: 'probe'; token: { path: string; text: string }; modules: string[] }
  /** `shareBytes`, put in by the plugin: what the process may have in all. */
  | { kind: 'run'; task: PartitionTask; workers: number; shareBytes?: number; isOnly?: boolean };
