/**
 * What reading and writing files takes on a codec thread, outside the arena. Our own kernels hold a page of each column and a few megabytes of
 * encoded pages, whatever the size of a row group; the library, where it is needed, holds an encoded row group twice.
 */

import { canEncodeNatively } from '../formats/parquet-encode/encodable.ts';
import { LIBRARY_WRITER_BYTES, LIBRARY_WRITERS, WRITER_BYTES } from '../formats/parquet-encode/encoder-sizes.ts';
import { physicalColumn } from '../formats/parquet-encode/physical-column.ts';
import type { ParquetChunk, ParquetInfo } from '../formats/parquet-info.ts';
import { readableColumn } from '../formats/parquet-native/supports.ts';
import { parseType } from '../schema/parse-type.ts';
import type { Fields } from '../schema/types.ts';
import { storedColumns } from '../store/log/stored-types.ts';
import type { FileFormat } from './logical.ts';
import type { CodecNeeds, StoredGroup } from './resolved.ts';

const KIBIBYTE = 1024;
const MEBIBYTE = 2 ** 20;

/** Bytes of a file that are read at a time, and pages as writers make them. */
const WINDOW_BYTES = 256 * KIBIBYTE;
const PAGE_BYTES = MEBIBYTE;
const PAGE_ROWS = 131_072;
/** Rows of a batch, and bytes of its texts. */
const PIECE_ROWS = 65_536;
const PIECE_TEXT_BYTES = 2 * MEBIBYTE;
/** Of files that we wrote: their pages, and the batches in which merging reads them. */
const OWN_PAGE_ROWS = 32_768;
const OWN_TEXT_BYTES = MEBIBYTE;
/** All dictionaries of a row group that we wrote: see `DICTIONARY_BYTES`. */
const OWN_DICTIONARY_BYTES = 2 * MEBIBYTE;
/** Of a file that is open beside others: text that waits, or what Arrow has to know of its batches. */
const OPEN_BYTES = 64 * KIBIBYTE;
/** Encodings that point into a dictionary. */
const DICTIONARIES = new Set([2, 8]);

/** What a column's page and piece take while it is read. */
function columnBytes(chunk: ParquetChunk, rows: number, type: Fields[number]['type'], batchRows: number): number {
  const { uncompressedBytes, bytes, codec, encodings } = chunk;
  const page = Math.min(uncompressedBytes, PAGE_BYTES);
  const window = Math.min(bytes, Math.max(WINDOW_BYTES, page));
  const isDictionary = encodings.some((encoding) => DICTIONARIES.has(encoding));
  const codes = 8 * Math.min(rows, PAGE_ROWS) + (isDictionary ? page : 0);
  const { byteWidth } = parseType(type);
  const piece = byteWidth === 0 ? PIECE_TEXT_BYTES : byteWidth * Math.min(PIECE_ROWS, batchRows);
  return window + (codec === 0 ? 0 : page) + page + codes + Math.min(piece, byteWidth * rows || piece);
}

/** Needs of a source, of its largest row group. */
export function sourceNeeds(files: readonly ParquetInfo[], fields: Fields, batchRows: number): CodecNeeds {
  const names = new Set(fields.map((field) => field.name));
  let [ownBytes, groupBytes] = [0, 0];
  let isReadable = true;
  for (const file of files) {
    const groups = file.rowGroups.map(({ index }) => index);
    isReadable &&= fields.every((field) => readableColumn(file, groups, field) !== undefined);
    for (const { rows, chunks } of file.rowGroups) {
      const read = chunks.filter((chunk) => names.has(chunk.column));
      const typeOf = (column: string) => fields.find(({ name }) => name === column)?.type ?? 'int64';
      const own = read.reduce((sum, chunk) => sum + columnBytes(chunk, rows, typeOf(chunk.column), batchRows), 0);
      ownBytes = Math.max(ownBytes, own);
      groupBytes = Math.max(
        groupBytes,
        read.reduce((sum, chunk) => sum + chunk.bytes, 0),
      );
    }
  }
  return { readBytes: isReadable ? ownBytes : 0, ...NOTHING, libraryBytes: isReadable ? undefined : 2 * groupBytes };
}

const NOTHING = { writeBytes: 0, mergeBytes: 0, encodes: false } as const;

/** Needs of a sink of files. */
export function fileNeeds(
  { format, keys }: { format: FileFormat; keys?: { mostOpen: number } },
  fields: Fields,
): CodecNeeds {
  const open = keys?.mostOpen ?? 1;
  if (format.kind !== 'parquet')
    return {
      readBytes: 0,
      ...NOTHING,
      writeBytes: keys === undefined ? 0 : open * OPEN_BYTES,
      libraryBytes: undefined,
    };
  const needs = writerNeeds(canEncodeNatively(fields, format.compression));
  const ofLibrary = open > 1 ? Math.min(open, LIBRARY_WRITERS) * LIBRARY_WRITER_BYTES : 0;
  return { ...needs, writeBytes: needs.libraryBytes === undefined ? needs.writeBytes * open : ofLibrary };
}

function writerNeeds(isNative: boolean): CodecNeeds {
  return isNative
    ? { readBytes: 0, ...NOTHING, writeBytes: WRITER_BYTES, encodes: true, libraryBytes: undefined }
    : { readBytes: 0, ...NOTHING, libraryBytes: 0 };
}

/** Needs of a sink of a store. @param largest row group of the dataset that rows are merged into, if any */
export function storeNeeds(fields: Fields, largest: StoredGroup | undefined, rowBytes: number): CodecNeeds {
  const stored = storedColumns(fields).fields;
  const needs = writerNeeds(canEncodeNatively(stored, 'none'));
  if (largest === undefined) return needs;
  const isReadable = stored.every((field) => field.type.startsWith('decimal') === false && physicalColumn(field));
  // Encoded twice, and decoded.
  if (!isReadable) return { ...needs, libraryBytes: 2 * largest.bytes + Math.ceil(largest.rows * rowBytes) };
  const rows = Math.min(largest.rows, OWN_PAGE_ROWS);
  const columns = stored.reduce((sum, { type }) => {
    const values = parseType(type).byteWidth * rows || OWN_TEXT_BYTES;
    return sum + Math.min(largest.bytes, WINDOW_BYTES) + 2 * values + 8 * rows;
  }, 0);
  // Stored rows and new ones.
  return { ...needs, mergeBytes: 2 * (columns + Math.min(largest.bytes, OWN_DICTIONARY_BYTES)) };
}
