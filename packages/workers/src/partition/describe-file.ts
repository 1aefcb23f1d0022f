/** What is told of a file that a task has written, and whether it is still that file. */
import { open, readFile, stat } from 'node:fs/promises';
import { crc32 } from 'node:zlib';
import { PipelineError } from '@spillway/core/base';
import type { ArrowFile, SourceSpec, StagedSink } from '@spillway/core/internal';
import { type PartitionFile, readArrowInfo, storedPart } from '@spillway/core/partition';

const PIECE_BYTES = 2 ** 20;

/** Files that are looked through at once. */
const AT_ONCE = 8;

/** The file and its checksum; of a file of bounds what it says. */
export async function describeFile(path: string, hasBounds: boolean): Promise<PartitionFile> {
  const { bytes, sum } = await checksumOf(path);
  const { rows } = await readArrowInfo(path);
  const bounds = hasBounds ? await readBounds(path) : { min: null, max: null };
  return { path, rows, bytes, crc32: sum, ...bounds };
}

/** What a sink of a store has left: a folder of files that it can take as they are. */
export async function describeLeft(staged: StagedSink | undefined): Promise<PartitionFile> {
  const { spec, rows, bytes, files } = staged ?? {};
  if (spec?.type !== 'store' || spec.left === undefined || files === undefined)
    throw new PipelineError('ERR_INTERNAL', 'a sink of a task has left nothing');
  const stored = await Promise.all(files.map(async (file) => storedPart(file, (await checksumOf(file.path)).sum)));
  return { path: spec.left, rows: rows ?? 0, bytes: bytes ?? 0, crc32: 0, min: null, max: null, stored };
}

/**
 * Looks through what a task has left.
 * @param isSummed compared with its checksums before: that all of it is there is enough
 * @throws as `verifiedFile`
 */
export async function verifyLeft({ stored = [] }: PartitionFile, isSummed: boolean): Promise<void> {
  for (const file of stored) {
    const found = isSummed ? { bytes: await sizeOf(file.path), sum: file.crc32 } : await checksumOf(file.path);
    if (found.bytes !== file.bytes || found.sum !== file.crc32) throw anotherFile(file, found);
  }
}

async function sizeOf(path: string): Promise<number> {
  const { size } = await stat(path).catch((cause: unknown) => Promise.reject(cannotOpen(path, cause)));
  return size;
}

/** `first` of the first row, `last` of the last. */
async function readBounds(path: string): Promise<Pick<PartitionFile, 'min' | 'max'>> {
  const { tableFromIPC } = await import('apache-arrow');
  const table = tableFromIPC(await readFile(path));
  if (table.numRows === 0) return { min: null, max: null };
  const text = (column: string, row: number): string => String(table.getChild(column)?.get(row));
  return { min: text('first', 0), max: text('last', table.numRows - 1) };
}

/** A source of result files that reads these; `called`: what messages call each. @throws as `verifiedFile` */
export async function resultsSource(
  source: SourceSpec,
  results: readonly PartitionFile[],
  called?: readonly string[],
): Promise<SourceSpec> {
  if (source.type !== 'arrow') throw new PipelineError('ERR_INTERNAL', 'results of partitions are Arrow files');
  const files: ArrowFile[] = [];
  for (let at = 0; at < results.length; at += AT_ONCE)
    files.push(...(await Promise.all(results.slice(at, at + AT_ONCE).map(verifiedFile))));
  const named = files.map((file, index) => ({ ...file, ...(called && { called: called[index] as string }) }));
  return { ...source, paths: files.map(({ path }) => path), files: named };
}

/**
 * Looks a file of a task through before its rows are used.
 * @throws ERR_FILE_FORMAT when it is not what the task has written; ERR_FILE_NOT_FOUND
 */
async function verifiedFile({ path, rows, bytes, crc32: known }: PartitionFile): Promise<ArrowFile> {
  const found = await checksumOf(path);
  const info = found.bytes === bytes && found.sum === known ? await readArrowInfo(path) : undefined;
  if (info?.rows === rows) return info;
  throw anotherFile({ path, bytes, crc32: known }, found);
}

function anotherFile(
  { path, bytes, crc32: known }: Pick<PartitionFile, 'path' | 'bytes' | 'crc32'>,
  found: { bytes: number; sum: number },
): PipelineError {
  return new PipelineError('ERR_FILE_FORMAT', `${path} is not the file that its task has written`, {
    file: path,
    expected: `${bytes} bytes, checksum ${known.toString(16)}`,
    value: `${found.bytes} bytes, checksum ${found.sum.toString(16)}`,
    hint: 'run the task of this partition again',
  });
}

function cannotOpen(path: string, cause: unknown): PipelineError {
  return new PipelineError('ERR_FILE_NOT_FOUND', `${path} cannot be opened: ${(cause as Error).message}`, {
    file: path,
    cause,
    hint: 'all processes have to see the folder of the partitions under the same path',
  });
}

async function checksumOf(path: string): Promise<{ bytes: number; sum: number }> {
  const file = await open(path, 'r').catch((cause: unknown) => Promise.reject(cannotOpen(path, cause)));
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
