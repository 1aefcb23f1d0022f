/** Codecs of pages, by their numbers in the footer. */
export const CODEC = { none: 0, snappy: 1, zstd: 6, lz4Raw: 7 } as const;
export const READABLE_CODECS: ReadonlySet<number> = new Set([CODEC.none, CODEC.snappy, CODEC.zstd, CODEC.lz4Raw]);
