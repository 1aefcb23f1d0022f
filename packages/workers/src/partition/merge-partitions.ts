/** The end of a cut plan: what its tasks have written goes, in order and once, through the rest of the plan into the sinks of the program. */
import type { Sink } from '@spillway/core';
import { PipelineError } from '@spillway/core/base';
import type { LogicalPlan } from '@spillway/core/internal';
import { type CutPlan, filesOf, type MergeInput, type PartitionResult } from '@spillway/core/partition';
import { Job, type Run } from '../job/job.ts';
import { parseRunOptions, type RunOptions } from '../job/run-options.ts';
import { resultsSource } from './describe-file.ts';

export interface MergeOptions extends RunOptions {
  /** The sinks that the plan was cut for. */
  sinks: readonly Sink[];
}

/**
 * Runs the rest of a cut plan over the results of its tasks; of several results of one task the first counts. Nothing is committed unless every
 * file is there as its task wrote it. The job's `resume` is that of `run`.
 * @throws ERR_PLAN when a task has no result; ERR_FILE_FORMAT, ERR_FILE_NOT_FOUND naming the file; what `run` throws
 */
export async function mergePartitions(
  cut: CutPlan,
  results: readonly PartitionResult[],
  { sinks, ...options }: MergeOptions,
): Promise<Run> {
  return new Job(sinks, parseRunOptions(options), await planOfRest(cut, results));
}

/** The rest of a cut plan, with the files of the tasks. @throws as `mergePartitions`, but for what `run` throws */
export async function planOfRest(cut: CutPlan, results: readonly PartitionResult[]): Promise<LogicalPlan> {
  const nodes = [...cut.rest.nodes];
  for (const input of cut.inputs) {
    const at = nodes.findIndex(({ id }) => id === input.node);
    const tasks = cut.steps[input.step]?.tasks ?? [];
    const called = tasks
      .slice(...input.partitions)
      .map(({ partition, part }) => `partition ${partition} (${part ?? 'all'})`);
    nodes[at] = await withFiles(nodes[at] as LogicalPlan['nodes'][number], input, results, called);
  }
  return { ...cut.rest, nodes };
}

async function withFiles(
  node: LogicalPlan['nodes'][number],
  { step, partitions: [from, to], file }: MergeInput,
  results: readonly PartitionResult[],
  called: readonly string[],
): Promise<LogicalPlan['nodes'][number]> {
  if (node.spec.kind !== 'source')
    throw new PipelineError('ERR_INTERNAL', `${node.name} does not read files of partitions`);
  const byPartition = new Map<number, PartitionResult>();
  for (const result of results)
    if (result.step === step && !byPartition.has(result.partition)) byPartition.set(result.partition, result);
  const written = Array.from({ length: to - from }, (_, index) => {
    const found = filesOf(byPartition.get(from + index), file);
    if (found.length > 0) return found.map((one) => ({ one, called: called[index] as string }));
    throw new PipelineError('ERR_PLAN', `partition ${from + index} of step ${step} has no result`, {
      stage: node.name,
      hint: 'merge when all tasks of all steps have ended',
    });
  });
  const files = written.flat();
  const source = await resultsSource(
    node.spec.source,
    files.map(({ one }) => one),
    files.map((each) => each.called),
  );
  return { ...node, spec: { kind: 'source', source } };
}
