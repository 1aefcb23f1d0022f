/** The beginning of a text file: read once, unpacked where it is compressed, in as many bytes as its reader needs. */
import { type FileHandle, open } from 'node:fs/promises';
import { PipelineError } from '../../errors.ts';
import { fileError } from '../file-error.ts';
import { badRowError } from './csv-error.ts';
import type { TextFile } from './csv-format.ts';
import { packingOf, partialStart, unpackedStart } from './packed-file.ts';
import { isPiped, pipedInput } from './piped-input.ts';

/** What is known of every text file. */
export interface TextHead {
  path: string;
  bytes: number;
  packing: TextFile['packing'];
  isPiped?: true;
  dataStart: number;
  headLines: number;
}

/** What looking at a sample tells. */
export type HeadOf<H extends TextHead> = Omit<H, 'path' | 'bytes' | 'packing' | 'isPiped'>;

const SAMPLE_BYTES = 256 * 1024;
/** Where only the header is wanted: there may be thousands of files. */
const HEADER_BYTES = 16 * 1024;
/** A header may be this long. */
const MOST_HEAD_BYTES = 4 * 1024 * 1024;

/**
 * Reads the beginning of a file. `headOf` is given a sample and whether it is all; undefined asks for a larger one.
 * @param samples whether rows are looked at, and not only the header
 * @throws ERR_FILE_NOT_FOUND, ERR_IO, ERR_FILE_FORMAT
 */
export async function readTextHead<H extends TextHead>(
  path: string,
  samples: boolean,
  headOf: (sample: Buffer, isWhole: boolean) => HeadOf<H> | undefined,
): Promise<H> {
  let file: FileHandle | undefined;
  try {
    if (await isPiped(path)) return await readPipedHead(path, headOf);
    file = await open(path, 'r');
    const { size } = await file.stat();
    for (let bytes = samples ? SAMPLE_BYTES : HEADER_BYTES; ; bytes *= 4) {
      const start = await readStart(file, Math.min(size, bytes));
      const packing = packingOf(path, start);
      const sample =
        packing === undefined ? { start, isWhole: start.length === size } : await unpackedStart(path, packing, bytes);
      const head = headOf(sample.start, sample.isWhole);
      if (head !== undefined) return { ...head, path, bytes: size, packing } as H;
      if (bytes >= MOST_HEAD_BYTES) throw tooLong(path);
    }
  } catch (error) {
    throw error instanceof PipelineError ? error : await fileError(path, error);
  } finally {
    await file?.close();
  }
}

async function readPipedHead<H extends TextHead>(
  path: string,
  headOf: (sample: Buffer, isWhole: boolean) => HeadOf<H> | undefined,
): Promise<H> {
  for (let bytes = SAMPLE_BYTES; ; bytes *= 4) {
    const raw = await pipedInput(path).start(bytes);
    const packing = packingOf(path, raw.start) ?? 'none';
    const sample = await partialStart(path, packing, raw);
    const head = headOf(sample.start, sample.isWhole);
    if (head !== undefined) return { ...head, path, bytes: 0, packing, isPiped: true } as unknown as H;
    if (bytes >= MOST_HEAD_BYTES) throw tooLong(path);
  }
}

async function readStart(file: FileHandle, bytes: number): Promise<Buffer> {
  const buffer = Buffer.alloc(bytes);
  let done = 0;
  while (done < bytes) {
    const { bytesRead } = await file.read(buffer, done, bytes - done, done);
    if (bytesRead === 0) break;
    done += bytesRead;
  }
  return buffer.subarray(0, done);
}

function tooLong(path: string): PipelineError {
  return badRowError({ file: path, line: 1, row: 0, problem: { kind: 'tooLong', bytes: MOST_HEAD_BYTES } });
}

/** How files begin that are taken for text now and then, with a byte that text has not, and what to do with them. */
const NO_TEXT = [
  { mark: 'PAR1\x15', format: 'Parquet', hint: readWith('readParquet') },
  { mark: 'ARROW1\0', format: 'Arrow IPC', hint: readWith('readArrow') },
  { mark: 'PK\x03\x04', format: 'a ZIP archive, or a workbook', hint: 'unpack it, or save the sheet as CSV' },
  { mark: 'SQLite format 3\0', format: 'a database of SQLite', hint: 'write the table as CSV: sqlite3 -csv -header' },
];

function readWith(reader: string): string {
  return `read it with ${reader}; where the format follows from the name, give the file the ending of its format`;
}

/** Bytes of a byte order mark. @throws ERR_FILE_FORMAT when the mark is one of UTF-16, or of a file that is no text */
export function markBytes(path: string, sample: Buffer): number {
  const other = NO_TEXT.find(({ mark }) => sample.toString('latin1', 0, mark.length) === mark);
  if (other !== undefined)
    throw new PipelineError('ERR_FILE_FORMAT', `${path} is not text but ${other.format}`, {
      file: path,
      hint: other.hint,
    });
  const mark = sample.subarray(0, 3).toString('hex');
  if (mark === 'efbbbf') return 3;
  if (!mark.startsWith('fffe') && !mark.startsWith('feff')) return 0;
  throw new PipelineError('ERR_FILE_FORMAT', `${path}, line 1: the file is UTF-16, not UTF-8`, {
    file: path,
    hint: 'convert it first: iconv -f UTF-16 -t UTF-8',
  });
}
