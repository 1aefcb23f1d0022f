/** Record batches of Arrow files: lanes claim them one by one, in parts or several together, and read them side by side. */
import { closeSync, openSync } from 'node:fs';
import type { Fields } from '@spillway/core';
import { ArrowReader, type ArrowSplit, arrowSplits } from '@spillway/core/arrow-files';
import { PipelineError } from '@spillway/core/base';
import { OrderCheck } from '@spillway/core/data';
import type { Arena, ArrowFile, Batch } from '@spillway/core/internal';
import type { SourceGate } from '../channels/source-gate.ts';
import type { LaneInput } from '../lanes/lane-loop.ts';
import type { Morsel } from '../lanes/morsel.ts';
import type { SplitBounds, SplitSource } from '../lanes/protocol.ts';

export interface ArrowInputParts {
  arena: Arena;
  source: Extract<SplitSource, { type: 'arrow' }>;
  fields: Fields;
  owner: number;
  /** By which splits are claimed. */
  gate: SourceGate;
  /** Told of every split when the source is ordered. */
  onSplit(bounds: SplitBounds): void;
}

export class ArrowInput implements LaneInput {
  readonly edge = -1;
  readonly #parts: ArrowInputParts;
  readonly #splits: ArrowSplit[];
  readonly #reader: ArrowReader;
  #open: { path: string; fd: number } | undefined;

  constructor(parts: ArrowInputParts) {
    this.#parts = parts;
    const { arena, owner, fields, source, gate } = parts;
    const { rowsBefore = 0, isOpen = false } = source;
    this.#splits = arrowSplits(source.files, rowsBefore);
    gate.setTotal(this.#splits.length);
    const rows = isOpen ? Number.POSITIVE_INFINITY : source.files.reduce((sum, file) => sum + file.rows, rowsBefore);
    this.#reader = new ArrowReader({ arena, owner, fields, batchRows: source.batchRows, rows });
  }

  async next(): Promise<Morsel | undefined> {
    const { gate, source } = this.#parts;
    const sequence = gate.claim();
    const passed = gate.pass(sequence);
    if (passed !== undefined) await passed;
    const split = this.#splits[sequence];
    if (split === undefined) {
      await gate.end();
      return undefined;
    }
    const file = source.files[split.file] as ArrowFile;
    const batches = gate.isEnough() ? [] : this.#reader.read(file, this.#fileOf(file.path), split);
    try {
      this.#verify(sequence, file, split, batches);
    } catch (error) {
      for (const batch of batches) batch.release();
      throw error;
    }
    const bytes = Math.round((file.bytes * split.rows) / Math.max(1, file.rows));
    return { sequence, batches, bytes, origin: { file: file.called ?? file.path, row: split.fileRow } };
  }

  done(): void {
    this.#parts.gate.countDone();
  }

  total(): number {
    return this.#splits.length;
  }

  close(): void {
    this.#reader.close();
    if (this.#open !== undefined) closeSync(this.#open.fd);
    this.#open = undefined;
  }

  #fileOf(path: string): { path: string; fd: number } {
    if (this.#open?.path === path) return this.#open;
    if (this.#open !== undefined) closeSync(this.#open.fd);
    this.#open = undefined;
    try {
      this.#open = { path, fd: openSync(path, 'r') };
      return this.#open;
    } catch (cause) {
      throw new PipelineError('ERR_IO', `${path}: ${(cause as Error).message}`, {
        file: path,
        cause,
        hint: 'it was there when the run was planned: run again when nothing changes the files',
      });
    }
  }

  /** @throws ERR_INPUT_UNORDERED naming file, row and both values */
  #verify(sequence: number, file: ArrowFile, { fileRow }: ArrowSplit, batches: readonly Batch[]): void {
    const { arena, source, fields } = this.#parts;
    const field = fields.find(({ name }) => name === source.orderedOn);
    if (field === undefined) return;
    const order = new OrderCheck(arena, field.name, field.type, file.called ?? file.path);
    let row = fileRow;
    for (const batch of batches) {
      order.check(batch.column(field.name), row);
      row += batch.rows;
    }
    const at = { file: file.called ?? file.path, row: fileRow };
    this.#parts.onSplit({ split: sequence, first: order.first, last: order.last, at });
  }
}
