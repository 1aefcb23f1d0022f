/** The definition of `spillway ingest`. */
import { type Command, Option } from 'commander';
import type { Context } from '../context.ts';
import { addCommand, examples, jobOptions } from '../define.ts';
import { UsageError } from '../exit-codes.ts';
import { count, more, morePairs, names, pairs, rowGroup } from '../values.ts';
import { FILE_FORMATS } from './file-formats.ts';
import type { IngestOptions } from './ingest.ts';
import { schemaOf } from './schema-text.ts';

const TEXT = 'Text files:';
const STORE = 'The dataset:';
const JOB = 'The job:';

function storeOptions(command: Command): Command {
  return command
    .optionsGroup(STORE)
    .option('--store <folder>', 'the store (needed); a new folder becomes one')
    .option('--key <k=v,...>', 'which dataset of it (needed): symbol=AAPL,freq=1m', pairs)
    .option('--ordered-on <column>', "the column that rows ascend on (default: the dataset's, once there is one)")
    .option('--sort', 'sort the rows by that column first, on disk where they do not fit into memory')
    .addOption(
      new Option(
        '--mode <mode>',
        'merge puts rows where they belong, append refuses earlier ones, overwrite replaces all',
      )
        .choices(['merge', 'append', 'overwrite'])
        .default('merge'),
    )
    .option(
      '--duplicates-on <columns>',
      'of rows equal in these and the ordered column the last stays; "all" for all',
      names,
    )
    .option('--row-group <n|period>', 'rows of a row group, or its period: 1d, 6h, 1mo (default: 524288)', rowGroup)
    .option('--max-off-target <n>', 'small row groups side by side before they are made whole', count)
    .option('--evolve', 'the dataset gets further columns that the files have')
    .option('--metadata <k=v,...>', 'kept with the dataset', morePairs);
}

function fileOptions(command: Command): Command {
  return command
    .addOption(new Option('--format <format>', 'of the files (default: as their names end)').choices([...FILE_FORMATS]))
    .option(
      '--schema <schema>',
      "columns to read and their types: 'ts:timestamp[us],price:float64', JSON, or @file (default: what a sample says)",
      schemaOf,
    )
    .option('--columns <names>', 'only these columns: ts,price', names)
    .option('--rename <old=new,...>', "columns under other names in the dataset: 'Last Price=price'", morePairs)
    .addOption(
      new Option('--merge-files', 'files overlap in the ordered column: read them side by side').conflicts('sort'),
    )
    .optionsGroup(TEXT)
    .option('--delimiter <letter>', 'between fields; "tab" for a tab (default: what the first rows suggest)')
    .option('--quote <letter>', 'around texts; "none" where nothing quotes (default: ")')
    .option('--no-header', 'the first row is data; columns are those of --schema, or column1, column2 …')
    .option('--null <text>', 'stands for null, as the empty field does; may be given again', more)
    .option(
      '--time-format <column=format,...>',
      "how times are written: 'ts=%d/%m/%Y %H:%M:%S' or 'ts=epoch[ms]'",
      morePairs,
    )
    .option('--time-zone <zone>', 'of times that have none (default: UTC)')
    .option('--skip-bad-rows', 'leave out rows that are not right, and tell of them')
    .addOption(new Option('--rejects <file>', 'write rows that are not right to this file').conflicts('skipBadRows'))
    .option('--max-bad-rows <n>', 'fail all the same after so many (default: 10000)', count);
}

/** Which store, dataset and order: what has to be said at least, and has not been. */
function whereTo([file = 'FILE']: readonly string[], given: Partial<IngestOptions>): string {
  const name = /^[^/]*?([A-Za-z0-9_-]+)/.exec(file.split('/').at(-1) ?? '')?.[1] ?? 'ticks';
  const key = Object.entries(given.key ?? { name }).map(([level, value]) => `${level}=${value}`);
  const [toStore, toDataset] = [`--store ${given.store ?? './store'}`, `--key ${key.join(',')}`];
  const missing = [
    ...(given.store === undefined ? [{ what: 'which store', as: toStore }] : []),
    ...(given.key === undefined
      ? [{ what: given.store === undefined ? 'which dataset of it' : 'which dataset', as: toDataset }]
      : []),
  ];
  const [what, as] = [missing.map((each) => each.what).join(' and '), missing.map((each) => each.as).join(' ')];
  const path = /[*?{ ]/.test(file) ? `'${file}'` : file;
  const order = `--ordered-on ${given.orderedOn ?? 'COLUMN'}`;
  return `say ${what}, such as ${as}\ntry: spillway ingest ${path} ${toStore} ${toDataset} ${order} --dry-run`;
}

export function addIngest(program: Command, context: Context): void {
  const command = addCommand(program, 'ingest', 'put files into a dataset of a store, in one commit')
    .argument('<files...>', "paths, or patterns in quotes: 'ticks/2024-*.csv'; - for standard input")
    .addHelpText(
      'after',
      examples([
        [
          "spillway ingest 'ticks/*.csv' --store ./market --key symbol=AAPL --ordered-on ts",
          'CSV files that are in order',
        ],
        [
          'spillway ingest ticks.csv --store ./market --key symbol=AAPL --ordered-on ts --dry-run',
          'see columns, types, plan and memory first',
        ],
        [
          'spillway ingest day.csv --store ./market --key symbol=AAPL --sort --duplicates-on id --memory-limit 256MiB',
          'corrections: in any order, the last of equal rows stays, inside 256 MiB',
        ],
        [
          "spillway ingest eu.csv --store ./eu --key k=v --ordered-on t --delimiter ';' --time-format 't=%d.%m.%Y %H:%M' --time-zone Europe/Berlin",
          'another way of writing',
        ],
        [
          "spillway ingest 'ticks/*.csv' --store ./market --key symbol=AAPL --ordered-on ts --resume nightly --input-ends more",
          'every night: only files that are new, and after a crash from where it stopped',
        ],
        [
          'zcat old.csv.Z | spillway ingest - --store ./market --key symbol=AAPL --ordered-on ts',
          'from another program',
        ],
      ]),
    )
    .action(async (files: string[], given: Partial<IngestOptions>) => {
      const { store, key, ...options } = given;
      if (store === undefined || key === undefined) throw new UsageError(whereTo(files, given));
      const whole = { ...(options as IngestOptions), store, key };
      await (await import('./ingest.ts')).ingest(files, whole, context);
    });
  jobOptions(storeOptions(fileOptions(command)).optionsGroup(JOB));
}
