/** Refusals as people read them: what is wrong, where, what to do next. */
import { errorToData, PipelineError, type PipelineErrorData } from '@spillway/core/words';
import { inCommandWords } from './library-words.ts';
import type { Style } from './style.ts';

type Place = Pick<PipelineErrorData, 'stage' | 'file' | 'row' | 'column' | 'value'>;

/** What to do next, in the words of the command line where the library's are others. */
function hintOf({ code, hint, expected }: PipelineErrorData, command: string | undefined): string | undefined {
  if (code === 'ERR_MEMORY_MINIMUM' && expected !== undefined) {
    const least = Math.ceil(Number(expected) / 2 ** 20);
    return `give --memory-limit ${least}MiB or more; with --dry-run the command says what needs it`;
  }
  return hint === undefined ? undefined : inCommandWords(hint, command);
}

/** Where it happened, without what the message says already. */
function placeOf({ message, ...data }: PipelineErrorData): string {
  const place: Place = data;
  const parts = [
    place.stage !== undefined && !message.includes(place.stage) && `step ${place.stage}`,
    place.file !== undefined && !message.includes(place.file) && `file ${place.file}`,
    place.row !== undefined && !/\b(row|line) \d/.test(message) && `row ${place.row}`,
    place.column !== undefined && !message.includes(place.column) && `column ${place.column}`,
  ];
  return parts.filter((part) => part !== false).join(', ');
}

/** Stacks of the error and its causes, innermost last. */
function stacksOf(error: unknown): string[] {
  const stacks: string[] = [];
  for (let at: unknown = error; at instanceof Error; at = at.cause) {
    const stack = at instanceof PipelineError ? (at.remoteStack ?? at.stack) : at.stack;
    stacks.push(stack ?? String(at));
  }
  return stacks;
}

/** An error in code of users, which the message only names. The stack of a syntax error knows nothing of the code. */
function isUserCode(error: unknown): boolean {
  if (!(error instanceof PipelineError)) return false;
  if (error.code === 'ERR_OP_FAILED') return true;
  return error.code === 'ERR_OP_IMPORT' && error.cause instanceof Error && !(error.cause instanceof SyntaxError);
}

/**
 * An error in some lines: the sentence, the place, the hint. Stacks where they are asked for, and for errors that are none of
 * ours.
 */
export function errorText(
  error: unknown,
  style: Style,
  options: { stack?: boolean; command?: string | undefined } = {},
): string {
  const data = errorToData(error);
  const place = placeOf(data);
  const lines = [`${style.red(style.bold(data.code))}: ${data.message}`];
  if (place !== '') lines.push(`  at ${place}`);
  const hint = hintOf(data, options.command);
  if (hint !== undefined) lines.push(`  ${style.bold('hint')}: ${hint}`);
  if (options.stack === true || !(error instanceof PipelineError))
    lines.push(...stacksOf(error).map((stack) => style.dim(stack)));
  else if (isUserCode(error)) lines.push(style.dim('  --stack shows where in your code'));
  return lines.join('\n');
}
