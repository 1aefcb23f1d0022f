/** Turns what the file system says into refusals that name the file and what to do. */
import { readdir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

import { PipelineError } from '../errors.ts';
import { nearestName } from '../schema/nearest-name.ts';

const REASONS: Record<string, string> = {
  EACCES: 'permission denied',
  EPERM: 'not permitted',
  EISDIR: 'it is a folder',
  EMFILE: 'too many open files',
  ENOSPC: 'the disk is full',
  EROFS: 'the file system is read-only',
  EIO: 'the device failed',
};

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

async function neighbours(path: string): Promise<string[]> {
  try {
    return await readdir(dirname(path));
  } catch {
    // The folder is missing too: there is no neighbour to offer.
    return [];
  }
}

/**
 * The refusal for a failed file operation; one that is a refusal already stays as it is.
 * @returns ERR_FILE_NOT_FOUND with the nearest name, else ERR_IO.
 */
export async function fileError(path: string, error: unknown): Promise<PipelineError> {
  if (error instanceof PipelineError) return error;
  const code = codeOf(error);
  if (code === 'ENOENT' || code === 'ENOTDIR') {
    const nearest = nearestName(basename(path), await neighbours(path));
    const hint =
      nearest === undefined ? `check the path; it is resolved from ${process.cwd()}` : `did you mean "${nearest}"?`;
    return new PipelineError('ERR_FILE_NOT_FOUND', `${path} is not there`, { file: path, hint, cause: error });
  }
  const reason = REASONS[code ?? ''] ?? (error instanceof Error ? error.message : String(error));
  return new PipelineError('ERR_IO', `${path}: ${reason}`, {
    file: path,
    cause: error,
    hint:
      code === 'EISDIR'
        ? `name a file in it, or what is to be read by a pattern: ${join(path, '*.csv')}`
        : 'check the path, its permissions and the disk',
  });
}

/** @throws ERR_ABORTED, or the signal's reason where that is a refusal of its own */
export function throwIfStopped(signal: AbortSignal | undefined, path: string): void {
  if (signal === undefined || !signal.aborted) return;
  if (signal.reason instanceof PipelineError) throw signal.reason;
  throw new PipelineError('ERR_ABORTED', `reading ${path} was stopped`, { file: path, cause: signal.reason });
}
