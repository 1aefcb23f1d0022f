/**
 * Compressed files of CSV sources, unpacked into the run's own folder before the first row is read: lanes read chunks from anywhere in a
 * file, and a run that restarts goes back, and neither can be done in a compressed stream. Several at a time, each in a few buffers.
 */
import { createWriteStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { formatBytes, makeFolders, PipelineError } from '@spillway/core/base';
import type { TextFile } from '@spillway/core/internal';
import { unpackError, unpackedStream } from '@spillway/core/text';
import type { PlannedRun } from '../coordinator/plan-run.ts';
import { FED_FILES, type SpillPlace } from '../coordinator/spill-place.ts';

const AT_ONCE = 4;

/** Files of a plan that have to be unpacked, or come through a pipe. */
export function packedFiles({ logical }: PlannedRun): TextFile[] {
  return logical.nodes.flatMap(({ spec }) =>
    spec.kind === 'source' && spec.source.type === 'text'
      ? spec.source.files.filter(({ packing, unpacked }) => packing !== undefined && unpacked === undefined)
      : [],
  );
}

/**
 * Unpacks them, and tells each file where its text lies and how long it is.
 * @throws ERR_FILE_FORMAT (damaged), ERR_SPILL_DISK, the signal's reason
 */
export async function unpackFiles(files: readonly TextFile[], place: SpillPlace, signal: AbortSignal): Promise<void> {
  const { folder, limitBytes } = place;
  makeFolders(folder);
  let next = 0;
  const quota: Quota = { limitBytes, usedBytes: 0 };
  const work = async (): Promise<void> => {
    for (let index = next++; index < files.length; index = next++)
      await unpack(files[index] as TextFile, join(folder, `${FED_FILES}text-${index}`), quota, signal);
  };
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, files.length) }, work));
  // What is left is for what spills.
  place.limitBytes -= quota.usedBytes;
}

/** Bytes on disk of all files together. */
interface Quota {
  readonly limitBytes: number;
  usedBytes: number;
}

/** Passes text on as long as there is room for it. @throws ERR_SPILL_LIMIT */
async function* counted(path: string, text: AsyncIterable<Uint8Array>, quota: Quota): AsyncGenerator<Uint8Array> {
  for await (const part of text) {
    quota.usedBytes += part.length;
    if (quota.usedBytes > quota.limitBytes) throw noRoom(path, quota.limitBytes);
    yield part;
  }
}

function noRoom(path: string, limitBytes: number): PipelineError {
  return new PipelineError(
    'ERR_SPILL_LIMIT',
    `${path} does not fit on the disk as text: with the files before it, that is more than the spillLimit of ${formatBytes(limitBytes)}`,
    {
      file: path,
      expected: String(limitBytes),
      hint: 'compressed and piped text is unpacked into spillDirectory first: raise spillLimit, or read plain files',
    },
  );
}

async function unpack(file: TextFile, target: string, quota: Quota, signal: AbortSignal): Promise<void> {
  try {
    await pipeline(counted(file.path, unpackedStream(file), quota), createWriteStream(target), { signal });
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    if ((error as { path?: string }).path === target || (error as { code?: string }).code === 'ENOSPC')
      throw diskError(target, error);
    throw unpackError(file.path, error);
  }
  file.bytes = (await stat(target)).size;
  file.unpacked = target;
}

function diskError(target: string, cause: unknown): PipelineError {
  return new PipelineError('ERR_SPILL_DISK', `${target}: ${(cause as Error).message}`, {
    file: target,
    cause,
    hint: 'compressed files are unpacked into spillDirectory: make room there, or name another one',
  });
}
