/** Reading CSV in lanes. No promise of stability. */
export { type ChunkStart, CsvChunkReader } from './formats/csv/chunk-reader.ts';
export { CHUNK_BYTES } from './formats/csv/chunk-sizes.ts';
export { type BadRow, describeBadRow } from './formats/csv/csv-error.ts';
export { unpackError, unpackedStream } from './formats/csv/packed-file.ts';
