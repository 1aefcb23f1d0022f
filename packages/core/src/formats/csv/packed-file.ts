/** Compressed text files: what their first bytes say, and how they are unpacked. */
import { createReadStream } from 'node:fs';
import { Readable } from 'node:stream';
import { constants, createGunzip } from 'node:zlib';
import { PipelineError } from '../../errors.ts';
import type { TextFile } from './csv-format.ts';
import { pipedInput } from './piped-input.ts';
import { zstdText } from './zstd-stream.ts';

export type Packing = NonNullable<TextFile['packing']>;

/** By which the text is compressed; undefined for plain text. @throws ERR_FILE_FORMAT for what cannot be unpacked */
export function packingOf(path: string, start: Uint8Array): Packing | undefined {
  const magic = Buffer.from(start.subarray(0, 4)).toString('hex');
  if (magic.startsWith('1f8b')) return 'gzip';
  if (magic === '28b52ffd') return 'zstd';
  const other = magic.startsWith('425a68') ? 'bzip2' : magic === 'fd377a58' ? 'xz' : undefined;
  if (other === undefined) return undefined;
  throw new PipelineError('ERR_FILE_FORMAT', `${path} is compressed by ${other}`, {
    file: path,
    hint: 'unpack it first; plain text, gzip and Zstandard are read as they are',
  });
}

/** A file whose text is not there as it is. */
export type PackedFile = Pick<TextFile, 'path' | 'packing' | 'isPiped'>;

/** The text of a file, of all its members or frames. Errors of the file are the stream's. */
export function unpackedStream({ path, packing = 'none', isPiped }: PackedFile): Readable {
  const source =
    isPiped === true ? Readable.from(pipedInput(path).all(), { objectMode: false }) : createReadStream(path);
  return unpacked(source, packing);
}

/** @param isPart the source ends somewhere in the middle */
function unpacked(source: Readable, packing: Packing, isPart = false): Readable {
  if (packing === 'none') return source;
  if (packing === 'zstd') return Readable.from(zstdText(source), { objectMode: false });
  const unpacked = createGunzip(isPart ? { finishFlush: constants.Z_SYNC_FLUSH } : {});
  source.on('error', (error) => unpacked.destroy(error));
  unpacked.on('close', () => source.destroy());
  return source.pipe(unpacked);
}

/** The beginning of a text, and whether it is all. */
export interface TextStart {
  start: Buffer;
  isWhole: boolean;
}

/** The first bytes of a file's text. @throws ERR_FILE_FORMAT when it is damaged */
export async function unpackedStart(path: string, packing: Packing, bytes: number): Promise<TextStart> {
  const parts: Buffer[] = [];
  let size = 0;
  try {
    for await (const part of unpacked(createReadStream(path), packing) as AsyncIterable<Buffer>) {
      parts.push(part);
      size += part.length;
      if (size > bytes) break;
    }
  } catch (error) {
    throw unpackError(path, error);
  }
  return { start: Buffer.concat(parts).subarray(0, bytes), isWhole: size <= bytes };
}

/** The first bytes of a text of which only the beginning is there: where it is compressed, what that unpacks to. */
export async function partialStart(path: string, packing: Packing, { start, isWhole }: TextStart): Promise<TextStart> {
  if (packing === 'none') return { start, isWhole };
  const parts: Buffer[] = [];
  try {
    for await (const part of unpacked(Readable.from([start]), packing, !isWhole) as AsyncIterable<Buffer>)
      parts.push(part);
  } catch (error) {
    // What is cut off here is not cut off in the pipe.
    if (isWhole) throw unpackError(path, error);
  }
  return { start: Buffer.concat(parts), isWhole };
}

/** What the decompressor says, as a refusal. */
export function unpackError(path: string, cause: unknown): PipelineError {
  if (cause instanceof PipelineError) return cause;
  return new PipelineError('ERR_FILE_FORMAT', `${path} does not unpack: ${(cause as Error).message}`, {
    file: path,
    cause,
    hint: 'the file is cut off or damaged: copy or write it again',
  });
}
