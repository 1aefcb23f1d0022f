/** The definitions of the commands that look into a store: `ls`, `cat`, `export`, `verify`, `vacuum`. */
import { type Command, Option } from 'commander';
import type { CommonOptions, Context } from '../context.ts';
import { addCommand, examples, helpHint, jobOptions, type SetCode } from '../define.ts';
import { FILE_FORMATS } from '../ingest/file-formats.ts';
import { count, duration, names, ordinal, pairs, parts } from '../values.ts';
import type { ExportOptions } from './export-rows.ts';
import type { CatOptions } from './print-rows.ts';
import type { VacuumCommandOptions } from './vacuum-store.ts';

type Key = Record<string, string> | undefined;

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

/** Arguments and options that say which rows. */
function whichRows(command: Command): Command {
  return command
    .argument('<store>', 'folder of the store')
    .argument('<key>', 'of the dataset, or as much of it as tells which: freq=1h,symbol=AAPL', pairs)
    .option('--from <value>', 'rows at or after this value of the ordered column')
    .option('--to <value>', 'rows before this value')
    .option('--columns <names>', 'only these, in this order: ts,price', names)
    .option('--limit <n>', 'at most so many rows', ordinal)
    .addOption(new Option('--dataset-version <n>', 'an older version').argParser(ordinal).conflicts('at'))
    .option('--at <time>', 'the version that was the newest at this time');
}

function addCat(program: Command, context: Context): void {
  const command = program
    .command('cat')
    .summary('print the rows of a dataset, in order')
    .description('print the rows of a dataset, in order')
    .showHelpAfterError(helpHint('cat'));
  whichRows(command)
    .addOption(
      new Option('--format <format>', 'csv, json (an object a line) or arrow (an IPC stream)')
        .choices(['csv', 'json', 'arrow'])
        .default('csv'),
    )
    .option('--no-header', 'CSV without the names of the columns')
    .option('--stack', 'print stacks of errors')
    .addHelpText(
      'after',
      examples([
        ['spillway cat ./market freq=1h,symbol=AAPL | head', 'the first rows'],
        [
          'spillway cat ./market freq=1h,symbol=AAPL --from 2024-01-02 --to 2024-01-03 --columns ts,close',
          'one day, two columns',
        ],
        [
          'spillway cat ./market freq=1h,symbol=AAPL --format json > aapl.ndjson',
          'into a file (spillway export is faster)',
        ],
        ['spillway cat ./market freq=1h,symbol=AAPL --at 2024-06-01', 'as it was at a time'],
      ]),
    )
    .action(async (store: string, key: Record<string, string>, options: CatOptions) =>
      (await import('./print-rows.ts')).printRows(store, key, options, context),
    );
}

function addExport(program: Command, context: Context): void {
  const command = whichRows(addCommand(program, 'export', 'write the rows of a dataset to files, in order'))
    .argument('<file>', 'to write, replaced where it is there: rows.csv.gz, rows.parquet, out/part.arrow')
    .optionsGroup('The files:')
    .addOption(new Option('--format <format>', '(default: as the name ends)').choices([...FILE_FORMATS]))
    .addOption(
      new Option(
        '--compression <codec>',
        'of text gzip, of Parquet snappy or zstd (default: as the name ends, else none)',
      ).choices(['none', 'gzip', 'snappy', 'zstd']),
    )
    .option('--no-header', 'CSV without the names of the columns')
    .option('--parts <n|size|period>', 'several files, each of so many rows, bytes or time: 1000000, 256MiB, 1d', parts)
    .option('--partition-by <columns>', 'a folder for each value: out/symbol=AAPL/part-00000.parquet', names)
    .option('--max-open-files <n>', 'with --partition-by: files open at once (default: 256)', count)
    .addHelpText(
      'after',
      examples([
        ['spillway export ./market freq=1h,symbol=AAPL hours.csv.gz', 'one file, in the format that its name says'],
        [
          'spillway export ./market freq=tick day.parquet --from 2024-01-02 --to 2024-01-03 --columns ts,price --compression zstd',
          'one day, two columns',
        ],
        [
          'spillway export ./market freq=tick out/ticks.parquet --parts 1d',
          'a file for each day: out/ticks-2024-01-02.parquet',
        ],
        [
          'spillway export ./market freq=tick out/part.parquet --partition-by symbol',
          'a folder for each symbol, as other programs read them',
        ],
      ]),
    )
    .action(async (store: string, key: Record<string, string>, file: string, options: ExportOptions) =>
      (await import('./export-rows.ts')).exportRows({ store, key, file }, options, context),
    );
  jobOptions(command.optionsGroup('The job:'));
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

export function addStore(program: Command, context: Context, setCode: SetCode): void {
  addList(program, context);
  addCat(program, context);
  addExport(program, context);
  addVerify(program, context, setCode);
  addVacuum(program, context);
}
