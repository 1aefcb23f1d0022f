/** The definitions of `spillway import-oups` and `spillway export-oups`. */
import { type Command, Option } from 'commander';
import type { Context } from '../context.ts';
import { addCommand, examples } from '../define.ts';
import { pairs } from '../values.ts';
import { keySchemaOf } from './key-schema-text.ts';
import type { OupsOptions } from './oups.ts';

function oupsOptions(command: Command, keys: string): Command {
  return command
    .option('--keys <fields>', keys, keySchemaOf)
    .option('--separator <letter>', 'between values of a level in the names of folders (default: -)')
    .option('--match <k=v,...>', 'only datasets with these values in their keys', pairs)
    .option('--dry-run', 'only say which datasets would be written');
}

export function addOups(program: Command, context: Context): void {
  const importing = addCommand(program, 'import-oups', 'take datasets over from a store of the Python library OUPS')
    .argument('<path>', 'folder of the store of OUPS')
    .argument('<store>', 'folder of the store to write; a new folder becomes one')
    .addOption(
      new Option(
        '--mode <mode>',
        'what happens to datasets that are there already (default: they are refused)',
      ).choices(['merge', 'append', 'overwrite']),
    )
    .addHelpText(
      'after',
      examples([
        ['spillway import-oups ./old ./market', 'keys are { name }, the paths inside the store'],
        [
          'spillway import-oups ./old ./market --keys symbol,freq',
          'folders such as AAPL-1h become symbol=AAPL,freq=1h',
        ],
        ['spillway import-oups ./old ./market --keys exchange/symbol,year:integer --dry-run', 'two levels; see first'],
      ]),
    )
    .action(async (path: string, store: string, options: OupsOptions) =>
      (await import('./oups.ts')).importCommand(path, store, options, context),
    );
  oupsOptions(importing, 'fields of the keys, a slash between levels of folders: symbol,freq');
  const exporting = addCommand(program, 'export-oups', 'write datasets as a store of the Python library OUPS')
    .argument('<store>', 'folder of the store')
    .argument('<path>', 'folder of the store of OUPS to write')
    .addHelpText(
      'after',
      examples([
        ['spillway export-oups ./market ./for-python', 'folders are named by the values of the keys: 1h-AAPL'],
        [
          'spillway export-oups ./market ./for-python --keys symbol,freq --match freq=1h',
          'some, as the class of keys in Python has them',
        ],
      ]),
    )
    .action(async (store: string, path: string, options: OupsOptions) =>
      (await import('./oups.ts')).exportCommand(store, path, options, context),
    );
  oupsOptions(exporting, 'how keys are laid out there: symbol,freq (default: as in the store)');
}
