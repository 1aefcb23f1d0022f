/** Arrow IPC files and streams as a source, as the user describes them. */
import { fieldsFromShape } from '../schema/fields.ts';
import type { Shape } from '../schema/types.ts';
import type { FileShape } from './read-csv.ts';
import { BATCH_ROWS, checkOrdered, type FileOptions, overlapOf, refuse, type Source } from './sources.ts';
import { checkCount, checkKeys } from './stage-options.ts';
import { pathsOf } from './text-options.ts';

/** Options of `readArrow`. */
export interface ArrowOptions extends FileOptions {
  /** Columns to read; default all (or those of `schema`). */
  columns?: readonly string[];
  /** Columns and types that every file has to have; read are these only. Gives the stream its types. */
  schema?: Shape;
  /** Rows of a logical batch, counted from the first row. Default 65,536. */
  batchRows?: number;
}

/**
 * Reads Arrow IPC files and streams (Feather version 2 is the same): a path, a pattern with `*`, `?`, `**`, `{a,b}`, or several of these.
 * The files of a pattern follow each other by name; together they are one stream. Lanes read the columns that something uses straight
 * into shared memory, parts of large record batches side by side; batches whose buffers are compressed (LZ4, Zstandard) are unpacked
 * whole. Offsets, codes and UTF-8 are checked.
 *
 * Texts of every layout are utf8, dictionaries of texts are `dictionary<utf8>`. Structs, maps, unions, decimals of 32, 64 and 256 bits and
 * what else cannot be read are refused by name, unless `columns` leaves them out.
 *
 * @throws ERR_OPTIONS, ERR_SCHEMA. Files are looked at when the plan is resolved: ERR_FILE_NOT_FOUND, ERR_FILE_FORMAT, ERR_FILE_TRUNCATED,
 *   ERR_TYPE_UNSUPPORTED
 * @example
 * ```ts
 * p.source(readArrow('trades/*.arrow', { orderedOn: 'ts', schema: { ts: 'timestamp[us]', price: 'float64' } }));
 * ```
 */
export function readArrow<const O extends ArrowOptions = Record<never, never>>(
  paths: string | readonly string[],
  options?: O,
): Source<FileShape<O>> {
  const given: ArrowOptions = options ?? {};
  checkKeys(given, 'readArrow', ['orderedOn', 'overlap', 'columns', 'schema', 'batchRows'], 'step');
  const list = pathsOf(paths, 'readArrow', "write readArrow('trades/*.arrow')");
  const expected = given.schema === undefined ? undefined : fieldsFromShape(given.schema);
  const columns = given.columns ?? expected?.map((field) => field.name);
  if (columns?.length === 0) throw refuse('readArrow', 'columns is empty', 'name at least one, or leave columns out');
  checkOrdered(given.orderedOn, expected, 'readArrow');
  return {
    label: 'readArrow',
    options: given,
    spec: {
      type: 'arrow',
      paths: list,
      ...(given.orderedOn !== undefined && { orderedOn: given.orderedOn }),
      ...(columns && { columns: [...columns] }),
      ...(expected && { expected: expected.filter(({ name }) => columns?.includes(name) === true) }),
      batchRows: checkCount(given.batchRows ?? BATCH_ROWS, 'batchRows', 'readArrow'),
      ...overlapOf(given, 'readArrow'),
      files: [],
    },
  };
}
