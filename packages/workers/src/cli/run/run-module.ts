/** `spillway run`: the job that a module describes. */
import { availableParallelism } from 'node:os';
import { explain, type Sink } from '@spillway/core';
import type { Run } from '../../job/job.ts';
import type { Context } from '../context.ts';
import { copyBeside } from './copy-beside.ts';
import { followJob, type JobOptions, summaryText } from './follow-job.ts';
import { loadSinks, modulePath } from './load-module.ts';

export interface RunModuleOptions extends JobOptions {
  dryRun?: boolean;
  deterministic?: boolean;
  format: 'csv' | 'json';
}

/** Rows that are written together. */
const PIECE_ROWS = 1024;
/** Of batches that are only printed. */
const NO_OWNER = 0;

/** The rows of a `collect()` sink, on standard output. */
async function printCollected(job: Run, sink: Sink, format: 'csv' | 'json', { results }: Context): Promise<void> {
  const { arrowToBatches, fieldsFromArrow, loadArrow } = await import('@spillway/core/arrow');
  const { createArena, csvHeader, rowTextOf, rowWriter } = await import('@spillway/core/values');
  const table = await job.table(sink);
  const fields = fieldsFromArrow(table.schema);
  const arena = createArena();
  if (format === 'csv') await results.write(csvHeader(fields.map(({ name }) => name)));
  for (const batch of arrowToBatches(await loadArrow(), arena, NO_OWNER, table, fields)) {
    const textOf = rowWriter(arena, batch, rowTextOf(format));
    for (let row = 0; row < batch.rows; row += PIECE_ROWS)
      await results.write(textOf(row, Math.min(batch.rows, row + PIECE_ROWS)));
    batch.release();
  }
}

/** What a run would be, on standard output. */
export async function printPlan(
  sinks: readonly Sink[],
  options: JobOptions,
  { results }: Context,
  more: object = {},
): Promise<void> {
  const { memoryLimit, workers = availableParallelism() } = options;
  const { text, physical } = await explain(sinks, {
    memory: true,
    ...(options.dask !== undefined && { dask: true }),
    ...(memoryLimit !== undefined && { memoryLimitBytes: memoryLimit }),
    workers,
  });
  if (options.json !== true) return results.line(text);
  const { memoryLimitBytes, minimumBytes } = physical;
  return results.line(JSON.stringify({ ok: true, dryRun: true, ...more, memoryLimitBytes, minimumBytes, plan: text }));
}

/** @returns the exit code, where it is another than 0 @throws what the module and its job throw */
export async function runModule(
  name: string,
  args: readonly string[],
  options: RunModuleOptions,
  context: Context,
): Promise<number | void> {
  const path = await modulePath(name, context.cwd);
  const other = await copyBeside(path);
  if (other !== undefined) return other.commandLine(context.args, context);
  const sinks = await loadSinks(path, args);
  if (options.dryRun === true) return printPlan(sinks, options, context);
  const { job, summary, endWatching } = await followJob(sinks, options, context);
  for (const sink of sinks) if (sink.kind === 'collect') await printCollected(job, sink, options.format, context);
  if (options.quiet !== true) context.note(summaryText(summary, context));
  if (options.json === true) await context.results.line(JSON.stringify(summary));
  await endWatching();
}
