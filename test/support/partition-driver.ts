/**
 * Runs a cut plan in this process: one task after the other, every one through JSON as on another machine, and every second one as the only task of
 * its process; then the merge.
 */
import { join } from 'node:path';
import type { Sink } from '@spillway/core';
import type { Run, RunOptions } from '@spillway/workers';
import {
  type CutPlan,
  cutPlan,
  halveTask,
  joinResults,
  mergePartitions,
  type PartitionResult,
  type PartitionTask,
  runPartitionTask,
  tasksOf,
} from '@spillway/workers/partition';

export interface DriverOptions extends RunOptions {
  partitions: number;
  folder: string;
  /** Told of the plan before its tasks run. */
  onCut?: (cut: CutPlan) => void;
  /** Which tasks are cut in two, and again, as if they were too large. */
  isTooLarge?: (task: PartitionTask) => boolean;
}

function throughJson<T>(value: T): T {
  return JSON.parse(JSON.stringify(value)) as T;
}

/** The running merge. Its `done` is the end of the job. */
export async function runInPartitions(
  sinks: readonly Sink[],
  { partitions, folder, onCut, isTooLarge = () => false, ...options }: DriverOptions,
): Promise<Run> {
  const cut = await cutPlan(sinks, { partitions, folder: join(folder, 'parts'), leastTextBytes: 64 });
  onCut?.(cut);
  const runTask = async (task: PartitionTask): Promise<PartitionResult> => {
    const halves = isTooLarge(task) ? await halveTask(task, 64) : undefined;
    if (halves !== undefined) return joinResults(await runTask(halves[0]), await runTask(halves[1]), task.piece);
    const how = { workers: options.workers ?? 1, isOnly: task.partition % 2 === 1 };
    return throughJson(await runPartitionTask(throughJson<PartitionTask>(task), how));
  };
  const results: PartitionResult[] = [];
  for (const step of cut.steps.keys())
    for (const task of tasksOf(cut, step, results)) results.push(await runTask(task));
  return mergePartitions(cut, results, { ...options, sinks });
}
