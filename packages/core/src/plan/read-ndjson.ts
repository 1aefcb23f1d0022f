/** Files of JSON lines as a source, as the user describes them. */
import type { Shape } from '../schema/types.ts';
import type { FileShape } from './read-csv.ts';
import type { Source } from './sources.ts';
import { type TextOptions, textSource } from './text-options.ts';

/** Options of `readNdjson`. */
export interface NdjsonOptions extends TextOptions {
  /**
   * Columns to read, by the keys that lead to them (`'user.id'` is the `id` of the object `user`), and their types. Default: all that a
   * sample of the first file has.
   */
  schema?: Shape;
}

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
  return textSource<FileShape<O>, NdjsonOptions>(paths, options ?? {}, {
    step: 'readNdjson',
    example: 'logs/*.ndjson',
    options: [],
    formatOf: (_, values) => ({ ...values, syntax: 'ndjson' }),
  });
}
