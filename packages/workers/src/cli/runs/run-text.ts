/** A run that is over, in words and numbers. */
import { formatBytes } from '@spillway/core/words';
import type { Pattern } from '../../advice/advice.ts';
import { adviceText } from '../../advice/advice-text.ts';
import type { PastRun } from '../../history/past-run.ts';
import { type FlushCounts, forcedFlushes } from '../../monitor/operator-statistics.ts';
import { shortCount, timeText } from '../../monitor/progress-text.ts';
import type { Style } from '../output/style.ts';
import { amount, grouped, textTable } from '../output/text-table.ts';
import { usedBytes } from './list-runs.ts';

const STAGE_COLUMNS = [
  { title: 'stage', align: 'left' },
  { title: 'lanes', align: 'right' },
  { title: 'rows in', align: 'right' },
  { title: 'rows out', align: 'right' },
  { title: 'working', align: 'right' },
  { title: 'peak held', align: 'right' },
  { title: 'spilled', align: 'right' },
  { title: 'flushes', align: 'left' },
] as const;

/** `3 memory, 1 end` */
export function flushText(flushes: FlushCounts): string {
  const counted = Object.entries(flushes).filter(([, count]) => count > 0);
  return counted.map(([reason, count]) => `${grouped(count)} ${reason}`).join(', ');
}

function stageCells({ snapshot }: PastRun): string[][] {
  return snapshot.stages.map((stage) => [
    stage.name,
    grouped(stage.lanes),
    grouped(stage.rowsIn),
    grouped(stage.rowsOut),
    timeText(stage.spentMs.working),
    stage.peakHeldBytes === 0 ? '' : formatBytes(stage.peakHeldBytes),
    stage.spilledBytes === 0 ? '' : formatBytes(stage.spilledBytes),
    flushText(stage.flushes),
  ]);
}

/** What it taught, and what the runs up to it have in common. */
function adviceLines({ summary: { advice } }: PastRun, patterns: readonly Pattern[], style: Style): string[] {
  if (advice === undefined) return [];
  return ['', style.bold('advice'), ...adviceText({ ...advice, patterns: [...patterns] }).map((line) => `  ${line}`)];
}

function endText({ summary }: PastRun, style: Style): string {
  const { ok, error, rowsIn, rowsOut, elapsedMs } = summary;
  const rate = shortCount((rowsIn * 1000) / Math.max(1, elapsedMs));
  const counts = `${amount(rowsIn, 'row')} in (${rate}/s), ${grouped(rowsOut)} out`;
  const end = ok ? style.green('done') : style.red(error?.code ?? 'failed');
  return `${end} in ${timeText(elapsedMs)}: ${counts}${error === undefined ? '' : `\n  ${error.message}`}`;
}

/** @param patterns of the runs of its plan up to it */
export function runText(run: PastRun, patterns: readonly Pattern[], style: Style): string {
  const { id, title, startedAt, workers, minimumBytes, resume, summary } = run;
  const { memoryLimitBytes, spilledBytes, flushes, restarts } = summary;
  return [
    `${style.bold(id)}  ${title}`,
    `began ${startedAt}, ${amount(workers, 'worker')}${resume === undefined ? '' : `, resume ${resume}`}`,
    endText(run, style),
    `memory: at most ${formatBytes(usedBytes(summary))} beyond idle, limit ${formatBytes(memoryLimitBytes)}, least ${formatBytes(minimumBytes)}`,
    `forced: ${amount(forcedFlushes(flushes), 'flush').replace(/hs$/, 'hes')}, ${formatBytes(spilledBytes)} spilled${restarts > 0 ? `, ${amount(restarts, 'restart')}` : ''}`,
    '',
    textTable(STAGE_COLUMNS, stageCells(run)),
    ...adviceLines(run, patterns, style),
  ].join('\n');
}
