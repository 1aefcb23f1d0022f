/**
 * Standard input as a file: chunks of text are parsed side by side, footers stand at the end, and a job that restarts goes back; nothing of that
 * can be done in a pipe.
 */
import { createWriteStream } from 'node:fs';
import { open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { PipelineError } from '@spillway/core';
import { makeFolders } from '@spillway/core/base';
import { formatBytes, runFolder } from '@spillway/core/words';
import { abortedError } from '../../coordinator/failure.ts';
import { timeText } from '../../monitor/progress-text.ts';
import { ProgressDisplay } from '../../monitor/terminal-progress.ts';
import type { Context } from '../context.ts';
import { UsageError } from '../exit-codes.ts';
import { retold } from '../output/retold.ts';
import type { JobOptions } from '../run/follow-job.ts';
import type { FileFormat } from './file-formats.ts';

/** How standard input is named among files. */
export const STANDARD_INPUT = '-';

const LABEL = 'standard input';

interface SpooledInput {
  path: string;
  /** For people. */
  label: string;
  /** As its first bytes tell. */
  format: FileFormat;
  /** The same error, about standard input. */
  named(error: unknown): unknown;
  remove(): Promise<void>;
}

const REPORT_EVERY_MS = 200;
const SNIFFED_BYTES = 4096;

/** Counts what passes, and shows it. */
function counter({ stderr }: Context, isQuiet: boolean): { stream: Transform; end: () => void } {
  const display = new ProgressDisplay(stderr);
  const startedAt = performance.now();
  let [bytes, shownAt] = [0, startedAt];
  const stream = new Transform({
    transform(chunk: Uint8Array, _encoding, done) {
      bytes += chunk.length;
      const now = performance.now();
      if (!isQuiet && now - shownAt >= REPORT_EVERY_MS) {
        shownAt = now;
        display.showText(`${LABEL}: ${formatBytes(bytes)} in ${timeText(now - startedAt)}`, now - startedAt);
      }
      done(null, chunk);
    },
  });
  return { stream, end: () => display.clear() };
}

/** The format of a file by its beginning. */
async function sniff(path: string): Promise<FileFormat> {
  const file = await open(path, 'r');
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(SNIFFED_BYTES), 0, SNIFFED_BYTES, 0);
    const start = buffer.subarray(0, bytesRead);
    const text = start.toString('latin1');
    if (text.startsWith('PAR1')) return 'parquet';
    // A stream begins with the mark of a message, a file with its name.
    if (text.startsWith('ARROW1') || start.readUInt32LE(0) === 0xffff_ffff) return 'arrow';
    return /^(\u00ef\u00bb\u00bf)?\s*\{\s*("|\})/.test(text) ? 'ndjson' : 'csv';
  } catch (error) {
    // Fewer than four bytes are text.
    if (error instanceof RangeError) return 'csv';
    throw error;
  } finally {
    await file.close();
  }
}

function diskError(path: string, cause: unknown): PipelineError {
  return new PipelineError('ERR_SPILL_DISK', `${LABEL} cannot be put on disk: ${(cause as Error).message}`, {
    file: path,
    cause,
    hint: 'make room there, or name another folder with --spill-directory',
  });
}

/**
 * Puts standard input into a file of its own until `remove`.
 * @throws UsageError when it is a terminal, ERR_SPILL_DISK, ERR_ABORTED
 */
export async function spoolInput(options: JobOptions, context: Context): Promise<SpooledInput> {
  const { stdin } = context;
  if ((stdin as { isTTY?: boolean }).isTTY === true)
    throw new UsageError('- is standard input, which is this terminal: pipe something in, or name files');
  const signal = context.interruption();
  const folder = runFolder(options.spillDirectory ?? tmpdir());
  const path = join(folder, 'standard-input');
  const remove = (): Promise<void> => rm(folder, { recursive: true, force: true });
  const count = counter(context, options.quiet === true);
  try {
    makeFolders(folder);
    await pipeline(stdin, count.stream, createWriteStream(path), { signal });
    const named = (error: unknown): unknown =>
      error instanceof PipelineError
        ? retold(error, {
            message: error.message.replaceAll(path, LABEL),
            ...(error.file === path && { file: LABEL }),
          })
        : error;
    return { path, label: LABEL, format: await sniff(path), named, remove };
  } catch (error) {
    await remove();
    throw signal.aborted ? abortedError(signal.reason) : diskError(path, error);
  } finally {
    count.end();
  }
}
