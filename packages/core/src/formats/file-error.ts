/** Turns what the file system says into refusals that name the file and what to do. */
import { readdir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

import { PipelineError } from '../errors.ts';
import { nearestName } from '../schema/nearest-name.ts';

interface Reason {
  why: string;
  hint: string;
}

const PERMISSIONS = 'check who owns it, and its permissions';

/** By the code of the system. */
const REASONS: Record<string, Reason> = {
  EACCES: { why: 'permission denied', hint: PERMISSIONS },
  EPERM: { why: 'not permitted', hint: PERMISSIONS },
  EMFILE: { why: 'too many open files', hint: 'raise the number of files that a process may open (ulimit -n)' },
  ENOSPC: { why: 'the disk is full', hint: 'free space there, or name a place on another disk' },
  EDQUOT: { why: 'the quota of the disk is used up', hint: 'free space there, or name a place on another disk' },
  EROFS: { why: 'the file system is read-only', hint: 'name a place that can be written to' },
  EIO: { why: 'the device failed', hint: 'check the disk, or what it is mounted from' },
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
  const { why, hint } = code === 'EISDIR' ? folderReason(path) : (REASONS[code ?? ''] ?? otherReason(error));
  return new PipelineError('ERR_IO', `${path}: ${why}`, { file: path, cause: error, hint });
}

function folderReason(path: string): Reason {
  return {
    why: 'it is a folder',
    hint: `name a file in it, or what is to be read by a pattern: ${join(path, '*.csv')}`,
  };
}

function otherReason(error: unknown): Reason {
  return {
    why: error instanceof Error ? error.message : String(error),
    hint: 'check the path, its permissions and the disk',
  };
}

/** @throws ERR_ABORTED, or the signal's reason where that is a refusal of its own */
export function throwIfStopped(signal: AbortSignal | undefined, path: string): void {
  if (signal === undefined || !signal.aborted) return;
  if (signal.reason instanceof PipelineError) throw signal.reason;
  throw new PipelineError('ERR_ABORTED', `reading ${path} was stopped`, { file: path, cause: signal.reason });
}
