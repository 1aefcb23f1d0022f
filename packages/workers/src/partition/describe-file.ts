/** What is told of a file that a task has written, and whether it is still that file. */
import { open } from 'node:fs/promises';
import { crc32 } from 'node:zlib';
import { PipelineError } from '@spillway/core/base';
import type { ArrowFile } from '@spillway/core/internal';
import { type PartitionFile, readArrowInfo } from '@spillway/core/partition';

const PIECE_BYTES = 2 ** 20;

/** The file and its checksum. */
export async function describeFile(path: string): Promise<PartitionFile> {
  const { bytes, sum } = await checksumOf(path);
  const { rows } = await readArrowInfo(path);
  return { path, rows, bytes, crc32: sum, min: null, max: null };
}

/**
 * Looks a file of a task through before its rows are used.
 * @throws ERR_FILE_FORMAT when it is not what the task has written; ERR_FILE_NOT_FOUND
 */
export async function verifiedFile({ path, rows, bytes, crc32: known }: PartitionFile): Promise<ArrowFile> {
  const found = await checksumOf(path);
  const info = found.bytes === bytes && found.sum === known ? await readArrowInfo(path) : undefined;
  if (info?.rows === rows) return info;
  throw new PipelineError('ERR_FILE_FORMAT', `${path} is not the file that its task has written`, {
    file: path,
    expected: `${bytes} bytes, checksum ${known.toString(16)}`,
    value: `${found.bytes} bytes, checksum ${found.sum.toString(16)}`,
    hint: 'run the task of this partition again',
  });
}

async function checksumOf(path: string): Promise<{ bytes: number; sum: number }> {
  const file = await open(path, 'r').catch((cause: unknown) => {
    throw new PipelineError('ERR_FILE_NOT_FOUND', `${path} cannot be opened: ${(cause as Error).message}`, {
      file: path,
      cause,
      hint: 'all processes have to see the folder of the partitions under the same path',
    });
  });
  try {
    const buffer = Buffer.allocUnsafe(PIECE_BYTES);
    let [bytes, sum] = [0, 0];
    for (;;) {
      const { bytesRead } = await file.read(buffer, 0, PIECE_BYTES, bytes);
      if (bytesRead === 0) return { bytes, sum };
      sum = crc32(buffer.subarray(0, bytesRead), sum);
      bytes += bytesRead;
    }
  } finally {
    await file.close();
  }
}
