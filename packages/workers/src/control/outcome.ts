/** Answers that cross threads: an error keeps its code, place and cause as plain data. */
import type { PipelineErrorData } from '@spillway/core';
import { errorFromData, errorToData } from '@spillway/core/base';

/** What a command answers: a value, or an error as plain data. */
export type Outcome<T> = { ok: true; value: T } | { ok: false; error: PipelineErrorData };

/** Runs a command and puts what it throws into the answer. */
export async function outcomeOf<T>(command: () => T | Promise<T>): Promise<Outcome<T>> {
  try {
    return { ok: true, value: await command() };
  } catch (error) {
    return { ok: false, error: errorToData(error) };
  }
}

/** The value of an answer. @throws the error that the other thread answered with. */
export function valueOf<T>(outcome: Outcome<T>): T {
  if (outcome.ok) return outcome.value;
  throw errorFromData(outcome.error);
}
