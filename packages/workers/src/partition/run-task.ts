/** One task of a cut plan, run in this process with the engine that runs everything else. */
import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { LogicalPlan, SourceSpec } from '@spillway/core/internal';
import { type PartitionResult, type PartitionTask, readPlanText } from '@spillway/core/partition';
import { Job } from '../job/job.ts';
import { parseRunOptions } from '../job/run-options.ts';
import type { Progress } from '../monitor/progress.ts';
import { describeFile } from './describe-file.ts';

export interface TaskOptions {
  /** Hard total of the task, in bytes or as text. Default: the pipeline's. */
  memoryLimit?: number | string;
  /** As of `run`. */
  workers?: number;
  signal?: AbortSignal;
  onProgress?: (progress: Progress) => void;
  spillDirectory?: string;
}

/**
 * Runs a task to its end. Its files are there, under names of this attempt, when it resolves, and none when it rejects; they are written aside,
 * flushed and renamed.
 * @throws what `run` throws
 */
export async function runPartitionTask(task: PartitionTask, options: TaskOptions = {}): Promise<PartitionResult> {
  const { step, partition, attempt = 0 } = task;
  const plan = planOf(task);
  await mkdir(dirname(task.output), { recursive: true });
  const job = new Job([], parseRunOptions({ restarts: 0, ...options }), plan);
  const summary = await job.done;
  const sinks = plan.nodes.flatMap(({ spec, inputs }) =>
    spec.kind === 'sink' && spec.sink.type === 'file' ? [{ path: spec.sink.path, input: inputs[0] }] : [],
  );
  const files = await Promise.all(sinks.map(({ path }) => describeFile(path)));
  return { step, partition, attempt, files, peakRss: summary.peakRssBytes, rows: summary.rowsIn };
}

/** The plan of a task with its part of each source, and the paths of its files. */
function planOf({ plan: text, inputs, output, attempt = 0 }: PartitionTask): LogicalPlan {
  const plan = readPlanText<LogicalPlan>(text);
  for (const { node: id, source } of inputs) {
    const node = plan.nodes.find((candidate) => candidate.id === id);
    if (node !== undefined) node.spec = { kind: 'source', source: readPlanText<SourceSpec>(source) };
  }
  for (const { spec } of plan.nodes)
    if (spec.kind === 'sink' && spec.sink.type === 'file')
      spec.sink.path = `${output}-${spec.sink.path}-a${attempt}.arrow`;
  return plan;
}
