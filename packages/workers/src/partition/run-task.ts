/** One task of a cut plan, run in this process with the engine that runs everything else. */
import { dirname } from 'node:path';
import { makeFolders, PipelineError } from '@spillway/core/base';
import type { FileSinkSpec, LogicalPlan, SourceSpec, StagedSink } from '@spillway/core/internal';
import {
  numberText,
  type PartitionFile,
  type PartitionResult,
  type PartitionTask,
  readPlanText,
  type TaskInput,
} from '@spillway/core/partition';
import { Job } from '../job/job.ts';
import { type ParsedRunOptions, parseRunOptions } from '../job/run-options.ts';
import type { Progress } from '../monitor/progress.ts';
import { describeFile, describeLeft, describeRun, resultsSource } from './describe-file.ts';

/** Of sources: reading and working on more of them takes longer than starting threads. */
const OWN_THREAD_BYTES = 16 * 2 ** 20;

/** Options of `runPartitionTask`. */
export interface TaskOptions {
  /** Hard total of the task, in bytes or as text. Default: the pipeline's. */
  memoryLimit?: number | string;
  /** As of `run`. */
  workers?: number;
  signal?: AbortSignal;
  onProgress?: (progress: Progress) => void;
  spillDirectory?: string;
  /** The process runs this task and no other. A small one then needs no threads, unless it has code of users. */
  isOnly?: boolean;
}

/**
 * Runs a task to its end. Its files are there, under names of this attempt, when it resolves, and none when it rejects; they are written aside
 * and renamed.
 * @throws what `run` throws
 */
export async function runPartitionTask(task: PartitionTask, options: TaskOptions = {}): Promise<PartitionResult> {
  const { step, partition, piece, range, attempt = 0 } = task;
  const plan = await planOf(task);
  makeFolders(dirname(task.output));
  // It is part of a run, which has a record of its own.
  const { isOnly = false, ...given } = options;
  const parsed = parseRunOptions({ restarts: 0, history: false, ...given });
  const job = await runPlan(plan, { ...parsed, ownThreadBytes: isOnly ? OWN_THREAD_BYTES : 0 });
  const summary = job.summary();
  const sinks = sinksOf(plan);
  const left = job.left();
  const files = await Promise.all(sinks.map((sink, index) => describeOutput(sink, index, { sinks, left, task })));
  const which = {
    step,
    partition,
    ...(piece !== undefined && { piece }),
    ...(range !== undefined && { range }),
    attempt,
  };
  return { ...which, files, peakRss: summary.peakRssBytes, rows: summary.rowsIn };
}

/** @returns the job, which has ended well */
async function runPlan(plan: LogicalPlan, options: ParsedRunOptions): Promise<Job> {
  const job = new Job([], options, plan);
  try {
    await job.done;
    return job;
  } catch (error) {
    // Without threads an allocation cannot wait until another stage has given memory back.
    const isShort = error instanceof PipelineError && error.code === 'ERR_MEMORY_EXHAUSTED';
    if (isShort && options.ownThreadBytes > 0) return runPlan(plan, { ...options, ownThreadBytes: 0 });
    if (await numberRows(plan, error)) await new Job([], options, plan).done;
    throw error;
  }
}

/** What it writes. */
function sinksOf({ nodes }: LogicalPlan): FileSinkSpec[] {
  return nodes.flatMap(({ spec }) =>
    spec.kind === 'sink' && (spec.sink.type === 'file' || spec.sink.type === 'store') ? [spec.sink] : [],
  );
}

interface Written {
  sinks: readonly FileSinkSpec[];
  left: readonly StagedSink[];
  task: PartitionTask;
}

function describeOutput(sink: FileSinkSpec, index: number, { sinks, left, task }: Written): Promise<PartitionFile> {
  if (sink.type === 'store')
    return describeLeft(left.find(({ spec }) => spec.type === 'store' && spec.left === sink.left));
  const run = task.runs?.find(({ rows }) => rows === index);
  const samples = sinks[run?.samples ?? -1];
  if (run !== undefined && samples?.type === 'file') return describeRun(sink.path, samples.path, run.every);
  return describeFile(sink.path, index === task.bounds);
}

/** The plan of a task with its part of each source, and the paths of its files. */
async function planOf({ plan: text, inputs, output, attempt = 0, isPassing }: PartitionTask): Promise<LogicalPlan> {
  const plan = readPlanText<LogicalPlan>(text);
  for (const input of inputs) {
    const node = plan.nodes.find(({ id }) => id === input.node);
    if (node?.spec.kind === 'source') node.spec = { kind: 'source', source: await partOf(node.spec.source, input) };
    const filtered = plan.nodes.find(({ id }) => id === input.filter?.node);
    if (filtered !== undefined && input.filter !== undefined)
      filtered.spec = { kind: 'filter', predicate: readPlanText(input.filter.predicate) };
  }
  for (const sink of sinksOf(plan))
    if (sink.type === 'file')
      Object.assign(sink, { path: `${output}-${sink.path}-a${attempt}.arrow`, ...(isPassing && { isPassing }) });
    else sink.left = `${output}-${sink.left}-a${attempt}`;
  return plan;
}

/** What the task reads of a source: the part that it was given, or files of earlier tasks. */
async function partOf(whole: SourceSpec, { source, files, blocks }: TaskInput): Promise<SourceSpec> {
  return files === undefined
    ? readPlanText<SourceSpec>(source)
    : resultsSource(whole, files, { ...(blocks && { blocks }) });
}

/**
 * Counts the lines before parts of text files in which something was found wrong, so that the task, when it runs again, names the place in the
 * whole file. Returns whether there are any.
 */
async function numberRows(plan: LogicalPlan, error: unknown): Promise<boolean> {
  const path = error instanceof PipelineError ? error.file : undefined;
  let isNumbered = false;
  for (const { spec } of plan.nodes) {
    if (spec.kind !== 'source' || spec.source.type !== 'text') continue;
    for (const [index, file] of spec.source.files.entries()) {
      if (file.path !== path || file.firstByte === undefined) continue;
      spec.source.files[index] = await numberText(file);
      isNumbered = true;
    }
  }
  return isNumbered;
}
