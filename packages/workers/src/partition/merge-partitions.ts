/** The end of a cut plan: what its tasks have written goes, in order and once, through the rest of the plan into the sinks of the program. */
import type { Sink } from '@spillway/core';
import { PipelineError } from '@spillway/core/base';
import type { LogicalPlan, SourceSpec } from '@spillway/core/internal';
import {
  type CutPlan,
  filesOf,
  type LeftPart,
  type MergeInput,
  type PartitionResult,
  writtenFiles,
} from '@spillway/core/partition';
import { Job, type Run } from '../job/job.ts';
import { parseRunOptions, type RunOptions } from '../job/run-options.ts';
import { resultsSource, verifyLeft } from './describe-file.ts';

/** Options of `mergePartitions`. */
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

/**
 * The rest of a cut plan, with the files of the tasks.
 * @param isSummed checksums of files that go into a store as they are have been compared: it is enough that they are there
 * @throws as `mergePartitions`, but for what `run` throws
 */
export async function planOfRest(
  cut: CutPlan,
  results: readonly PartitionResult[],
  isSummed = false,
): Promise<LogicalPlan> {
  const nodes = [...cut.rest.nodes];
  const replace = (node: LogicalPlan['nodes'][number]): void => {
    nodes[nodes.findIndex(({ id }) => id === node.id)] = node;
  };
  for (const input of cut.inputs) {
    const node = nodes.find(({ id }) => id === input.node);
    if (node?.spec.kind !== 'source')
      throw new PipelineError('ERR_INTERNAL', `${node?.name} does not read files of partitions`);
    const parts = partsOf(cut, input, results);
    const { source } = node.spec;
    const sink = nodes.find(({ id }) => id === input.sink);
    if (sink === undefined) replace({ ...node, spec: { kind: 'source', source: await readerOf(source, parts) } });
    else replace(await writerOf(sink, source, parts, isSummed));
  }
  return { ...cut.rest, nodes };
}

function readerOf(source: SourceSpec, parts: readonly LeftPart[]): Promise<SourceSpec> {
  const files = parts.map(({ file }) => file);
  const called = parts.map((part) => part.called);
  return resultsSource(source, files, { called });
}

/** The sink, with the files that tasks have written for it. */
async function writerOf(
  sink: LogicalPlan['nodes'][number],
  source: SourceSpec,
  parts: readonly LeftPart[],
  isSummed: boolean,
): Promise<LogicalPlan['nodes'][number]> {
  const { name, spec } = sink;
  if (spec.kind !== 'sink' || spec.sink.type !== 'store' || source.type !== 'arrow')
    throw new PipelineError('ERR_INTERNAL', `${name} does not take files of partitions`);
  for (const { file } of parts) await verifyLeft(file, isSummed);
  const written = writtenFiles(parts, { name, fields: source.expected ?? [], orderedOn: spec.sink.orderedOn });
  return { ...sink, spec: { ...spec, sink: { ...spec.sink, written } } };
}

/** What the tasks of an input have left, in the order of its rows. */
function partsOf(
  cut: CutPlan,
  { node, step, partitions: [from, to], file }: MergeInput,
  results: readonly PartitionResult[],
): LeftPart[] {
  const byPartition = new Map<number, PartitionResult>();
  for (const result of results)
    if (result.step === step && !byPartition.has(result.partition)) byPartition.set(result.partition, result);
  return (cut.steps[step]?.tasks ?? []).slice(from, to).flatMap(({ partition, part }) => {
    const found = filesOf(byPartition.get(partition), file);
    const called = `partition ${partition} (${part ?? 'all'})`;
    if (found.length > 0) return found.map((one) => ({ called, file: one }));
    throw new PipelineError('ERR_PLAN', `partition ${partition} of step ${step} has no result`, {
      stage: cut.rest.nodes.find(({ id }) => id === node)?.name ?? '',
      hint: 'merge when all tasks of all steps have ended',
    });
  });
}
