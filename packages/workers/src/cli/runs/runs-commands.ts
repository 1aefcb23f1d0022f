/** The definitions of the commands that look back at runs: `runs` and `report`. */
import type { Command } from 'commander';
import type { Context } from '../context.ts';
import { addCommand, examples } from '../define.ts';
import { count } from '../values.ts';
import type { RunsOptions } from './list-runs.ts';
import type { ReportOptions } from './report-run.ts';

const HISTORY = "folder of the records (default: SPILLWAY_HISTORY, else spillway/runs in the user's state folder)";

function addRuns(program: Command, context: Context): void {
  addCommand(program, 'runs', 'list the runs that have left a record, the last one at the end')
    .argument('[run]', 'only those with the same plan as this one: an id, its beginning, or last')
    .option('--limit <n>', 'at most so many, the last ones (default: 20)', count)
    .option('--history <folder>', HISTORY)
    .addHelpText(
      'after',
      examples([
        ['spillway runs', 'the last twenty'],
        ['spillway runs last --limit 100', 'those that did the same work as the last one'],
        ["spillway runs --json | jq '.runs[] | select(.ok | not) | .id'", 'for a program: those that failed'],
      ]),
    )
    .action(async (run: string | undefined, options: RunsOptions) =>
      (await import('./list-runs.ts')).listRuns(run, options, context),
    );
}

function addReport(program: Command, context: Context): void {
  addCommand(program, 'report', 'show a run that has left a record: stages, memory, advice')
    .argument('<run>', 'its id, the beginning of it, or last')
    .option('--against <run>', 'set another beside it: an id, or previous for the one before it with the same plan')
    .option('--html <file>', 'save the page of its dashboard as one HTML file')
    .option('--history <folder>', HISTORY)
    .addHelpText(
      'after',
      examples([
        ['spillway report last', 'what the last run did, and what would have made it cheaper'],
        ['spillway report last --against previous', 'what has changed since the same work was done before'],
        ['spillway report 20261122-1745 --html nightly.html', 'its charts, in a browser'],
        ['spillway report last --json | jq .run.summary.advice', 'for a program'],
      ]),
    )
    .action(async (run: string, options: ReportOptions) =>
      (await import('./report-run.ts')).reportRun(run, options, context),
    );
}

export function addHistory(program: Command, context: Context): void {
  addRuns(program, context);
  addReport(program, context);
}
