/** Sources over tables that lie in shared memory already. */
import type { SharedTable } from '../batch/shared-table.ts';
import { PipelineError } from '../errors.ts';
import { fieldIndex } from '../schema/fields.ts';
import type { Shape } from '../schema/types.ts';
import type { Source } from './sources.ts';
import { checkKeys, type StepOptions } from './stage-options.ts';

/** Options of `fromShared`. */
export interface SharedOptions extends StepOptions {
  /** Column that the rows ascend on. */
  orderedOn?: string;
  /** Do not verify the order. Wrong results when it does not hold. */
  orderTrusted?: boolean;
}

/**
 * Reads a table that lies in shared memory, without copying it.
 *
 * @throws ERR_OPTIONS, ERR_COLUMN_UNKNOWN
 */
export function fromShared<S extends Shape = Shape>(
  table: SharedTable<S> | SharedTable,
  options: SharedOptions = {},
): Source<S> {
  checkKeys(options, 'fromShared', ['orderedOn', 'orderTrusted'], 'step');
  if (typeof table?.id !== 'number') {
    throw new PipelineError('ERR_OPTIONS', 'fromShared: the first argument is not a shared table', {
      hint: 'make one with await shareTable(schema, parts)',
    });
  }
  const { id, fields, rows, batchRows } = table;
  const { orderedOn, orderTrusted = false } = options;
  if (orderedOn !== undefined) fieldIndex(fields, orderedOn);
  return {
    label: options.name ?? 'fromShared',
    options,
    endpoint: table,
    spec: {
      type: 'shared',
      tableId: id,
      orderTrusted,
      fields,
      rows,
      batchRows,
      ...(orderedOn !== undefined && { orderedOn }),
    },
  };
}
