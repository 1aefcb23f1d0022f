/** Reading bytes of an open file into memory, all of them or a refusal. */
import { readSync } from 'node:fs';
import { PipelineError } from '../errors.ts';

/** Where a file is. */
export interface OpenFile {
  path: string;
  fd: number;
}

/** Bytes [from, from + bytes) of a file go to `into` at `at`. @throws ERR_IO, ERR_FILE_TRUNCATED */
export function readFully({ path, fd }: OpenFile, into: Uint8Array, at: number, bytes: number, from: number): void {
  for (let done = 0; done < bytes; ) {
    let read: number;
    try {
      read = readSync(fd, into, at + done, bytes - done, from + done);
    } catch (cause) {
      throw new PipelineError('ERR_IO', `${path}: ${(cause as Error).message}`, {
        file: path,
        cause,
        hint: 'check the disk and run again',
      });
    }
    if (read === 0) {
      throw new PipelineError('ERR_FILE_TRUNCATED', `${path} ended at byte ${from + done} while it was being read`, {
        file: path,
        hint: 'something else changed the file: run again when it is done',
      });
    }
    done += read;
  }
}
