/** What definitions of commands have in common. */
import { type Command, Option } from 'commander';
import { count, duration, port, resumeId, size } from './values.ts';

/** Sets the exit code of a command that has come to its end. */
export type SetCode = (code: number) => void;

/** Examples, under the help of a command. */
export function examples(lines: readonly [command: string, what: string][]): string {
  return `\nExamples:\n${lines.map(([command, what]) => `  ${what}\n    $ ${command}`).join('\n')}\n`;
}

/** What is printed after a wrong usage. */
export function helpHint(command: string): string {
  return `spillway ${command} --help shows options and examples`;
}

/** A command with the options that all have. */
export function addCommand(program: Command, usage: string, summary: string): Command {
  return program
    .command(usage)
    .summary(summary)
    .description(summary)
    .showHelpAfterError(helpHint(usage))
    .option('--json', 'the last line of the output is one JSON object')
    .option('--stack', 'print stacks of errors');
}

/** Options of commands that run a job. */
export function jobOptions(command: Command): Command {
  return command
    .option('--memory-limit <size>', 'hard limit of the whole job, such as 256MiB', size)
    .option('--workers <n>', 'most lanes of one stage (default: the cores)', count)
    .option('--spill-directory <folder>', "where what does not fit into memory goes (default: the system's)")
    .option('--spill-limit <size>', 'most bytes there at once', size)
    .option('--dashboard [=port]', 'show the job in a browser, on this machine alone', port)
    .option('--report <file>', 'save what the dashboard shows at the end as one HTML file')
    .option('--resume <id>', 'names the job: after a crash or Ctrl-C it goes on from its last checkpoint', resumeId)
    .addOption(
      new Option(
        '--input-ends <how>',
        'with --resume: more input comes another day, or this is the last (default: final)',
      ).choices(['more', 'final']),
    )
    .option('--checkpoint-every <duration>', 'with --resume (default: 60s)', duration)
    .option('--resume-directory <folder>', 'of the checkpoints (default: _resume in the store)')
    .option('--history <folder>', 'where it leaves its record (default: what spillway runs looks into)')
    .option('--no-history', 'it leaves no record')
    .option('--quiet', 'no progress and no summary')
    .option('--dry-run', 'print the plan and the memory that it needs, and run nothing');
}
