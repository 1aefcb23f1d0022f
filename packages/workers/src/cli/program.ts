/**
 * The tree of commands: names, options, help. What a command does is loaded when it is called, so that help and completion
 * cost nothing else.
 */
import { readFileSync } from 'node:fs';
import { Argument, Command, Option } from 'commander';
import type { CommonOptions, Context } from './context.ts';
import { addCommand, examples, helpHint, jobOptions } from './define.ts';
import { EXIT } from './exit-codes.ts';
import { addIngest } from './ingest-command.ts';
import { addOups } from './oups-commands.ts';
import type { CatOptions } from './print-rows.ts';
import type { RunModuleOptions } from './run-module.ts';
import { SHELLS, type Shell } from './shells.ts';
import type { VacuumCommandOptions } from './vacuum-store.ts';
import { duration, names, ordinal, pairs } from './values.ts';

/** Sets the exit code of a command that has come to its end. */
type SetCode = (code: number) => void;
type Key = Record<string, string> | undefined;

function version(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}

function addRun(program: Command, context: Context, setCode: SetCode): void {
  jobOptions(addCommand(program, 'run', 'run the job that a module describes'))
    .argument('<module>', 'its default export is the sinks to run, or a function of the arguments that returns them')
    .argument('[args...]', 'for that function; put -- before those that begin with a dash')
    .option('--deterministic', 'refuse a job whose result depends on timing')
    .addOption(
      new Option('--format <format>', 'of the rows of collect() sinks').choices(['csv', 'json']).default('csv'),
    )
    .addHelpText(
      'after',
      examples([
        ['spillway run hourly.js', 'run a job'],
        ['spillway run hourly.js --memory-limit 256MiB --dry-run', 'see its plan, and the least memory that it needs'],
        ["spillway run hourly.js -- 'ticks/2024-*.csv' --strict", 'hand arguments to the module'],
        ['spillway run hourly.js --json | tail -n 1', 'have its summary for a program'],
      ]),
    )
    .action(async (module: string, args: string[], options: RunModuleOptions) =>
      setCode((await (await import('./run-module.ts')).runModule(module, args, options, context)) ?? EXIT.done),
    );
}

function addList(program: Command, context: Context): void {
  addCommand(program, 'ls', 'list the datasets of a store')
    .argument('<store>', 'folder of the store')
    .argument('[key]', 'only datasets with these values, in detail: freq=1h,symbol=AAPL', pairs)
    .addHelpText(
      'after',
      examples([
        ['spillway ls ./market', 'all datasets: rows, range, size'],
        ['spillway ls ./market symbol=AAPL', 'columns and types of those of one symbol'],
        ['spillway ls ./market --json', 'for a program'],
      ]),
    )
    .action(async (store: string, key: Key, options: CommonOptions) =>
      (await import('./list-store.ts')).listStore(store, key, options, context),
    );
}

function addCat(program: Command, context: Context): void {
  program
    .command('cat')
    .summary('print the rows of a dataset, in order')
    .description('print the rows of a dataset, in order')
    .showHelpAfterError(helpHint('cat'))
    .argument('<store>', 'folder of the store')
    .argument('<key>', 'of the dataset, or as much of it as tells which: freq=1h,symbol=AAPL', pairs)
    .option('--from <value>', 'rows at or after this value of the ordered column')
    .option('--to <value>', 'rows before this value')
    .option('--columns <names>', 'only these, in this order: ts,price', names)
    .option('--limit <n>', 'at most so many rows', ordinal)
    .addOption(
      new Option('--format <format>', 'csv, json (an object a line) or arrow (an IPC stream)')
        .choices(['csv', 'json', 'arrow'])
        .default('csv'),
    )
    .option('--no-header', 'CSV without the names of the columns')
    .addOption(new Option('--dataset-version <n>', 'an older version').argParser(ordinal).conflicts('at'))
    .option('--at <time>', 'the version that was the newest at this time')
    .option('--stack', 'print stacks of errors')
    .addHelpText(
      'after',
      examples([
        ['spillway cat ./market freq=1h,symbol=AAPL | head', 'the first rows'],
        [
          'spillway cat ./market freq=1h,symbol=AAPL --from 2024-01-02 --to 2024-01-03 --columns ts,close',
          'one day, two columns',
        ],
        ['spillway cat ./market freq=1h,symbol=AAPL --format json > aapl.ndjson', 'into a file'],
        ['spillway cat ./market freq=1h,symbol=AAPL --at 2024-06-01', 'as it was at a time'],
      ]),
    )
    .action(async (store: string, key: Record<string, string>, options: CatOptions) =>
      (await import('./print-rows.ts')).printRows(store, key, options, context),
    );
}

function addVerify(program: Command, context: Context, setCode: SetCode): void {
  addCommand(program, 'verify', 'read every file of a store and compare it with what its log says')
    .argument('<store>', 'folder of the store')
    .argument('[key]', 'only datasets with these values: symbol=AAPL', pairs)
    .addHelpText(
      'after',
      examples([
        ['spillway verify ./market', 'everything; exit code 1 when something is damaged'],
        ['spillway verify ./market symbol=AAPL --json', 'for a program'],
      ]),
    )
    .action(async (store: string, key: Key, options: CommonOptions) =>
      setCode(await (await import('./verify-store.ts')).verifyStore(store, key, options, context)),
    );
}

function addVacuum(program: Command, context: Context): void {
  addCommand(program, 'vacuum', 'remove files that only old versions of datasets have')
    .argument('<store>', 'folder of the store')
    .argument('[key]', 'only datasets with these values: symbol=AAPL', pairs)
    .option('--retention <duration>', 'keep what was replaced within this time, such as 2d (default: 7d)', duration)
    .option('--dry-run', 'only say what would be removed')
    .addHelpText(
      'after',
      examples([
        ['spillway vacuum ./market --dry-run', 'what would go'],
        ['spillway vacuum ./market --retention 2d', 'versions replaced more than two days ago cannot be read then'],
      ]),
    )
    .action(async (store: string, key: Key, options: VacuumCommandOptions) =>
      (await import('./vacuum-store.ts')).vacuumStore(store, key, options, context),
    );
}

function addCompletion(program: Command, context: Context): void {
  program
    .command('completion')
    .summary('print what makes a shell complete commands, options, keys and columns')
    .description('print what makes a shell complete commands, options, keys and columns')
    .showHelpAfterError(helpHint('completion'))
    .addArgument(new Argument('<shell>', 'the shell').choices(SHELLS))
    .addHelpText(
      'after',
      examples([
        ['source <(spillway completion bash)', 'for this session; in ~/.bashrc for all'],
        ['source <(spillway completion zsh)', 'the same, in ~/.zshrc behind compinit'],
        ['spillway completion fish > ~/.config/fish/completions/spillway.fish', 'for all sessions of fish'],
      ]),
    )
    .action(async (shell: Shell) =>
      context.results.write((await import('./completion-scripts.ts')).completionScript(shell)),
    );
  program
    .command('complete', { hidden: true })
    .argument('[words...]')
    .action(async (words: string[]) => (await import('./complete.ts')).complete(program, words, context));
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
  addList(program, context);
  addCat(program, context);
  addVerify(program, context, setCode);
  addVacuum(program, context);
  addOups(program, context);
  addCompletion(program, context);
  return program;
}
