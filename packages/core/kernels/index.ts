// The kernels: loops over the arena, compiled to WebAssembly. All pointers are unsigned 32-bit addresses. No kernel holds
// static data, objects or globals, since every thread instantiates the module over the same memory.
export { arithmetic, scaleInt64, unaryArithmetic } from './arithmetic';
export { bitmap, bitmapNot, copyBits, fillBits, kleene, popcount, selectIndices, takeBits } from './bitmap';
export { streamsDecode, streamsEncode } from './byte-streams';
export { cast, castBits } from './cast';
export { compare } from './compare';
export { checksum, checksumAdd, checksumBegin, checksumEnd } from './checksum';
export { csvValues } from './csv-columns';
export { csvIndex, csvLines, utf8Check } from './csv-index';
export { csvTextBytes, csvTexts } from './csv-texts';
export { snappyEncode } from './compress';
export { lz4Continue, lz4Decode, snappyDecode } from './decompress';
export { groupStates } from './groups';
export { asofMatch, dealRows, mergeMatch, rowsOfSegment } from './join';
export { combineIds, encodeInt32, encodeInt64, initKeyTable, rehashKeyTable } from './key-table';
export { initStates, mergeFirst, mergeLast, mergeStates, roundSums } from './merge';
export { mergeRows } from './merge-rows';
export { jsonRows } from './json-rows';
export { binEnds, binStarts, firstUnordered } from './order';
export {
  decimalsEncode, deltaEncode, hybridEncode, markBits, scatter, textBounds, textsEncode, valueBounds,
} from './parquet-encode';
export {
  beginCharacters, deltaDecode, greatestIndex, hybridDecode, isOneRun, moveOffsets, narrow, packBits, plainTexts, prefixedBytes,
  prefixedTexts, spreadIndices, sumLengths,
} from './parquet-pages';
export { segmentStates } from './segments';
export { encodeShortTexts } from './short-texts';
export { groupByKeys, placeBins, placeKeys, splitGroups } from './split';
export { encodeText } from './text-keys';
export { zstdBegin, zstdBlock, zstdDecode } from './zstd';
export { zstdPlanes } from './zstd-encode';
export { choose, copyBytes, fill, iota, longestText, take, takePlaces, takeShortTexts, takeVariable, takeVariableBytes, takeWithin } from './take';
