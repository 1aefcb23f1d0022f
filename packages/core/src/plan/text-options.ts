/** Options that all sources of text files share, checked. */
import { checkCsvType } from '../formats/csv/column-plan.ts';
import type { BadRowPolicy, TextFormat, ValueFormat } from '../formats/csv/csv-format.ts';
import { epochUnit, formatSteps } from '../formats/csv/time-format.ts';
import { fieldsFromShape } from '../schema/fields.ts';
import { nameHint } from '../schema/nearest-name.ts';
import { parseType } from '../schema/parse-type.ts';
import type { Fields, Shape } from '../schema/types.ts';
import { BATCH_ROWS, checkOrdered, type FileOptions, overlapOf, refuse, type Source } from './sources.ts';
import { checkCount, checkKeys } from './stage-options.ts';

const MOST_BAD_ROWS = 10_000;

/** Options of every source of text files. */
export interface TextOptions extends FileOptions {
  /** Columns to read and their types. */
  schema?: Shape;
  /** Columns to read; default all (or those of `schema`). */
  columns?: readonly string[];
  /** Rows of a logical batch, counted from the first row. Default 65,536. */
  batchRows?: number;
  /**
   * How times are written, by column: `'%d/%m/%Y %H:%M:%S'`, or `'epoch[ms]'` for numbers since 1970. Default ISO 8601. Letters:
   * `%Y %y %m %d %e %j %H %I %M %S %f %p %b %B %z %T %F`.
   */
  timeFormats?: Readonly<Record<string, string>>;
  /** Zone of times without an offset; default the zone of the column's type, else UTC. Times that the zone skips or has twice are bad. */
  timeZone?: string;
  /** What becomes of rows that are not right. Default `'error'`: the run fails and names the file, the line and why. */
  onBadRow?: BadRowPolicy;
  /** Bad rows after which the run fails all the same. Default 10,000. */
  maxBadRows?: number;
}

/** Names of these options, for `checkKeys`. */
const TEXT_OPTIONS: readonly string[] = [
  ...['orderedOn', 'overlap', 'schema', 'columns', 'batchRows', 'timeFormats', 'timeZone', 'onBadRow', 'maxBadRows'],
];

/** What a kind of text file adds. */
export interface TextKind<O extends TextOptions> {
  step: string;
  /** A pattern for its files, as an example. */
  example: string;
  /** Options of its own. */
  options: readonly (keyof O & string)[];
  formatOf(given: O, values: ValueFormat): TextFormat;
}

/** A source of text files. @throws ERR_OPTIONS, ERR_SCHEMA, ERR_TYPE_UNSUPPORTED, ERR_COLUMN_UNKNOWN */
export function textSource<S extends Shape, O extends TextOptions>(
  paths: string | readonly string[],
  given: O,
  { step, example, options, formatOf }: TextKind<O>,
): Source<S> {
  checkKeys(given, step, [...TEXT_OPTIONS, ...options], 'step');
  const list = pathsOf(paths, step, `write ${step}('${example}')`);
  const schema = schemaOf(given, step);
  return {
    label: step,
    options: given,
    spec: {
      type: 'text',
      paths: list,
      ...(given.orderedOn !== undefined && { orderedOn: given.orderedOn }),
      ...(schema && { schema }),
      ...(given.columns && { columns: [...given.columns] }),
      format: formatOf(given, valueFormatOf(given, schema, step)),
      batchRows: checkCount(given.batchRows ?? BATCH_ROWS, 'batchRows', step),
      ...mergedOf(given, step),
      files: [],
    },
  };
}

function mergedOf(given: TextOptions, step: string): { overlap?: 'merge' } {
  const merged = overlapOf(given, step);
  if (merged.overlap !== undefined && typeof given.onBadRow === 'object')
    throw refuse(step, 'files that are merged cannot share a file of rejects', "give onBadRow: 'skip-and-report'");
  return merged;
}

function valueFormatOf(given: TextOptions, schema: Fields | undefined, step: string): ValueFormat {
  const { timeFormats = {}, timeZone, onBadRow = 'error' } = given;
  checkTimes(timeFormats, schema, step);
  if (timeZone !== undefined) checkZone(timeZone, step);
  checkPolicy(onBadRow, step);
  return {
    nulls: [],
    timeFormats: { ...timeFormats },
    ...(timeZone !== undefined && { timeZone }),
    onBadRow,
    maxBadRows: checkCount(given.maxBadRows ?? MOST_BAD_ROWS, 'maxBadRows', step),
  };
}

/** @throws ERR_OPTIONS when there is none */
export function pathsOf(paths: string | readonly string[], step: string, hint: string): string[] {
  const list = typeof paths === 'string' ? [paths] : [...paths];
  if (list.length === 0 || list.some((path) => typeof path !== 'string' || path === ''))
    throw refuse(step, 'there are no paths', hint);
  return list;
}

/** @throws ERR_OPTIONS, ERR_SCHEMA, ERR_TYPE_UNSUPPORTED, ERR_COLUMN_UNKNOWN */
function schemaOf(
  given: { schema?: Shape; columns?: readonly string[]; orderedOn?: string },
  step: string,
): Fields | undefined {
  const schema = given.schema === undefined ? undefined : fieldsFromShape(given.schema);
  for (const field of schema ?? []) checkCsvType(field);
  if (given.columns?.length === 0) throw refuse(step, 'columns is empty', 'name at least one, or leave columns out');
  checkOrdered(given.orderedOn, schema, step);
  return schema;
}

function checkTimes(formats: Readonly<Record<string, string>>, schema: Fields | undefined, step: string): void {
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

function checkZone(zone: string, step: string): void {
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

function checkPolicy(policy: BadRowPolicy, step: string): void {
  const isRejects = typeof policy === 'object' && policy !== null && typeof policy.rejects === 'string';
  if (policy === 'error' || policy === 'skip-and-report' || isRejects) return;
  throw refuse(
    step,
    `onBadRow is ${JSON.stringify(policy)}`,
    "give 'error', 'skip-and-report' or { rejects: 'bad.csv' }",
  );
}
