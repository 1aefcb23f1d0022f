/**
 * Text files divided at line ends. Lines of JSON end where a line ends. In CSV a quoted value may hold line ends, and only who has read a file up to
 * a place knows whether it lies between quotes; so a file is divided where nothing quotes, or where it has no quote at all, which is looked for.
 */
import { type FileHandle, open } from 'node:fs/promises';
import type { TextFile, TextFormat } from '../formats/csv/csv-format.ts';
import type { SourceSpec } from '../plan/logical.ts';

type TextSource = Extract<SourceSpec, { type: 'text' }>;

/** Smaller parts are not worth a task. */
const LEAST_BYTES = 2 ** 20;
const BLOCK_BYTES = 4 * 2 ** 20;
const LINE_END = 0x0a;

/** About how many parts a source of text can have. */
export function mostTextParts({ files }: TextSource): number {
  return files.reduce(
    (sum, file) => sum + (mayDivide(file) ? Math.max(1, Math.floor(textBytes(file) / LEAST_BYTES)) : 1),
    0,
  );
}

/** The same source with its files in parts, each like a file of its own; enough of them for so many partitions. */
export async function divideText(
  source: TextSource,
  partitions: number,
  leastBytes: number = LEAST_BYTES,
): Promise<TextSource> {
  const total = source.files.reduce((sum, file) => sum + textBytes(file), 0);
  const files: TextFile[] = [];
  for (const file of source.files) {
    const wanted = Math.min(
      Math.ceil((partitions * textBytes(file)) / Math.max(1, total)),
      Math.floor(textBytes(file) / leastBytes),
    );
    files.push(...(wanted > 1 && mayDivide(file) ? await divideFile(file, source.format, wanted) : [file]));
  }
  return { ...source, files };
}

export function textBytes({ bytes, dataStart }: TextFile): number {
  return Math.max(0, bytes - dataStart);
}

function mayDivide({ packing, isPiped }: TextFile): boolean {
  return packing === undefined && isPiped !== true;
}

async function divideFile(file: TextFile, format: TextFormat, parts: number): Promise<TextFile[]> {
  const handle = await open(file.path, 'r');
  try {
    if (format.syntax === 'csv' && format.quote !== '' && (await hasByte(handle, file, format.quote.charCodeAt(0))))
      return [file];
    const starts = [file.dataStart];
    for (let part = 1; part < parts; part++) {
      const start = await lineStart(handle, file, file.dataStart + Math.floor((part * textBytes(file)) / parts));
      if (start > (starts.at(-1) as number) && start < file.bytes) starts.push(start);
    }
    return starts.map((dataStart, index) => ({
      ...file,
      dataStart,
      bytes: starts[index + 1] ?? file.bytes,
      ...(index > 0 && { firstByte: file.firstByte ?? file.dataStart }),
    }));
  } finally {
    await handle.close();
  }
}

async function hasByte(handle: FileHandle, { dataStart, bytes }: TextFile, byte: number): Promise<boolean> {
  for await (const block of blocks(handle, dataStart, bytes)) if (block.includes(byte)) return true;
  return false;
}

/** Where the first line begins behind a place. */
async function lineStart(handle: FileHandle, { bytes }: TextFile, from: number): Promise<number> {
  let at = from;
  for await (const block of blocks(handle, from, bytes, 2 ** 16)) {
    const end = block.indexOf(LINE_END);
    if (end >= 0) return at + end + 1;
    at += block.length;
  }
  return bytes;
}

async function* blocks(handle: FileHandle, from: number, to: number, size = BLOCK_BYTES): AsyncGenerator<Buffer, void> {
  const buffer = Buffer.allocUnsafe(size);
  for (let at = from; at < to; ) {
    const { bytesRead } = await handle.read(buffer, 0, Math.min(size, to - at), at);
    if (bytesRead === 0) return;
    yield buffer.subarray(0, bytesRead);
    at += bytesRead;
  }
}

/** Parts of one file that follow each other, as one. */
export function mergeText(files: readonly TextFile[]): TextFile[] {
  const merged: TextFile[] = [];
  for (const file of files) {
    const last = merged.at(-1);
    if (last?.path === file.path && last.bytes === file.dataStart)
      merged[merged.length - 1] = { ...last, bytes: file.bytes };
    else merged.push(file);
  }
  return merged;
}

/** A part in the middle of a file, with the lines and rows before it counted: for naming a row that is not right. */
export async function numberText(file: TextFile): Promise<TextFile> {
  const { firstByte, dataStart } = file;
  if (firstByte === undefined) return file;
  const handle = await open(file.path, 'r');
  let [lines, rows, hasText] = [0, 0, false];
  try {
    for await (const block of blocks(handle, firstByte, dataStart))
      for (const byte of block) {
        if (byte === LINE_END) {
          lines += 1;
          rows += hasText ? 1 : 0;
          hasText = false;
        } else if (byte !== 0x0d) hasText = true;
      }
  } finally {
    await handle.close();
  }
  return { ...file, headLines: file.headLines + lines, rowsBefore: rows };
}
