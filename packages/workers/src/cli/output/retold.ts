/** Refusals of the library in other words. */
import { PipelineError } from '@spillway/core/words';

/** The same refusal without the step of a plan that nobody wrote, and with a hint of its own. */
export function withHint(error: PipelineError, hint: string | undefined): PipelineError {
  return retold(error, { message: error.message.replace(/^files: /, ''), hint, stage: undefined });
}

/** A refusal in other words. */
export function retold(
  error: PipelineError,
  words: { message?: string; hint?: string | undefined; stage?: undefined; file?: string },
): PipelineError {
  const { code, message, stage, file, row, column, value, expected, cause, hint } = error;
  const { message: told = message, ...others } = words;
  const detail = { stage, file, row, column, value, expected, cause, hint, ...others };
  const given = Object.fromEntries(Object.entries(detail).filter(([, part]) => part !== undefined));
  const same = new PipelineError(code, told, given);
  if (error.stack !== undefined) same.stack = error.stack;
  same.remoteStack = error.remoteStack;
  return same;
}
