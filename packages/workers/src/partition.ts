/** Plans in parts: what runs them on other machines needs these, and users do not. No promise of stability. */

export type { CutOptions, CutPlan, PartitionFile, PartitionResult, PartitionTask } from '@spillway/core/partition';
export { cutPlan, halveTask, joinResults, tasksOf } from '@spillway/core/partition';
export { type MergeOptions, mergePartitions } from './partition/merge-partitions.ts';
export { runPartitionTask, type TaskOptions } from './partition/run-task.ts';
