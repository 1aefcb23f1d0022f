/** Refusals that steps share, in the same words. */
import { PipelineError } from '../../errors.ts';
import { valueTypeOf } from '../../operators/aggregate/value-type.ts';
import { isFloat } from '../../schema/parse-type.ts';
import type { FieldSpec, Fields } from '../../schema/types.ts';
import { unknownColumn } from '../node-fields.ts';

/** @throws ERR_OPTIONS */
export function refuseOptions(step: string, problem: string, hint: string): PipelineError {
  return new PipelineError('ERR_OPTIONS', `${step}: ${problem}`, { stage: step, hint });
}

/** @throws ERR_COLUMN_UNKNOWN */
export function fieldNamed(name: string, fields: Fields): FieldSpec {
  const field = fields.find((candidate) => candidate.name === name);
  if (field === undefined) throw unknownColumn(name, fields, `there is no column "${name}"`);
  return field;
}

/** A column that rows can be told apart by in tables of keys. @throws ERR_COLUMN_UNKNOWN, ERR_TYPE_UNSUPPORTED */
export function checkKeyColumns(names: readonly string[], fields: Fields): void {
  for (const name of names) {
    const { type } = fieldNamed(name, fields);
    if (valueTypeOf(type).class !== 'opaque' && !isFloat(type)) continue;
    throw new PipelineError('ERR_TYPE_UNSUPPORTED', `"${name}" of type ${type} cannot be a key`, {
      column: name,
      value: type,
      expected: 'a text, integer, bool, date or timestamp column',
      hint: `cast it before: withColumns({ ${name}: col('${name}').cast('int64') })`,
    });
  }
}

/** A column of this name is not there yet. @throws ERR_SCHEMA */
export function checkNewColumn(name: string, fields: Fields): void {
  if (!fields.some((field) => field.name === name)) return;
  throw new PipelineError('ERR_SCHEMA', `there is a column "${name}" already`, {
    column: name,
    hint: 'give the new column another name',
  });
}

/** Names given as one text or several, each once. @throws ERR_OPTIONS */
export function namesOf(given: unknown, step: string, option: string): string[] {
  const names: unknown[] = Array.isArray(given) ? given : given === undefined ? [] : [given];
  const isSound =
    names.every((name) => typeof name === 'string' && name !== '') && new Set(names).size === names.length;
  if (isSound) return names as string[];
  throw refuseOptions(
    step,
    `${option} is ${JSON.stringify(given)}`,
    `give names of columns, each once: { ${option}: ['symbol'] }`,
  );
}
