/** A job as people see it on standard error: what was left out, what presses, how far it is, what it did. */
import { formatBytes, PipelineError } from '@spillway/core/words';
import { historyPlace } from '../../history/history-place.ts';
import type { Run } from '../../job/job.ts';
import type { RunOptions } from '../../job/run-options.ts';
import type { Summary } from '../../job/summary.ts';
import { shortCount, timeText } from '../../monitor/progress-text.ts';
import { ProgressDisplay } from '../../monitor/terminal-progress.ts';
import { run } from '../../run.ts';
import type { CommonOptions, Context } from '../context.ts';
import { UsageError } from '../exit-codes.ts';
import { retold } from '../output/retold.ts';
import { amount, grouped } from '../output/text-table.ts';
import { type WatchOptions, watchJob } from './watch-job.ts';

/** Options of commands that run a job. */
export interface JobOptions extends CommonOptions, WatchOptions {
  memoryLimit?: number;
  workers?: number;
  spillDirectory?: string;
  spillLimit?: number;
  quiet?: boolean;
  resume?: string;
  inputEnds?: 'more' | 'final';
  checkpointEvery?: string;
  resumeDirectory?: string;
  /** Address of a scheduler: the job then runs on its cluster. */
  dask?: string;
  sharedPath?: string;
  partitions?: number;
  workerMemory?: number;
  /** `false` for none. */
  history?: false | string | true;
}

/** Of bad rows, each of which is told up to here. */
const MOST_BAD_ROWS_TOLD = 10;

const RUN_OPTIONS = [
  ...(['memoryLimit', 'workers', 'spillDirectory', 'spillLimit'] as const),
  ...(['resume', 'inputEnds', 'checkpointEvery', 'resumeDirectory'] as const),
];

/** What of a job's options `run` takes. @throws UsageError */
function runOptions(options: JobOptions, { env, cwd }: Context): RunOptions {
  if (options.inputEnds === 'more' && options.resume === undefined)
    throw new UsageError(
      '--input-ends more needs a job to go on with: name it with --resume, such as --resume nightly',
    );
  const given = RUN_OPTIONS.filter((name) => options[name] !== undefined).map((name) => [name, options[name]]);
  const named = options.history === true ? undefined : options.history;
  const place = historyPlace(named, env, cwd);
  const history = place === undefined ? false : place.isGiven ? place.folder : undefined;
  return { ...Object.fromEntries(given), ...(history !== undefined && { history }) };
}

const DASK_OPTIONS = ['sharedPath', 'partitions', 'workerMemory'] as const;

/** What starts it: here, or on a cluster. @throws ERR_OPTIONS */
async function starter({ dask: scheduler, ...options }: JobOptions): Promise<typeof run> {
  const given = DASK_OPTIONS.filter((name) => options[name] !== undefined);
  if (scheduler !== undefined) {
    const { runOnDask } = await import('../../dask/dask-run.ts');
    const more = Object.fromEntries(given.map((name) => [name, options[name]]));
    return (sinks, runs = {}) => runOnDask(sinks, { ...runs, ...more, scheduler });
  }
  const [first] = given;
  if (first === undefined) return run;
  throw new PipelineError('ERR_OPTIONS', `option ${first} is given without dask`, {
    hint: 'say where the cluster is: --dask tcp://HOST:8786, or --dask local',
  });
}

/** What was interrupted goes on where it was, if it has a name. */
function interrupted(error: unknown, { resume }: JobOptions): unknown {
  if (resume === undefined || !(error instanceof PipelineError) || error.code !== 'ERR_ABORTED') return error;
  return retold(error, { hint: `run it again with --resume ${resume}: it goes on from its last checkpoint` });
}

function listen(job: Run, display: ProgressDisplay, { noteStyle }: Context): void {
  let told = 0;
  const warn = (text: string): void => display.say(`${noteStyle.yellow('warning')}: ${text}`);
  job.on('alert', ({ state, message }) => (state === 'cleared' ? display.say(`over: ${message}`) : warn(message)));
  job.on('restart', ({ stage, reason }) =>
    warn(`a worker of "${stage}" died (${reason}); the job goes on from its last barrier`),
  );
  job.on('badRows', ({ rows }) => {
    for (const { file, line, reason } of rows) {
      told += 1;
      if (told <= MOST_BAD_ROWS_TOLD) warn(`left out ${file}, line ${line}: ${reason}`);
      if (told === MOST_BAD_ROWS_TOLD + 1) warn('more rows are left out; the summary counts them');
    }
  });
}

/** What a job did, in some lines. */
export function summaryText(summary: Summary, { noteStyle }: Context): string {
  const { rowsIn, rowsOut, elapsedMs, peakRssBytes, idleRssBytes, memoryLimitBytes, spilledBytes, restarts } = summary;
  const rate = shortCount((rowsIn * 1000) / Math.max(1, elapsedMs));
  const used = formatBytes(Math.max(0, peakRssBytes - idleRssBytes));
  const bad = summary.sources.reduce((sum, { badRows = 0 }) => sum + badRows, 0);
  const extras = [
    spilledBytes > 0 && `${formatBytes(spilledBytes)} spilled`,
    restarts > 0 && amount(restarts, 'restart'),
    bad > 0 && `${amount(bad, 'bad row')} left out`,
  ].filter((extra) => extra !== false);
  return [
    `${noteStyle.green('done')} in ${timeText(elapsedMs)}: ${amount(rowsIn, 'row')} in (${rate}/s), ${grouped(rowsOut)} out`,
    `memory: at most ${used} beyond idle, limit ${formatBytes(memoryLimitBytes)}${extras.map((extra) => `; ${extra}`).join('')}`,
    ...adviceLines(summary).map((line) => `${noteStyle.yellow('advice')}: ${line}`),
  ].join('\n');
}

/** Advice where memory was short; that there was more than enough is for `spillway report`. */
function adviceLines({ advice }: Summary): string[] {
  const isShort = advice?.stages.some(({ forced, spilledBytes }) => forced > 0 || spilledBytes > 0) ?? false;
  return isShort ? (advice?.text ?? []) : [];
}

/** An error with what its job had done until then, for `--json`. */
function withSummary(error: unknown, summary: Summary): unknown {
  if (error instanceof Error) Object.defineProperty(error, 'summary', { value: summary, enumerable: false });
  return error;
}

/**
 * Runs a job to its end, with progress on standard error. Ctrl-C stops it; nothing is committed then.
 * @returns with it, what to call when everything about it has been printed: a dashboard may stay open until then, or longer
 * @throws what the job fails with, its summary as far as it got with it; ERR_OPTIONS when its dashboard cannot listen
 */
export async function followJob(
  sinks: Parameters<typeof run>[0],
  options: JobOptions & Pick<RunOptions, 'deterministic'>,
  context: Context,
): Promise<{ job: Run; summary: Summary; endWatching: () => Promise<void> }> {
  const display = new ProgressDisplay(context.stderr);
  const start = await starter(options);
  const job = start(sinks, {
    ...runOptions(options, context),
    ...(options.deterministic === true && { deterministic: true }),
    signal: context.interruption(),
    ...(options.quiet !== true && { onProgress: (progress) => display.show(progress) }),
  });
  job.done.catch(() => {}); // seen below, unless its dashboard cannot be served
  listen(job, display, context);
  const watched = await watchJob(job, options, context).catch(async (error: unknown) => {
    job.abort();
    await job.done.catch(() => {});
    throw error;
  });
  try {
    const summary = await job.done;
    display.clear();
    return { job, summary, endWatching: () => watched(true) };
  } catch (error) {
    display.clear();
    await watched(false);
    throw withSummary(interrupted(error, options), job.summary());
  }
}
