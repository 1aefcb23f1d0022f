/**
 * A sink of several files, one after the other: each is ended when it has its rows or bytes, or when a period of a column of times is over. They
 * are written under their names into a folder beside their destination, and moved when the run has succeeded.
 *
 * Memory: as a sink of one file, because one file is open at a time.
 */
import { readdir, rename, rm, rmdir } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import type { Batch } from '../../batch/contract.ts';
import { sliceBatch } from '../../batch/slice-batch.ts';
import { makeFolder, syncFolder } from '../../formats/durable-file.ts';
import { fileError } from '../../formats/file-error.ts';
import { OrderCheck } from '../../formats/order-check.ts';
import { orderedValue, showOrdered } from '../../formats/ordered-value.ts';
import type { RowFile } from '../../formats/row-file.ts';
import type { FileParts, SinkSpec } from '../../plan/logical.ts';
import { fieldIndex } from '../../schema/fields.ts';
import type { Fields, TypeText } from '../../schema/types.ts';
import { type Periods, periodsOf } from '../files/row-group-target.ts';
import type { FileMark, FileSink, FileSinkOptions, StagedSink } from './contract.ts';
import { openRowFile } from './one-file-sink.ts';

type PartedSpec = Extract<SinkSpec, { type: 'file' }> & { parts: FileParts };

const NUMBER_DIGITS = 5;
/** Rows after which the bytes of a file are looked at. */
const SLICE_ROWS = 8192;

/** Name of a part: what tells it from the others, where the path says `{part}`, or before its endings. */
export function partName(path: string, part: string): string {
  const name = basename(path);
  return name.includes('{part}')
    ? name.replaceAll('{part}', part)
    : name.replace(/(?=(\.[A-Za-z]\w*)+$)|$/, `-${part}`);
}

/** Refuses periods that a column cannot have. @throws ERR_OPTIONS, ERR_COLUMN_UNKNOWN */
export function checkParts(parts: FileParts, fields: Fields): void {
  if (parts.kind === 'period') periodColumn(parts, fields);
}

function periodColumn(
  { every, on }: Extract<FileParts, { kind: 'period' }>,
  fields: Fields,
): { type: TypeText; periods: Periods } {
  const { type } = fields[fieldIndex(fields, on)] as Fields[number];
  return { type, periods: periodsOf(every, type) as Periods };
}

/** The file at hand. */
interface OpenPart {
  name: string;
  file: RowFile;
  /** Of its period: the first value that is behind it. */
  end?: bigint;
}

export class PartsSink implements FileSink {
  readonly #options: FileSinkOptions;
  readonly #spec: PartedSpec;
  readonly #order: OrderCheck | undefined;
  readonly #column: { type: TypeText; periods: Periods } | undefined;
  /** Names of the files that have been ended. */
  readonly #done: string[];
  #rowsDone: number;
  #bytesDone: number;
  #marks: number;
  #open: OpenPart | undefined;

  private constructor(options: FileSinkOptions, spec: PartedSpec, from: FileMark | undefined) {
    const { parts } = spec;
    this.#options = options;
    this.#spec = spec;
    this.#done = [...(from?.parts?.done ?? [])];
    this.#rowsDone = from?.parts?.rowsDone ?? 0;
    this.#bytesDone = from?.parts?.bytesDone ?? 0;
    this.#marks = from?.number ?? 0;
    if (parts.kind !== 'period') return;
    this.#column = periodColumn(parts, options.fields);
    this.#order = new OrderCheck(options.arena, parts.on, this.#column.type);
  }

  /** @throws ERR_IO */
  static async open(options: FileSinkOptions, spec: PartedSpec, from: FileMark | undefined): Promise<PartsSink> {
    const sink = new PartsSink(options, spec, from);
    const open = from?.parts?.open;
    if (from === undefined || open === undefined) return sink;
    const { bytes, places } = from;
    const file = await openRowFile(join(options.staging, open.name), spec.format, options, {
      ...{ rows: open.rows, bytes, places },
    });
    sink.#open = { name: open.name, file, ...(open.end !== undefined && { end: open.end }) };
    return sink;
  }

  get rows(): number {
    return this.#rowsDone + (this.#open?.file.rows ?? 0);
  }

  async push(batch: Batch): Promise<void> {
    try {
      const { parts } = this.#spec;
      if (parts.kind === 'period') this.#order?.check(batch.column(parts.on), this.rows);
      for (let row = 0; row < batch.rows; ) {
        const part = (this.#open ??= await this.#next(batch, row));
        const rows = this.#fitting(part, batch, row);
        if (rows > 0) await this.#write(part, batch, row, rows);
        row += rows;
        if (this.#isFull(part) || (parts.kind === 'period' && row < batch.rows)) await this.endFile();
      }
    } finally {
      batch.release();
    }
  }

  async #write({ file }: OpenPart, batch: Batch, row: number, rows: number): Promise<void> {
    if (rows === batch.rows) return file.push(batch);
    const { arena, owner = 0 } = this.#options;
    const slice = sliceBatch(arena, owner, batch, row, rows, 0);
    try {
      await file.push(slice);
    } finally {
      slice.release();
    }
  }

  /** The file that a row begins. */
  async #next(batch: Batch, row: number): Promise<OpenPart> {
    const { parts, format } = this.#spec;
    let part = String(this.#done.length).padStart(NUMBER_DIGITS, '0');
    let end: bigint | undefined;
    if (parts.kind === 'period' && this.#column !== undefined) {
      const { type, periods } = this.#column;
      const value = orderedValue(this.#options.arena, batch.column(parts.on), row);
      const start = periods.startOf(value);
      part = periodText(start, type);
      end = periods.endOf(value);
    }
    const name = this.#freeName(part);
    const file = await openRowFile(join(this.#options.staging, name), format, this.#options);
    return { name, file, ...(end !== undefined && { end }) };
  }

  /** A period may have had a file that was ended before its time. */
  #freeName(part: string): string {
    const { path } = this.#spec;
    let name = partName(path, part);
    for (let number = 1; this.#spec.parts.kind === 'period' && this.#done.includes(name); number += 1)
      name = partName(path, `${part}-${number}`);
    return name;
  }

  /** Rows of a batch, from one on, that belong into the file at hand. */
  #fitting({ file, end }: OpenPart, batch: Batch, from: number): number {
    const { parts } = this.#spec;
    const left = batch.rows - from;
    if (parts.kind === 'rows') return Math.min(left, parts.rows - file.rows);
    if (parts.kind === 'bytes') return Math.min(left, SLICE_ROWS);
    if (end === undefined) return left;
    const column = batch.column(parts.on);
    let [low, high] = [from, batch.rows];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (BigInt(orderedValue(this.#options.arena, column, middle)) < end) low = middle + 1;
      else high = middle;
    }
    return low - from;
  }

  #isFull({ file }: OpenPart): boolean {
    const { parts } = this.#spec;
    if (parts.kind === 'rows') return file.rows >= parts.rows;
    return parts.kind === 'bytes' && file.bytes >= parts.bytes;
  }

  /** Whether a file is open: of those that have rows, one that is not full. */
  get isOpen(): boolean {
    return this.#open !== undefined;
  }

  /** Ends the file at hand: later rows go into the next. */
  async endFile(): Promise<void> {
    const part = this.#open;
    if (part === undefined) return;
    const { rows, bytes } = await part.file.end();
    this.#open = undefined;
    this.#done.push(part.name);
    this.#rowsDone += rows;
    this.#bytesDone += bytes;
  }

  async mark(): Promise<FileMark> {
    this.#marks += 1;
    const part = this.#open;
    const { rows, bytes, places } = (await part?.file.mark()) ?? { rows: 0, bytes: 0, places: [] };
    const open = part && { name: part.name, rows, ...(part.end !== undefined && { end: part.end }) };
    const [rowsDone, bytesDone] = [this.#rowsDone, this.#bytesDone];
    const parts = { done: [...this.#done], rowsDone, bytesDone, ...(open && { open }) };
    return { type: 'file', number: this.#marks, rows: rowsDone + rows, bytes, places, parts };
  }

  async end(): Promise<StagedSink> {
    await this.endFile();
    const { spec, fields, staging } = this.#options;
    return { spec, fields, rows: this.#rowsDone, bytes: this.#bytesDone, files: [], staging };
  }

  async abort(): Promise<void> {
    await this.#open?.file.abort();
  }
}

/** As file names can have it: the day where periods begin at midnight. */
function periodText(start: bigint, type: TypeText): string {
  const text = showOrdered(type === 'date32' ? Number(start) : start, type);
  return text
    .replace(/T00:00:00(\.0+)?Z?$/, '')
    .replace(/\.0+(?=Z?$)/, '')
    .replaceAll(':', '-');
}

/**
 * Moves the files of a staging folder to where they belong; those that are gone have been moved before.
 * @returns how many there were
 * @throws ERR_IO
 */
export async function placeParts(path: string, staging: string): Promise<number> {
  return placeFiles(dirname(resolve(path)), staging);
}

async function placeFiles(folder: string, staging: string): Promise<number> {
  try {
    const entries = await readdir(staging, { withFileTypes: true });
    let files = 0;
    for (const entry of entries) {
      const [from, to] = [join(staging, entry.name), join(folder, entry.name)];
      if (entry.isDirectory()) {
        await makeFolder(to);
        files += await placeFiles(to, from);
        continue;
      }
      await rename(from, to);
      files += 1;
    }
    await syncFolder(folder);
    await rmdir(staging);
    return files;
  } catch (error) {
    // No row came, or all of them have been moved.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 0;
    throw await fileError(folder, error);
  }
}

/** Removes the files that a mark does not know. The one at hand is cut when it is opened. */
export async function cutBackParts(staging: string, { parts }: FileMark): Promise<void> {
  const kept = new Set([...(parts?.done ?? []), parts?.open?.name]);
  const names = await readdir(staging).catch((): string[] => []); // nothing there yet
  for (const name of names) if (!kept.has(name)) await rm(join(staging, name), { force: true });
}
