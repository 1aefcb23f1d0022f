/** Chunks of text files: lanes claim them one by one, read and parse them side by side, and agree on where their rows start. */
import { closeSync, openSync } from 'node:fs';
import type { Fields } from '@spillway/core';
import { PipelineError } from '@spillway/core/base';
import { OrderCheck } from '@spillway/core/data';
import type { Arena, Batch, Ptr, TextFile } from '@spillway/core/internal';
import {
  type BadRow,
  CHUNK_BYTES,
  type ChunkStart,
  describeBadRow,
  rowPlaces,
  TextChunkReader,
} from '@spillway/core/text';
import type { SourceGate } from '../channels/source-gate.ts';
import type { LeftOutRow } from '../coordinator/bad-rows.ts';
import type { LaneInput } from '../lanes/lane-loop.ts';
import type { Morsel } from '../lanes/morsel.ts';
import type { SplitBounds, SplitSource } from '../lanes/protocol.ts';
import { ChunkChain } from './chunk-chain.ts';

export interface TextInputParts {
  arena: Arena;
  source: Extract<SplitSource, { type: 'text' }>;
  fields: Fields;
  owner: number;
  lane: number;
  /** By which chunks are claimed. */
  gate: SourceGate;
  /** Of `CHAIN_BYTES`. */
  chain: Ptr;
  signal: AbortSignal;
  /** Told of the rows of a chunk that were left out. */
  onBadRows(chunk: number, rows: LeftOutRow[]): void;
  /** Told of every chunk with rows when the source is ordered. */
  onSplit(bounds: SplitBounds): void;
}

/** A file's first chunk, counted over all files. */
interface FileChunks {
  file: TextFile;
  firstChunk: number;
}

/** Instead of the place where a chunk starts: the one before it was not read, because nothing more is needed. */
const LEFT_OUT = -1;

export class TextInput implements LaneInput {
  readonly edge = -1;
  readonly #parts: TextInputParts;
  readonly #files: FileChunks[] = [];
  readonly #chunks: number;
  readonly #chain: ChunkChain;
  readonly #reader: TextChunkReader;
  readonly #skips: boolean;
  /** Of the chunk at work. */
  #bad: BadRow[] = [];
  #open: { path: string; fd: number } | undefined;

  /** @throws ERR_MEMORY_EXHAUSTED */
  constructor(parts: TextInputParts) {
    this.#parts = parts;
    const { arena, owner, fields, source } = parts;
    let chunks = 0;
    let width = fields.length;
    for (const file of source.files) {
      this.#files.push({ file, firstChunk: chunks });
      chunks += Math.ceil((file.bytes - file.dataStart) / CHUNK_BYTES);
      width = Math.max(width, rowPlaces(file, source.format));
    }
    this.#chunks = chunks;
    parts.gate.setTotal(chunks);
    const { format, batchRows } = source;
    this.#skips = format.onBadRow !== 'error';
    const onBadRow = (row: BadRow): void => void this.#bad.push(row);
    this.#reader = new TextChunkReader({
      ...{ arena, owner, fields, format, width, batchRows },
      ...(this.#skips && { onBadRow }),
    });
    this.#chain = new ChunkChain(arena, parts.chain, parts.lane, parts.signal);
  }

  async next(): Promise<Morsel | undefined> {
    const { gate } = this.#parts;
    const chunk = this.#chain.claim(gate);
    const passed = gate.pass(chunk);
    if (passed !== undefined) await passed;
    if (chunk >= this.#chunks) {
      this.#chain.rest();
      await gate.end();
      return undefined;
    }
    try {
      const morsel = await this.#read(chunk);
      this.#chain.rest();
      return morsel;
    } catch (error) {
      await this.#chain.failAt(chunk);
      throw error;
    }
  }

  done(): void {
    this.#parts.gate.countDone();
  }

  total(): number {
    return this.#chunks;
  }

  close(): void {
    this.#chain.close();
    this.#reader.close();
    if (this.#open !== undefined) closeSync(this.#open.fd);
  }

  async #read(chunk: number): Promise<Morsel> {
    const { file, firstChunk } = this.#files.findLast((candidate) => candidate.firstChunk <= chunk) as FileChunks;
    const from = file.dataStart + (chunk - firstChunk) * CHUNK_BYTES;
    const to = Math.min(file.bytes, from + CHUNK_BYTES);
    const { source, gate } = this.#parts;
    if (gate.isEnough()) return this.#leaveOut(chunk, await this.#chain.startOf(chunk, source.rowsBefore ?? 0));
    this.#reader.load({ file, fd: this.#descriptorOf(file.unpacked ?? file.path), from, to });
    const before = await this.#chain.startOf(chunk, source.rowsBefore ?? 0);
    // Only after a restart: all that was needed had come before the barrier.
    if (before.at === LEFT_OUT) return this.#leaveOut(chunk, before);
    const start: ChunkStart =
      chunk === firstChunk
        ? { at: file.dataStart, sourceRow: before.sourceRow, fileRow: file.rowsBefore ?? 0, line: file.headLines }
        : before;
    this.#chain.publish(chunk + 1, this.#reader.settle(start, this.#skips));
    const batches = this.#reader.batches(chunk === this.#chunks - 1 && source.isOpen !== true);
    try {
      this.#tellBad(chunk);
      this.#verify(chunk, file, start, batches);
    } catch (error) {
      for (const batch of batches) batch.release();
      throw error;
    }
    return { sequence: chunk, batches, bytes: to - from, origin: { file: file.path, row: start.fileRow } };
  }

  /** Nobody needs the rows of this chunk, nor of any later one. Where those start is not known any more. */
  #leaveOut(chunk: number, before: ChunkStart): Morsel {
    this.#chain.publish(chunk + 1, { ...before, at: LEFT_OUT });
    return { sequence: chunk, batches: [] };
  }

  /** @throws ERR_FILE_FORMAT when there are too many */
  #tellBad(chunk: number): void {
    const rows = this.#bad;
    if (rows.length === 0) return;
    this.#bad = [];
    const { format } = this.#parts.source;
    const count = this.#chain.countBad(rows.length);
    const told = rows.map((bad): LeftOutRow => {
      const { file, line, text } = bad;
      return { file, line, reason: describeBadRow(bad), ...(text !== undefined && { text }) };
    });
    this.#parts.onBadRows(chunk, told);
    if (count <= format.maxBadRows) return;
    const last = rows.at(-1) as BadRow;
    throw new PipelineError(
      'ERR_FILE_FORMAT',
      `more than ${format.maxBadRows} rows are bad; ${last.file}, line ${last.line}: ${describeBadRow(last)}`,
      {
        file: last.file,
        row: last.row,
        hint: 'check delimiter, quote and schema, or raise maxBadRows',
      },
    );
  }

  #descriptorOf(path: string): number {
    if (this.#open?.path === path) return this.#open.fd;
    if (this.#open !== undefined) closeSync(this.#open.fd);
    this.#open = undefined;
    try {
      this.#open = { path, fd: openSync(path, 'r') };
    } catch (cause) {
      throw new PipelineError('ERR_IO', `${path}: ${(cause as Error).message}`, {
        file: path,
        cause,
        hint: 'it was there when the run was planned: run again when nothing changes the files',
      });
    }
    return this.#open.fd;
  }

  /** @throws ERR_INPUT_UNORDERED naming file, row and both values */
  #verify(chunk: number, file: TextFile, start: ChunkStart, batches: readonly Batch[]): void {
    const { arena, source, fields } = this.#parts;
    const field = fields.find((candidate) => candidate.name === source.orderedOn);
    if (field === undefined) return;
    const order = new OrderCheck(arena, field.name, field.type, file.path);
    let row = start.fileRow;
    for (const batch of batches) {
      order.check(batch.column(field.name), row);
      row += batch.rows;
    }
    this.#parts.onSplit({
      split: chunk,
      first: order.first,
      last: order.last,
      at: { file: file.path, row: start.fileRow },
    });
  }
}
