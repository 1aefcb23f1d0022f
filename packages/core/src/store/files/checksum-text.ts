/** Checksums of a file's column chunks as text, `offset:crc32` of each: in the log, and in plans. */
import type { ChunkChecksums } from '../../formats/range-file.ts';

export function checksumsText(checksums: ChunkChecksums): string {
  return [...checksums].map(([offset, sum]) => `${offset}:${sum.toString(16)}`).join(' ');
}

export function parseChecksums(text: string | undefined): ChunkChecksums {
  const pairs = (text ?? '').split(' ').filter((pair) => pair !== '');
  return new Map(pairs.map((pair) => [Number(pair.split(':')[0]), Number.parseInt(pair.split(':')[1] ?? '', 16)]));
}
