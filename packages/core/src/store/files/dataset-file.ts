/** One data file of a dataset, as its log names it. */
import { join } from 'node:path';

import type { OrderedValue } from '../../formats/ordered-value.ts';
import type { WrittenParquet } from '../../formats/parquet-writer.ts';
import type { ChunkChecksums } from '../../formats/range-file.ts';
import { fieldIndex } from '../../schema/fields.ts';
import type { Fields, TypeText } from '../../schema/types.ts';
import type { AddAction } from '../log/delta-actions.ts';
import { exactText, exactValue, statsText } from '../log/delta-stats.ts';
import { checksumsText, parseChecksums } from './checksum-text.ts';

/** A live file of a dataset. Plain data, but for the checksums. */
export interface DatasetFile {
  /** Absolute. */
  path: string;
  rows: number;
  bytes: number;
  /** Exact first and last value of the ordered column. */
  min: OrderedValue;
  max: OrderedValue;
  /** Position among the dataset's files. */
  sequence: number;
  /** Of the column chunks, by offset. */
  checksums: ChunkChecksums;
}

/** A data file that was written but is not in the log. Plain data. */
export interface StagedFile {
  /** Where it lies now. */
  path: string;
  rows: number;
  bytes: number;
  min: OrderedValue;
  max: OrderedValue;
  /** Nulls by column, in the order of the fields. */
  nullCounts: number[];
  /** For the log. */
  stats: string;
  checksums: string;
  /** It was ended by a barrier, or with its partition: what follows would have been its own. */
  isCut?: boolean;
}

const TAG = {
  min: 'spillway.min',
  max: 'spillway.max',
  sequence: 'spillway.sequence',
  checksums: 'spillway.crc32',
} as const;

/** What the log will say of a file that was written. */
export function stagedFile(written: WrittenParquet, fields: Fields, orderedOn: string): StagedFile {
  const bounds = written.bounds[fieldIndex(fields, orderedOn)];
  if (bounds?.min === undefined || bounds.max === undefined)
    throw new TypeError('a staged file has rows and an ordered column');
  return {
    path: written.path,
    rows: written.rows,
    bytes: written.bytes,
    min: bounds.min,
    max: bounds.max,
    nullCounts: written.bounds.map((column) => column.nullCount),
    stats: statsText(fields, written.rows, written.bounds),
    checksums: checksumsText(new Map(written.chunks.map((chunk) => [chunk.offset, chunk.crc32]))),
  };
}

/** The action that adds a file under `name` in the table's folder. */
export function addAction(file: StagedFile, name: string, sequence: number, now: number): AddAction {
  return {
    path: name,
    partitionValues: {},
    size: file.bytes,
    modificationTime: now,
    dataChange: true,
    stats: file.stats,
    tags: {
      [TAG.min]: exactText(file.min),
      [TAG.max]: exactText(file.max),
      [TAG.sequence]: String(sequence),
      [TAG.checksums]: file.checksums,
    },
  };
}

/** Rows of a file as its statistics say; 0 when they do not. */
export function recordsOf({ stats }: AddAction): number {
  return (JSON.parse(stats ?? '{}') as { numRecords?: number }).numRecords ?? 0;
}

/** The same file at another place among the dataset's. */
export function withSequence(action: AddAction, sequence: number): AddAction {
  return { ...action, dataChange: false, tags: { ...action.tags, [TAG.sequence]: String(sequence) } };
}

/** Where the rows of a file lie among the others. */
export type FileBounds = Pick<DatasetFile, 'min' | 'max' | 'sequence'>;

/** Exact bounds of a file, or undefined when another program added it and they are not known. */
export function fileBounds({ tags }: AddAction, type: TypeText): FileBounds | undefined {
  // Other programs write null for what they leave out.
  const { [TAG.min]: min, [TAG.max]: max, [TAG.sequence]: sequence } = tags ?? {};
  if (min === undefined || max === undefined || sequence === undefined) return undefined;
  return { min: exactValue(min, type), max: exactValue(max, type), sequence: Number(sequence) };
}

/** All of the file whose bounds these are. */
export function boundedFile(table: string, action: AddAction, bounds: FileBounds): DatasetFile {
  return {
    ...bounds,
    path: join(table, decodeURIComponent(action.path)),
    rows: recordsOf(action),
    bytes: action.size,
    checksums: parseChecksums(action.tags?.[TAG.checksums]),
  };
}

/** The file that an action names, or undefined when another program added it and its exact bounds are not known. */
export function datasetFile(
  table: string,
  action: AddAction,
  fields: Fields,
  orderedOn: string,
): DatasetFile | undefined {
  const bounds = fileBounds(action, fields[fieldIndex(fields, orderedOn)]?.type ?? 'int64');
  return bounds && boundedFile(table, action, bounds);
}
