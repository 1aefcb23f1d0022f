/** The definition of `spillway run`. */
import { type Command, Option } from 'commander';
import type { Context } from '../context.ts';
import { addCommand, examples, jobOptions, type SetCode } from '../define.ts';
import { EXIT } from '../exit-codes.ts';
import { count, size } from '../values.ts';
import type { RunModuleOptions } from './run-module.ts';

export function addRun(program: Command, context: Context, setCode: SetCode): void {
  jobOptions(addCommand(program, 'run', 'run the job that a module describes'))
    .argument('<module>', 'its default export is the sinks to run, or a function of the arguments that returns them')
    .argument('[args...]', 'for that function; put -- before those that begin with a dash')
    .option('--deterministic', 'refuse a job whose result depends on timing')
    .option('--dask <address>', 'run it on a Dask cluster: tcp://HOST:8786, or local for one on this machine')
    .option('--shared-path <folder>', 'with --dask: a folder that all workers see at the same path')
    .option('--partitions <n>', 'with --dask: how many parts the sources are cut into (default: 16)', count)
    .option('--worker-memory <size>', "with --dask: of one Dask worker (default: the worker's limit)", size)
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
        ['spillway run hourly.js --dask tcp://10.0.0.1:8786 --shared-path /mnt/shared', 'run it on a cluster'],
      ]),
    )
    .action(async (module: string, args: string[], options: RunModuleOptions) =>
      setCode((await (await import('./run-module.ts')).runModule(module, args, options, context)) ?? EXIT.done),
    );
}
