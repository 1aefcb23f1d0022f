/** `spillway report`: one run in words and numbers, beside another, or as the page of its dashboard. */
import { writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { PipelineError } from '@spillway/core/words';
import { patternsOf } from '../../advice/patterns.ts';
import type { HistoryFolder } from '../../history/history-folder.ts';
import type { PastRun } from '../../history/past-run.ts';
import type { CommonOptions, Context } from '../context.ts';
import { againstText } from './against-text.ts';
import { type HistoryOptions, openHistory } from './open-history.ts';
import { runText } from './run-text.ts';

export interface ReportOptions extends CommonOptions, HistoryOptions {
  against?: string;
  html?: string;
}

/** @throws ERR_OPTIONS where it is not there */
async function otherRun(folder: HistoryFolder, run: PastRun, asked: string): Promise<PastRun> {
  if (asked !== 'previous') return folder.find(asked);
  const before = (await folder.ofPlan(run.plan)).filter(({ id }) => id < run.id).at(-1);
  if (before !== undefined) return before;
  throw new PipelineError('ERR_OPTIONS', `no run before ${run.id} had its plan`, {
    value: asked,
    hint: 'spillway runs lists all; --against takes any of them',
  });
}

async function saveHtml(file: string, { title, snapshot, series, summary }: PastRun): Promise<void> {
  const { reportPage } = await import('../../dashboard/report.ts');
  const { ok, error, advice } = summary;
  const ends = { ended: { ok }, error: error?.message, advice: advice?.text ?? [] };
  await writeFile(file, await reportPage({ title, snapshot, history: series, ...ends }));
}

export async function reportRun(asked: string, options: ReportOptions, context: Context): Promise<void> {
  const folder = openHistory(options, context);
  const run = await folder.find(asked);
  const other = options.against === undefined ? undefined : await otherRun(folder, run, options.against);
  if (options.html !== undefined) {
    await saveHtml(resolve(context.cwd, options.html), run);
    context.note(`report: ${options.html}`);
  }
  const { results } = context;
  if (options.json === true) {
    const shown = (one: PastRun): object => ({ ...one, snapshot: undefined, series: undefined });
    return results.line(JSON.stringify({ ok: true, run: shown(run), ...(other && { against: shown(other) }) }));
  }
  if (other !== undefined) return results.line(againstText(run, other, context.style));
  const runs = (await folder.ofPlan(run.plan)).filter(({ id }) => id <= run.id);
  await results.line(runText(run, patternsOf(runs), context.style));
}
