/** Compressed text files: what their first bytes say, and how they are unpacked. */
import { createReadStream } from 'node:fs';
import { createGunzip, type Gunzip } from 'node:zlib';
import { PipelineError } from '../../errors.ts';

/** By which the text is compressed; undefined for plain text. @throws ERR_FILE_FORMAT for what cannot be unpacked */
export function packingOf(path: string, start: Uint8Array): 'gzip' | undefined {
  const magic = Buffer.from(start.subarray(0, 4)).toString('hex');
  if (magic.startsWith('1f8b')) return 'gzip';
  const other =
    magic === '28b52ffd' ? 'Zstandard' : magic.startsWith('425a68') ? 'bzip2' : magic === 'fd377a58' ? 'xz' : undefined;
  if (other === undefined) return undefined;
  throw new PipelineError('ERR_FILE_FORMAT', `${path} is compressed by ${other}`, {
    file: path,
    hint: 'unpack it first; plain text and gzip are read as they are',
  });
}

/** The unpacked bytes of a gzip file, of all its members. Errors of the file are the stream's. */
export function unpackedStream(path: string): Gunzip {
  const source = createReadStream(path);
  const unpacked = createGunzip();
  source.on('error', (error) => unpacked.destroy(error));
  unpacked.on('close', () => source.destroy());
  return source.pipe(unpacked);
}

/** The first bytes of a gzip file, and whether they are all. @throws ERR_FILE_FORMAT when it is damaged */
export async function unpackedStart(path: string, bytes: number): Promise<{ start: Buffer; isWhole: boolean }> {
  const parts: Buffer[] = [];
  let size = 0;
  try {
    for await (const part of unpackedStream(path) as AsyncIterable<Buffer>) {
      parts.push(part);
      size += part.length;
      if (size > bytes) break;
    }
  } catch (error) {
    throw unpackError(path, error);
  }
  return { start: Buffer.concat(parts).subarray(0, bytes), isWhole: size <= bytes };
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
