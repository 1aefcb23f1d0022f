/** Refusals of spilling: what the disk said, and what to do about it. */
import { PipelineError } from '../errors.ts';
import { formatBytes } from '../schema/sizes.ts';

const REASONS: Record<string, string> = {
  ENOSPC: 'the disk is full',
  EDQUOT: 'the quota of the disk is used up',
  EIO: 'the device failed',
  EAGAIN: 'the device is busy',
  EACCES: 'permission denied',
  EROFS: 'the file system is read-only',
  ENOENT: 'the folder is not there',
  EMFILE: 'too many open files',
};

/** May be over in a moment: somebody deletes files, a device comes back. */
const PASSING = new Set(['ENOSPC', 'EDQUOT', 'EIO', 'EAGAIN']);

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
}

export function isPassing(error: unknown): boolean {
  return PASSING.has(codeOf(error));
}

/** Why a disk refused, in words. */
export function reasonOf(error: unknown): string {
  return REASONS[codeOf(error)] ?? (error instanceof Error ? error.message : String(error));
}

export function diskError(doing: string, file: string, cause: unknown, stage: string): PipelineError {
  return new PipelineError('ERR_SPILL_DISK', `${stage}: ${doing} ${file} failed: ${reasonOf(cause)}`, {
    stage,
    file,
    cause,
    hint: 'free space there, give another spillDirectory, or raise memoryLimit so that less is spilled',
  });
}

export function limitError(usedBytes: number, limitBytes: number, askedBytes: number, stage: string): PipelineError {
  return new PipelineError(
    'ERR_SPILL_LIMIT',
    `${stage} asked to spill ${formatBytes(askedBytes)} more, ${formatBytes(usedBytes)} of the spillLimit of ${formatBytes(limitBytes)} are used`,
    {
      stage,
      value: String(usedBytes),
      expected: String(limitBytes),
      hint: 'raise spillLimit, or memoryLimit so that less is spilled',
    },
  );
}

export function corruptError(file: string, offset: number, what: string, stage: string): PipelineError {
  return new PipelineError('ERR_SPILL_CORRUPT', `${stage}: ${file} is damaged at byte ${offset}: ${what}`, {
    stage,
    file,
    value: String(offset),
    hint: 'something else wrote to the file, or the disk is failing: run again with another spillDirectory',
  });
}

export function abortedError(stage: string): PipelineError {
  return new PipelineError('ERR_ABORTED', `${stage}: stopped while it waited for the disk`, { stage });
}
