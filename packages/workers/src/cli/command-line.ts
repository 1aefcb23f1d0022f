/** The command line as a function: arguments in, exit code out. */
import { errorToData, PipelineError, type PipelineErrorData } from '@spillway/core/words';
import { CommanderError } from 'commander';
import type { Context } from './context.ts';
import { EXIT, UsageError } from './exit-codes.ts';
import { errorText } from './output/print-error.ts';
import { hasColour, styleOf } from './output/style.ts';
import { makeProgram } from './program.ts';
import { ClosedOutput, Results, type Surroundings } from './surroundings.ts';

export type { Output, Surroundings } from './surroundings.ts';

function contextOf(args: readonly string[], surroundings: Surroundings): Context {
  const { stdout, stderr, env } = surroundings;
  return {
    ...surroundings,
    args,
    results: new Results(stdout),
    style: styleOf(hasColour(stdout, env)),
    noteStyle: styleOf(hasColour(stderr, env)),
    note: (text) => void stderr.write(`${text}\n`),
  };
}

/** Options of ours, in front of `--`, which belongs to modules. */
function hasOption(args: readonly string[], option: string): boolean {
  const end = args.indexOf('--');
  return (end < 0 ? args : args.slice(0, end)).includes(option);
}

/** Tells people on standard error, and programs on the last line of standard output. @returns the exit code */
async function report(error: unknown, args: readonly string[], context: Context): Promise<number> {
  if (error instanceof ClosedOutput) return EXIT.done;
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.wrongUsage;
  if (error instanceof UsageError) {
    context.note(`${context.noteStyle.red('error')}: ${error.message}`);
    return EXIT.wrongUsage;
  }
  context.note(errorText(error, context.noteStyle, { stack: hasOption(args, '--stack'), command: args[0] }));
  return error instanceof PipelineError && error.code === 'ERR_ABORTED' ? EXIT.interrupted : EXIT.failed;
}

/**
 * Runs one command, as `spillway` does. Never throws: what goes wrong is printed, and is the exit code.
 *
 * @returns 0 done, 1 failed, 2 wrong usage, 130 interrupted
 * @example
 * ```ts
 * process.exitCode = await commandLine(['ls', './market'], {
 *   ...{ stdin: process.stdin, stdout: process.stdout, stderr: process.stderr, env: process.env, cwd: process.cwd() },
 *   interruption: () => new AbortController().signal,
 * });
 * ```
 */
export async function commandLine(args: readonly string[], surroundings: Surroundings): Promise<number> {
  const context = contextOf(args, surroundings);
  let code: number = EXIT.done;
  const program = makeProgram(context, (exitCode) => {
    code = exitCode;
  });
  try {
    await program.parseAsync([...args], { from: 'user' });
    await context.results.finish();
    return code;
  } catch (error) {
    const failed = await report(error, args, context);
    // A job that has run has its summary; who waits for one object gets one in any case.
    if (failed !== EXIT.done && hasOption(args, '--json')) await writeFailure(error, context);
    return failed;
  }
}

function isWrongUsage(error: unknown): error is CommanderError | UsageError {
  return error instanceof CommanderError || error instanceof UsageError;
}

/** Wrong usage as data. The library of commands begins its sentences with a word that the object says already. */
function usageData({ message }: Error): PipelineErrorData {
  return { code: 'ERR_OPTIONS', message: message.replace(/^error: /, '') };
}

async function writeFailure(error: unknown, { results }: Context): Promise<void> {
  const summary = (error as { summary?: object }).summary;
  const { remoteStack: _, ...data } = isWrongUsage(error) ? usageData(error) : errorToData(error);
  try {
    await results.line(JSON.stringify({ ok: false, ...summary, error: data }));
  } catch {
    // Nobody can read it there, and people have been told.
  }
}
