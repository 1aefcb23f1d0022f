/** `spillway runs`: the runs that have left a record. */
import { formatBytes } from '@spillway/core/words';
import type { PastRun } from '../../history/past-run.ts';
import { forcedFlushes } from '../../monitor/operator-statistics.ts';
import { shortCount, timeText } from '../../monitor/progress-text.ts';
import type { CommonOptions, Context } from '../context.ts';
import { grouped, textTable } from '../output/text-table.ts';
import { type HistoryOptions, openHistory } from './open-history.ts';

export interface RunsOptions extends CommonOptions, HistoryOptions {
  limit?: number;
}

const LIMIT = 20;
const TITLE_LETTERS = 40;

const COLUMNS = [
  { title: 'run', align: 'left' },
  { title: 'plan', align: 'left' },
  { title: 'what', align: 'left' },
  { title: 'rows in', align: 'right' },
  { title: 'time', align: 'right' },
  { title: 'rows/s', align: 'right' },
  { title: 'limit', align: 'right' },
  { title: 'peak', align: 'right' },
  { title: 'forced', align: 'right' },
  { title: 'spilled', align: 'right' },
  { title: 'end', align: 'left' },
] as const;

/** One run, for programs. */
function listed({ id, startedAt, plan, title, resume, workers, summary }: PastRun): object {
  const { ok, rowsIn, rowsOut, elapsedMs, memoryLimitBytes, peakRssBytes, idleRssBytes, spilledBytes, flushes } =
    summary;
  return {
    ...{ id, startedAt, plan, title, resume, workers, ok, rowsIn, rowsOut, elapsedMs },
    ...{ memoryLimitBytes, peakRssBytes, idleRssBytes, spilledBytes, flushes },
    error: summary.error?.code,
  };
}

/** What a run used of its memory: resident beyond idle. */
export function usedBytes({ peakRssBytes, idleRssBytes }: PastRun['summary']): number {
  return Math.max(0, peakRssBytes - idleRssBytes);
}

function cellsOf({ id, plan, title, summary }: PastRun): string[] {
  const { rowsIn, elapsedMs, memoryLimitBytes, spilledBytes, ok, error } = summary;
  return [
    id,
    plan.slice(0, 6),
    title.length > TITLE_LETTERS ? `${title.slice(0, TITLE_LETTERS - 1)}…` : title,
    grouped(rowsIn),
    timeText(elapsedMs),
    shortCount((rowsIn * 1000) / Math.max(1, elapsedMs)),
    formatBytes(memoryLimitBytes),
    formatBytes(usedBytes(summary)),
    grouped(forcedFlushes(summary.flushes)),
    spilledBytes === 0 ? '' : formatBytes(spilledBytes),
    ok ? 'done' : (error?.code ?? 'failed'),
  ];
}

/** The last runs as a table, oldest first; with a run, those of its plan. */
export async function listRuns(asked: string | undefined, options: RunsOptions, context: Context): Promise<void> {
  const folder = openHistory(options, context);
  const plan = asked === undefined ? undefined : (await folder.find(asked)).plan;
  const names = (await folder.names()).filter((name) => plan === undefined || name.plan === plan);
  const last = names.slice(-(options.limit ?? LIMIT));
  const runs = (await Promise.all(last.map((name) => folder.read(name)))).filter((run) => run !== undefined);
  if (options.json === true)
    return context.results.line(JSON.stringify({ ok: true, folder: folder.path, runs: runs.map(listed) }));
  if (runs.length === 0) return context.note(`no run has left a record in ${folder.path} yet`);
  await context.results.line(textTable(COLUMNS, runs.map(cellsOf)));
  if (names.length > runs.length) context.note(`${names.length - runs.length} older ones: --limit shows more`);
}
