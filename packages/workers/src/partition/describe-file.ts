/** What is told of a file that a task has written, and whether it is still that file. */
import { type FileHandle, open, readFile, stat } from 'node:fs/promises';
import { crc32 } from 'node:zlib';
import { PipelineError } from '@spillway/core/base';
import type { ArrowFile, SourceSpec, StagedSink } from '@spillway/core/internal';
import {
  joinCrc32,
  type PartitionFile,
  type PartitionRange,
  type RunIndex,
  readArrowInfo,
  storedPart,
} from '@spillway/core/partition';

const PIECE_BYTES = 2 ** 20;

/** Files that are looked through at once. */
const AT_ONCE = 8;

/** The file and its checksum; of a file of bounds what it says. */
export async function describeFile(path: string, hasBounds: boolean): Promise<PartitionFile> {
  const { rows } = await readArrowInfo(path);
  const { bytes, sum } = await checksumOf(path);
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

/** A file of sorted rows, with what those need who read a range of it. `samples`: the file with the keys of one row in `every`. */
export async function describeRun(path: string, samples: string, every: number): Promise<PartitionFile> {
  const { rows, bytes, batches } = await readArrowInfo(path);
  const ends = [...batches.map(({ bodyAt, bodyBytes }) => bodyAt + bodyBytes), bytes];
  const blocks: RunIndex['blocks'] = [];
  let whole = 0;
  await withFile(path, async (file) => {
    for (const [index, end] of ends.entries()) {
      const from = ends[index - 1] ?? 0;
      const sum = await checksum(file, from, end);
      blocks.push({ rows: batches[index]?.rows ?? 0, bytes: end - from, crc32: sum });
      whole = joinCrc32(whole, sum, end - from);
    }
  });
  const run = { blocks, ...fewKeys(await readKeys(samples), every) };
  return { path, rows, bytes, crc32: whole, min: null, max: null, run };
}

async function readKeys(path: string): Promise<(string | null)[]> {
  const { tableFromIPC } = await import('apache-arrow');
  return [...(tableFromIPC(await readFile(path)).getChild('key') ?? [])];
}

/** What a result tells of a file: no more keys, and no more text, than that. */
const MOST_KEYS = 64;
const MOST_KEY_CHARACTERS = 2 ** 14;

function fewKeys(keys: (string | null)[], every: number): Pick<RunIndex, 'every' | 'samples'> {
  let [samples, one] = [keys, every];
  const characters = (): number => samples.reduce((sum, key) => sum + (key?.length ?? 0), 0);
  while (samples.length > MOST_KEYS || (samples.length > 1 && characters() > MOST_KEY_CHARACTERS)) {
    samples = samples.filter((_, index) => index % 2 === 0);
    one *= 2;
  }
  return { every: one, samples };
}

/** `first` of the first row, `last` of the last. */
async function readBounds(path: string): Promise<Pick<PartitionFile, 'min' | 'max'>> {
  const { tableFromIPC } = await import('apache-arrow');
  const table = tableFromIPC(await readFile(path));
  if (table.numRows === 0) return { min: null, max: null };
  const text = (column: string, row: number): string => String(table.getChild(column)?.get(row));
  return { min: text('first', 0), max: text('last', table.numRows - 1) };
}

/** By file. */
export interface ResultsOptions {
  /** What messages call each. */
  called?: readonly string[];
  /** Which record batches are read. */
  blocks?: readonly PartitionRange[];
}

/** A source of result files that reads these. @throws as `verifiedFile` */
export async function resultsSource(
  source: SourceSpec,
  results: readonly PartitionFile[],
  { called, blocks }: ResultsOptions = {},
): Promise<SourceSpec> {
  if (source.type !== 'arrow') throw new PipelineError('ERR_INTERNAL', 'results of partitions are Arrow files');
  const files: ArrowFile[] = [];
  for (let at = 0; at < results.length; at += AT_ONCE)
    files.push(
      ...(await Promise.all(
        results.slice(at, at + AT_ONCE).map((file, index) => verifiedFile(file, blocks?.[at + index])),
      )),
    );
  const named = files.map((file, index) => ({ ...file, ...(called && { called: called[index] as string }) }));
  return { ...source, paths: files.map(({ path }) => path), files: named };
}

/**
 * Looks a file of a task through before its rows are used.
 * @throws ERR_FILE_FORMAT when it is not what the task has written; ERR_FILE_NOT_FOUND
 */
async function verifiedFile(file: PartitionFile, blocks?: PartitionRange): Promise<ArrowFile> {
  if (blocks !== undefined && file.run !== undefined) return verifiedBlocks(file, file.run, blocks);
  const found = await checksumOf(file.path);
  const info = found.bytes === file.bytes && found.sum === file.crc32 ? await readArrowInfo(file.path) : undefined;
  if (info?.rows === file.rows) return info;
  throw anotherFile(file, found);
}

/** The same for some record batches of a file, and its end, which says where they lie. */
async function verifiedBlocks(
  file: PartitionFile,
  { blocks }: RunIndex,
  [from, to]: PartitionRange,
): Promise<ArrowFile> {
  const info = await readArrowInfo(file.path);
  if (info.bytes !== file.bytes || info.batches.length !== blocks.length - 1)
    throw anotherFile(file, { bytes: info.bytes, sum: file.crc32 });
  await withFile(file.path, async (opened) => {
    let at = 0;
    for (const [index, { bytes, crc32: known }] of blocks.entries()) {
      const isRead = (index >= from && index < to) || index === blocks.length - 1;
      const sum = isRead ? await checksum(opened, at, at + bytes) : known;
      if (sum !== known) throw anotherFile({ path: file.path, bytes, crc32: known }, { bytes, sum });
      at += bytes;
    }
  });
  const batches = info.batches.slice(from, to);
  return { ...info, batches, rows: batches.reduce((sum, { rows }) => sum + rows, 0) };
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

/** Of all its bytes. @throws ERR_FILE_NOT_FOUND */
export function checksumOf(path: string): Promise<{ bytes: number; sum: number }> {
  return withFile(path, async (file) => {
    const { size: bytes } = await file.stat();
    return { bytes, sum: await checksum(file, 0, bytes) };
  });
}

async function withFile<T>(path: string, use: (file: FileHandle) => Promise<T>): Promise<T> {
  const file = await open(path, 'r').catch((cause: unknown) => Promise.reject(cannotOpen(path, cause)));
  try {
    return await use(file);
  } finally {
    await file.close();
  }
}

async function checksum(file: FileHandle, from: number, to: number): Promise<number> {
  const buffer = Buffer.allocUnsafe(Math.min(PIECE_BYTES, to - from));
  let sum = 0;
  for (let at = from; at < to; ) {
    const { bytesRead } = await file.read(buffer, 0, Math.min(buffer.length, to - at), at);
    if (bytesRead === 0) break;
    sum = crc32(buffer.subarray(0, bytesRead), sum);
    at += bytesRead;
  }
  return sum;
}
