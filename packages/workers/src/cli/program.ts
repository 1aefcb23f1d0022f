/**
 * The tree of commands. Each folder beside this file defines its own (names, options, help) and loads what a command does when it is called,
 * so that help and completion cost nothing else.
 */
import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { addCompletion } from './completion/completion-command.ts';
import type { Context } from './context.ts';
import { examples, type SetCode } from './define.ts';
import { addIngest } from './ingest/ingest-command.ts';
import { addOups } from './oups/oups-commands.ts';
import { addRun } from './run/run-command.ts';
import { addHistory } from './runs/runs-commands.ts';
import { addStore } from './store/store-commands.ts';

function version(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}

/** All commands. Wrong usage and help throw a `CommanderError` once they have been printed. */
export function makeProgram(context: Context, setCode: SetCode): Command {
  const program = new Command('spillway')
    .description('Ordered time-series pipelines inside a memory limit: run jobs, fill stores, look into them')
    .version(version(), '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print help')
    .helpCommand('help [command]', 'print the help of a command')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => void context.stdout.write(text),
      writeErr: (text) => void context.stderr.write(text),
      outputError: (text, write) => write(text.replace(/^error:/, `${context.noteStyle.red('error')}:`)),
      getOutHelpWidth: () => context.stdout.columns ?? 100,
      getErrHelpWidth: () => context.stderr.columns ?? 100,
      getOutHasColors: () => context.style.bold('') !== '',
      getErrHasColors: () => context.noteStyle.bold('') !== '',
    })
    .addHelpText(
      'after',
      examples([
        ['spillway run hourly.js --memory-limit 256MiB', 'run the job of a module'],
        ["spillway ingest 'ticks/*.csv' --store ./market --key symbol=AAPL --ordered-on ts", 'files into a store'],
        ['spillway ls ./market', 'what a store holds'],
        ['spillway cat ./market freq=1h,symbol=AAPL | head', 'its rows'],
        ['spillway COMMAND --help', 'options and examples of a command'],
      ]),
    );
  program.showHelpAfterError('spillway --help shows commands and examples');
  addRun(program, context, setCode);
  addIngest(program, context);
  addStore(program, context, setCode);
  addOups(program, context);
  addHistory(program, context);
  addCompletion(program, context);
  return program;
}
