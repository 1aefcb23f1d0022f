/** Files of a store that tasks have written: as they travel, and as one sink's, in the order of the partitions. */
import { PipelineError } from '../errors.ts';
import { compareOrdered, type OrderedValue, showOrdered } from '../formats/ordered-value.ts';
import type { WrittenFiles } from '../plan/logical.ts';
import { fieldIndex } from '../schema/fields.ts';
import type { Fields, TypeText } from '../schema/types.ts';
import type { StagedFile } from '../store/files/dataset-file.ts';
import { exactText, exactValue } from '../store/log/delta-stats.ts';
import type { PartitionFile, StoredPart } from './contract.ts';

/** @param crc32 of all its bytes */
export function storedPart({ path, rows, bytes, min, max, ...log }: StagedFile, crc32: number): StoredPart {
  const { nullCounts, stats, checksums } = log;
  return { path, rows, bytes, crc32, min: exactText(min), max: exactText(max), nullCounts, stats, checksums };
}

/** What one task has left of a sink, and how messages call the task. */
export interface LeftPart {
  called: string;
  file: PartitionFile;
}

/** For whom the files are. */
export interface WrittenFor {
  name: string;
  fields: Fields;
  orderedOn: string;
}

/**
 * The files of all partitions, in their order, as one sink's.
 * @throws ERR_INPUT_UNORDERED when a partition begins before the one before it ends
 */
export function writtenFiles(parts: readonly LeftPart[], to: WrittenFor): WrittenFiles {
  const type = to.fields[fieldIndex(to.fields, to.orderedOn)]?.type ?? 'int64';
  const files: StagedFile[] = [];
  for (const { called, file } of parts) {
    const own = (file.stored ?? []).map((part) => stagedPart(part, type));
    const [before, first] = [files.at(-1), own[0]];
    if (before !== undefined && first !== undefined && compareOrdered(first.min, before.max) < 0)
      throw outOfOrder(called, first.min, before.max, type, to);
    const last = own.at(-1);
    if (last !== undefined) last.isCut = true;
    files.push(...own);
  }
  return { rows: parts.reduce((sum, { file }) => sum + file.rows, 0), files };
}

function stagedPart({ min, max, ...file }: StoredPart, type: TypeText): StagedFile {
  const { path, rows, bytes, nullCounts, stats, checksums } = file;
  return { path, rows, bytes, nullCounts, stats, checksums, min: exactValue(min, type), max: exactValue(max, type) };
}

function outOfOrder(
  called: string,
  first: OrderedValue,
  before: OrderedValue,
  type: TypeText,
  { name, orderedOn }: WrittenFor,
): PipelineError {
  const [found, least] = [showOrdered(first, type), showOrdered(before, type)];
  return new PipelineError('ERR_INPUT_UNORDERED', `${name}: ${called} begins at ${found} after ${least}`, {
    stage: name,
    column: orderedOn,
    value: found,
    expected: `${least} or later`,
    hint: 'it begins before the partition before it ends: sort the rows, or list the files in order',
  });
}
