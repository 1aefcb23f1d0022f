/** Memory that reading text takes, in bytes of the arena: known when a plan is made, so that it can be part of the minimum. */
import { BAD_WORDS, CONVERT, INDEX, spareEntries } from '../../kernels/csv-layout.ts';
import { JSON_FRAME_BYTES, JSON_MOST_DEPTH, JSON_ROWS, JSON_SLOT_BYTES } from '../../kernels/json-layout.ts';
import type { TextFormat, ValueFormat } from './csv-format.ts';

/** Bytes of a chunk: with the places of its fields it stays in a core's second-level cache. */
export const CHUNK_BYTES: number = 1 << 20;
/** Bytes behind the text that the kernels may read. */
export const TEXT_PADDING = 64;
/** Read behind a chunk for the end of its last row, at first. */
const TAIL_BYTES = 1 << 14;
/** Bad rows that one call tells. */
export const BAD_CAPACITY = 1024;
/** There are places for fields of so many bytes; of shorter ones fewer rows are looked at at once. */
const BYTES_AN_ENTRY = 4;
const LEAST_ENTRIES = 4096;
/** Powers of ten: 23 doubles, and 651 numbers of 128 bits. */
export const SMALL_POWERS = 23;
export const WIDE_POWERS: { readonly least: number; readonly most: number } = { least: -342, most: 308 };
export const TABLE_BYTES: number = SMALL_POWERS * 8 + (WIDE_POWERS.most - WIDE_POWERS.least + 1) * 16;

function align(bytes: number): number {
  return 64 * Math.ceil(bytes / 64);
}

export function entryCapacity(chunkBytes: number, width: number): number {
  return Math.max(LEAST_ENTRIES, Math.ceil(chunkBytes / BYTES_AN_ENTRY)) + 2 * spareEntries(width);
}

/** Of a `CsvIndexer` or a `JsonIndexer`, without the room for its values. */
export function indexerBytes(chunkBytes: number, width: number, { syntax }: Pick<TextFormat, 'syntax'>): number {
  const own =
    syntax === 'csv' ? INDEX.bytes : JSON_ROWS.bytes + JSON_MOST_DEPTH * JSON_FRAME_BYTES + width * JSON_SLOT_BYTES;
  return align(own + BAD_CAPACITY * BAD_WORDS * 4 + 4 * entryCapacity(chunkBytes, width));
}

/** Room for values of lines of JSON, before it grows, and their keys. */
export function valuesBytes(chunkBytes: number): number {
  return chunkBytes + TAIL_BYTES + TEXT_PADDING;
}

/** Of `CsvColumns`. */
export function columnsBytes(columns: number, format: Pick<ValueFormat, 'nulls' | 'timeFormats'>): number {
  const texts = [...format.nulls, ...Object.values(format.timeFormats)];
  const variable = texts.reduce((sum, text) => sum + 16 + 4 * text.length, 64);
  return align(CONVERT.bytes + TABLE_BYTES + variable + 16 * columns);
}

/** Of a `ChunkText`, before it grows. */
export function textBytes(chunkBytes: number): number {
  return chunkBytes + 1 + TAIL_BYTES + TEXT_PADDING;
}

/** Of a `TextChunkReader`. */
export function readerBytes(
  columns: number,
  format: Pick<TextFormat, 'syntax' | 'nulls' | 'timeFormats'>,
  width: number,
  chunkBytes: number = CHUNK_BYTES,
): number {
  const own = indexerBytes(chunkBytes, width, format) + columnsBytes(columns, format) + textBytes(chunkBytes);
  return format.syntax === 'csv' ? own : own + valuesBytes(chunkBytes);
}
