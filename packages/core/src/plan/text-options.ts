/** Options that all sources of text files share, checked. */
import { checkCsvType } from '../formats/csv/column-plan.ts';
import type { BadRowPolicy } from '../formats/csv/csv-format.ts';
import { epochUnit, formatSteps } from '../formats/csv/time-format.ts';
import { fieldsFromShape } from '../schema/fields.ts';
import { nameHint } from '../schema/nearest-name.ts';
import { parseType } from '../schema/parse-type.ts';
import type { Fields, Shape } from '../schema/types.ts';
import { checkOrdered, refuse } from './sources.ts';

export const MOST_BAD_ROWS = 10_000;

/** @throws ERR_OPTIONS when there is none */
export function pathsOf(paths: string | readonly string[], step: string, hint: string): string[] {
  const list = typeof paths === 'string' ? [paths] : [...paths];
  if (list.length === 0 || list.some((path) => typeof path !== 'string' || path === ''))
    throw refuse(step, 'there are no paths', hint);
  return list;
}

/** @throws ERR_OPTIONS, ERR_SCHEMA, ERR_TYPE_UNSUPPORTED, ERR_COLUMN_UNKNOWN */
export function schemaOf(
  given: { schema?: Shape; columns?: readonly string[]; orderedOn?: string },
  step: string,
): Fields | undefined {
  const schema = given.schema === undefined ? undefined : fieldsFromShape(given.schema);
  for (const field of schema ?? []) checkCsvType(field);
  if (given.columns?.length === 0) throw refuse(step, 'columns is empty', 'name at least one, or leave columns out');
  checkOrdered(given.orderedOn, schema, step);
  return schema;
}

export function checkTimes(formats: Readonly<Record<string, string>>, schema: Fields | undefined, step: string): void {
  for (const [column, format] of Object.entries(formats)) {
    const field = schema?.find(({ name }) => name === column);
    if (schema !== undefined && field === undefined) {
      const names = schema.map(({ name }) => name);
      throw refuse(step, `timeFormats names the column "${column}", which is not there`, nameHint(column, names));
    }
    const isEpoch = epochUnit(format) !== undefined;
    if (!isEpoch) formatSteps(column, format);
    const isTime = field === undefined || parseType(field.type).domain === 'temporal';
    const isMoment = field === undefined || field.type.startsWith('timestamp');
    if (!isTime || (isEpoch && !isMoment))
      throw refuse(step, `timeFormats names "${column}", which is ${field?.type}`, 'declare it as a timestamp');
  }
}

export function checkZone(zone: string, step: string): void {
  try {
    fieldsFromShape({ zone: `timestamp[us, ${zone}]` });
  } catch (cause) {
    throw refuse(
      step,
      `"${zone}" is not a time zone`,
      'use an IANA name such as Europe/Paris, UTC, or an offset such as +02:00',
      cause,
    );
  }
}

export function checkPolicy(policy: BadRowPolicy, step: string): void {
  const isRejects = typeof policy === 'object' && policy !== null && typeof policy.rejects === 'string';
  if (policy === 'error' || policy === 'skip-and-report' || isRejects) return;
  throw refuse(
    step,
    `onBadRow is ${JSON.stringify(policy)}`,
    "give 'error', 'skip-and-report' or { rejects: 'bad.csv' }",
  );
}
