/** Reading text in lanes. No promise of stability. */
export { type ChunkStart, TextChunkReader } from './formats/csv/chunk-reader.ts';
export { CHUNK_BYTES } from './formats/csv/chunk-sizes.ts';
export { type BadRow, describeBadRow } from './formats/csv/csv-error.ts';
export { rowPlaces } from './formats/csv/csv-format.ts';
export { unpackError, unpackedStream } from './formats/csv/packed-file.ts';
