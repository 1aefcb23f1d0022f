/** How options of `run`, and of what belongs to it, are read and refused. */
import { PipelineError, parseDuration } from '@spillway/core/base';

export function refused(option: string, what: string, expected: string): PipelineError {
  return new PipelineError('ERR_OPTIONS', `option ${option} ${what}`, { expected, hint: `give ${expected}` });
}

/** @throws ERR_VALUE or ERR_OPTIONS naming the option */
export function milliseconds(value: number | string, option: string): number {
  return Number(parseDuration(value, option)) / 1e6;
}
