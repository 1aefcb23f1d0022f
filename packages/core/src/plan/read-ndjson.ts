/** Files of JSON lines as a source, as the user describes them. */
import type { BadRowPolicy, JsonFormat } from '../formats/csv/csv-format.ts';
import type { Fields, Shape } from '../schema/types.ts';
import type { FileShape } from './read-csv.ts';
import { BATCH_ROWS, type Source } from './sources.ts';
import { checkCount, checkKeys, type StepOptions } from './stage-options.ts';
import { checkPolicy, checkTimes, checkZone, MOST_BAD_ROWS, pathsOf, schemaOf } from './text-options.ts';

/** Options of `readNdjson`. */
export interface NdjsonOptions extends StepOptions {
  /** Column that the rows ascend on, over all files in order; verified while reading. */
  orderedOn?: string;
  /**
   * Columns to read, by the keys that lead to them (`'user.id'` is the `id` of the object `user`), and their types. Default: all that a
   * sample of the first file has.
   */
  schema?: Shape;
  /** Columns to read; default all (or those of `schema`). */
  columns?: readonly string[];
  /** Rows of a logical batch, counted from the first row. Default 65,536. */
  batchRows?: number;
  /** How times are written, by column, as in `CsvOptions`: `'%d/%m/%Y'`, or `'epoch[ms]'` for numbers. Default ISO 8601. */
  timeFormats?: Readonly<Record<string, string>>;
  /** Zone of times without an offset; default the zone of the column's type, else UTC. */
  timeZone?: string;
  /** What becomes of rows that are not right. Default `'error'`: the run fails and names the file, the line and why. */
  onBadRow?: BadRowPolicy;
  /** Bad rows after which the run fails all the same. Default 10,000. */
  maxBadRows?: number;
}

const OPTIONS = [
  ...['orderedOn', 'schema', 'columns', 'batchRows', 'timeFormats', 'timeZone', 'onBadRow', 'maxBadRows'],
];

/**
 * Reads files with one JSON object a line: a path, a pattern with `*`, `?`, `**`, `{a,b}`, or several of these. The files of a pattern
 * follow each other by name; together they are one stream. They are cut into chunks that the lanes parse side by side. Files in gzip and
 * Zstandard are first unpacked into the run's folder under `spillDirectory`.
 *
 * Objects inside of objects are seen through: their values are columns named by their path. Arrays, and objects where a column is the whole
 * of one, are texts of JSON. A value may be quoted or not, so that numbers of any size stay exact; null and keys that are not there are
 * null, and so is an empty text in a column that is no text. Bad rows: lines that are no JSON object, keys that are there twice, values
 * that are none of their type, bytes that are not UTF-8, escapes of half a character. Empty lines are left out.
 *
 * @throws ERR_OPTIONS, ERR_SCHEMA. Files are looked at when the plan is resolved: ERR_FILE_NOT_FOUND, ERR_FILE_FORMAT, ERR_SCHEMA
 * @example
 * ```ts
 * p.source(readNdjson('logs/*.ndjson', { orderedOn: 'ts', schema: { ts: 'timestamp[us, UTC]', 'user.id': 'int64', took: 'float64' } }));
 * ```
 */
export function readNdjson<const O extends NdjsonOptions = Record<never, never>>(
  paths: string | readonly string[],
  options?: O,
): Source<FileShape<O>> {
  const given: NdjsonOptions = options ?? {};
  checkKeys(given, 'readNdjson', OPTIONS, 'step');
  const list = pathsOf(paths, 'readNdjson', "write readNdjson('logs/*.ndjson')");
  const schema = schemaOf(given, 'readNdjson');
  return {
    label: 'readNdjson',
    options: given,
    spec: {
      type: 'text',
      paths: list,
      ...(given.orderedOn !== undefined && { orderedOn: given.orderedOn }),
      ...(schema && { schema }),
      ...(given.columns && { columns: [...given.columns] }),
      format: formatOf(given, schema),
      batchRows: checkCount(given.batchRows ?? BATCH_ROWS, 'batchRows', 'readNdjson'),
      files: [],
    },
  };
}

function formatOf(given: NdjsonOptions, schema: Fields | undefined): JsonFormat {
  const { timeFormats = {}, timeZone, onBadRow = 'error' } = given;
  checkTimes(timeFormats, schema, 'readNdjson');
  if (timeZone !== undefined) checkZone(timeZone, 'readNdjson');
  checkPolicy(onBadRow, 'readNdjson');
  return {
    syntax: 'ndjson',
    nulls: [],
    timeFormats: { ...timeFormats },
    ...(timeZone !== undefined && { timeZone }),
    onBadRow,
    maxBadRows: checkCount(given.maxBadRows ?? MOST_BAD_ROWS, 'maxBadRows', 'readNdjson'),
  };
}
