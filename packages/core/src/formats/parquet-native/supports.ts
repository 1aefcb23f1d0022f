/** What our own kernels read of a Parquet file. Everything else is the library's. */
import { isTimestamp, parseType } from '../../schema/parse-type.ts';
import type { FieldSpec } from '../../schema/types.ts';
import type { ParquetChunk, ParquetInfo } from '../parquet-info.ts';
import type { ParquetLeaf } from '../parquet-schema.ts';
import { READABLE_CODECS } from './codecs.ts';

const BOOLEAN = 0;
const INT32 = 1;
const INT64 = 2;
const FLOAT = 4;
const DOUBLE = 5;
const BYTE_ARRAY = 6;
const FIXED = 7;
/** PLAIN, both names of dictionaries, RLE, and the four of version 2. */
const READABLE_ENCODINGS: ReadonlySet<number> = new Set([0, 2, 3, 5, 6, 7, 8, 9]);

/** Whether both are moments, which differ in their unit at most. */
function isBetweenUnits(asked: FieldSpec, own: FieldSpec): boolean {
  return isTimestamp(asked.type) && isTimestamp(own.type);
}

function withoutZone(type: string): string {
  return type.replace(/, .*\]$/, ']');
}

/** Whether a leaf lies in pages as the type lies in memory, or narrower. */
function isReadable({ physical, width, isFlat }: ParquetLeaf, asked: FieldSpec, own: FieldSpec): boolean {
  const type = parseType(asked.type);
  if (!isFlat || type.precision !== undefined || type.physical === 'list' || type.physical === 'dictionary')
    return false;
  // Another type is asked for where it is the same bytes under another name: a zone, or what files can only hold as integers.
  const isInteger = own.type === 'int64' && type.byteWidth === 8 && type.domain === 'temporal';
  const isSame = withoutZone(asked.type) === withoutZone(own.type) || isInteger || isBetweenUnits(asked, own);
  if (!isSame || own.type.startsWith('decimal')) return false;
  if (physical === BOOLEAN) return type.physical === 'bits';
  if (physical === BYTE_ARRAY) return type.physical === 'variable';
  if (type.physical !== 'fixed') return false;
  if (physical === INT32) return type.byteWidth <= 4 && type.domain !== 'float' && type.domain !== 'opaque';
  if (physical === FIXED) return type.domain === 'opaque' && type.byteWidth === width;
  if (physical === FLOAT) return asked.type === 'float32';
  return physical === DOUBLE ? asked.type === 'float64' : physical === INT64 && type.byteWidth === 8;
}

/**
 * Leaf and chunks of a column that can be read here, for each of the row groups; undefined where they cannot.
 * @param asked the column as it is to be delivered
 */
export function readableColumn(
  info: ParquetInfo,
  rowGroups: readonly number[],
  asked: FieldSpec,
): { leaf: ParquetLeaf; chunks: ParquetChunk[]; own: FieldSpec } | undefined {
  const index = info.leaves.findIndex((leaf) => leaf.column === asked.name);
  const leaf = info.leaves[index];
  const own = info.fields.find((field) => field.name === asked.name);
  if (leaf === undefined || own === undefined || !isReadable(leaf, asked, own)) return undefined;
  const chunks = rowGroups.flatMap((group) => info.rowGroups[group]?.chunks[index] ?? []);
  const isFine = ({ codec, encodings }: ParquetChunk): boolean =>
    READABLE_CODECS.has(codec) && encodings.every((encoding) => READABLE_ENCODINGS.has(encoding));
  return chunks.length === rowGroups.length && chunks.every(isFine) ? { leaf, chunks, own } : undefined;
}
