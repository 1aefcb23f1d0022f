/** What the encoders of Parquet files share: where their bytes go, and what they tell of them. */
import type { ParquetChunk } from '../parquet-info.ts';

/** Where a file's bytes go. */
export interface EncoderOutput {
  /** Takes the next bytes. What they lie in may be used again when this resolves. */
  write(views: readonly Uint8Array[]): Promise<void>;
  /** Of a file for pages that do not fit into memory. Nothing else has this name. */
  overflowPath: string;
}

/** Where a column chunk lies, from the first byte of the file on, and the CRC-32 of its bytes. */
export type SummedChunk = ParquetChunk & { crc32: number };
