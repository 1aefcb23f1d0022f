/**
 * Sinks that write files, on a codec thread: they take batches to the end of their edge and leave staged files behind. The
 * main thread then commits all of them or discards them (`sink-commit.ts`), so that a run that fails leaves nothing.
 */
import { PipelineError } from '../../errors.ts';
import { isOrderable } from '../../formats/ordered-value.ts';
import { fieldIndex } from '../../schema/fields.ts';
import type { Fields } from '../../schema/types.ts';
import type { FileSink, FileSinkOptions, StoreSpec } from './contract.ts';
import { KeyedSink } from './keyed-sink.ts';
import { OneFileSink } from './one-file-sink.ts';
import { PartsSink } from './parts-sink.ts';
import { StoreSink } from './store-sink.ts';

/**
 * Refuses an order that rows cannot have.
 * @throws ERR_OPTIONS, ERR_COLUMN_UNKNOWN, ERR_TYPE_UNSUPPORTED
 */
export function checkOrder(spec: StoreSpec, fields: Fields): void {
  if (spec.orderedOn === '') {
    throw new PipelineError('ERR_OPTIONS', 'toStore: the rows have no known order', {
      hint: "name the column that they ascend on: { orderedOn: 'ts' }",
    });
  }
  const type = fields[fieldIndex(fields, spec.orderedOn)]?.type ?? 'binary';
  if (isOrderable(type)) return;
  throw new PipelineError('ERR_TYPE_UNSUPPORTED', `rows cannot be ordered on "${spec.orderedOn}", which is ${type}`, {
    column: spec.orderedOn,
    expected: 'a timestamp, date, number or utf8 column',
    hint: 'choose another orderedOn column',
  });
}

/**
 * Opens a sink. What it leaves behind is under `staging` alone.
 *
 * Memory: the encoded pages of one row group and 4 MiB; batches are released as soon as they are encoded. With `duplicatesOn`
 * also a copy of a batch and the rows of one ordered value.
 * @throws ERR_IO, ERR_OPTIONS (no ordered column), ERR_COLUMN_UNKNOWN, ERR_TYPE_UNSUPPORTED
 */
export async function openFileSink(options: FileSinkOptions): Promise<FileSink> {
  const { spec, fields, from } = options;
  if (spec.type === 'store') {
    checkOrder(spec, fields);
    return StoreSink.open(options, spec, from?.type === 'store' ? from : undefined);
  }
  const { parts, keys } = spec;
  if (keys !== undefined) return KeyedSink.open(options, { ...spec, keys }, from?.type === 'file' ? from : undefined);
  if (parts !== undefined) return PartsSink.open(options, { ...spec, parts }, from?.type === 'file' ? from : undefined);
  return OneFileSink.open(options, spec.format, from?.type === 'file' ? from : undefined);
}
