/** Calling user code: results that may be promises, and errors that name the op and the rows it was given. */
import type { Batch } from '../batch/contract.ts';
import { PipelineError } from '../errors.ts';
import { placeOfMorsel, placeOfRow } from '../expressions/row-place.ts';
import type { MaybePromise, OperatorContext } from './contract.ts';

/** Continues with a value that may still be a promise. */
export function settle<T, R>(value: T | PromiseLike<T>, next: (value: T) => R | Promise<R>): R | Promise<R> {
  return isPromiseLike(value) ? Promise.resolve(value).then(next) : next(value);
}

export function isPromiseLike<T>(value: T | PromiseLike<T>): value is PromiseLike<T> {
  return typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function';
}

/** Runs `use`, which may give a promise, and then `done` on every path. */
export function withFinally<T>(use: () => T | Promise<T>, done: () => void): T | Promise<T> {
  let result: T | Promise<T>;
  try {
    result = use();
  } catch (error) {
    done();
    throw error;
  }
  if (result instanceof Promise) return result.finally(done);
  done();
  return result;
}

/** Row that an error names within its batch, if it does. */
function rowOf(error: unknown): number | undefined {
  const row: unknown = typeof error === 'object' && error !== null && 'row' in error ? error.row : undefined;
  return typeof row === 'number' && Number.isSafeInteger(row) && row >= 0 ? row : undefined;
}

/**
 * What an op threw as ERR_OP_FAILED: its stage, the rows of the source that were being worked on, the row within the
 * batch if the error has a `row`, and the error as the cause.
 */
export function opFailed(
  context: OperatorContext,
  action: string,
  rows: number | undefined,
  cause: unknown,
): PipelineError {
  const position = context.position();
  const why = cause instanceof Error ? cause.message : String(cause);
  const named = rowOf(cause);
  const place = rows === undefined || named === undefined ? undefined : placeOfRow(position, named, rows);
  const on = rows === undefined ? '' : ` on ${placeOfMorsel(position, rows)}`;
  const at = place === undefined ? '' : `, ${place.text}`;
  const row = place?.row ?? position.row;
  return new PipelineError('ERR_OP_FAILED', `op "${context.name}" failed${action}${on}${at}: ${why}`, {
    stage: context.name,
    ...(position.file !== undefined && { file: position.file }),
    ...(row !== undefined && { row }),
    hint: 'the cause has the stack of the op; guard or filter such rows in the op',
    cause,
  });
}

/** Calls code of users with a batch as soon as the lane may; a batch that never gets there is released. */
export function whenRoom(context: OperatorContext, batch: Batch, call: () => MaybePromise): MaybePromise {
  const room = context.beforeUserCall?.();
  if (room === undefined) return call();
  return room.then(call, (error: unknown) => {
    batch.release();
    throw error;
  });
}

/** Runs user code and turns what it throws, at once or later, into ERR_OP_FAILED. */
export function callUser<T>(
  context: OperatorContext,
  action: string,
  rows: number | undefined,
  code: () => T | PromiseLike<T>,
): T | Promise<T> {
  const fail = (error: unknown): never => {
    // What `retain` throws names the op already.
    if (error instanceof PipelineError && error.code === 'ERR_MEMORY_EXHAUSTED') throw error;
    throw opFailed(context, action, rows, error);
  };
  try {
    const result = code();
    return isPromiseLike(result) ? Promise.resolve(result).catch(fail) : result;
  } catch (error) {
    return fail(error);
  }
}
