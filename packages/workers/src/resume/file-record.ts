/** What a run remembers of a file that it has read: enough to tell whether it is still the same. */
import { open } from 'node:fs/promises';
import { crc32 } from 'node:zlib';
import { PipelineError } from '@spillway/core/base';

export interface FileRecord {
  path: string;
  bytes: number;
  modifiedMs: number;
  /** CRC-32 of its beginning, its middle and its end. */
  checksum: number;
}

const SAMPLE_BYTES = 64 * 1024;

/** Three short reads. @throws ERR_IO */
export async function recordFile(path: string): Promise<FileRecord> {
  try {
    const file = await open(path, 'r');
    try {
      const { size, mtimeMs } = await file.stat();
      const buffer = new Uint8Array(SAMPLE_BYTES);
      let checksum = 0;
      for (const at of [0, Math.max(0, Math.floor((size - SAMPLE_BYTES) / 2)), Math.max(0, size - SAMPLE_BYTES)]) {
        const { bytesRead } = await file.read(buffer, 0, SAMPLE_BYTES, at);
        checksum = crc32(buffer.subarray(0, bytesRead), checksum);
      }
      return { path, bytes: size, modifiedMs: mtimeMs, checksum };
    } finally {
      await file.close();
    }
  } catch (cause) {
    throw new PipelineError('ERR_IO', `${path}: ${(cause as Error).message}`, {
      file: path,
      cause,
      hint: 'a run with resume looks at its files before it starts',
    });
  }
}

/** @throws ERR_RESUME_SOURCE when it is not the file that was read; only its time may differ */
export async function checkUnchanged(before: FileRecord): Promise<void> {
  const now = await recordFile(before.path);
  if (now.bytes === before.bytes && now.checksum === before.checksum) return;
  const what =
    now.bytes === before.bytes ? 'its content has changed' : `it had ${before.bytes} bytes, and has ${now.bytes}`;
  throw new PipelineError('ERR_RESUME_SOURCE', `${before.path} was read by an earlier run of this job: ${what}`, {
    file: before.path,
    hint: 'give later rows as new files; to read everything again, use another resume id and an empty dataset',
  });
}
