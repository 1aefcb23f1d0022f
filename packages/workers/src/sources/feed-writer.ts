/**
 * Brings what user code gives on the main thread into shared memory: each logical input is copied once, in pieces of at
 * most 65,536 rows of which only the last counts as an input, checked for order, and published to every stage that
 * reads the source. The returned promises are the backpressure.
 */
import type { Fields } from '@spillway/core';
import { PipelineError } from '@spillway/core/base';
import { rowsToBatch, sliceBatch } from '@spillway/core/data';
import type { Arena, Batch, FedInput, OrderCheck } from '@spillway/core/internal';
import type { RecordBatch } from 'apache-arrow';
import type { RingProducer } from '../channels/ring.ts';
import type { ActorStatistics } from '../monitor/statistics.ts';

const PIECE_ROWS = 65_536;

export interface FeedWriterParts {
  arena: Arena;
  owner: number;
  name: string;
  fields: Fields;
  producers: readonly RingProducer[];
  statistics: ActorStatistics;
  /** Checks the ordered column, if there is one. */
  order: { column: string; check: OrderCheck } | undefined;
}

export class FeedWriter {
  readonly #parts: FeedWriterParts;
  #sequence = 0;
  #rows = 0;

  constructor(parts: FeedWriterParts) {
    this.#parts = parts;
  }

  /** Resolves when every piece of the input has found room downstream. */
  async write(input: FedInput): Promise<void> {
    const { order } = this.#parts;
    const pieces = await this.#layOut(input);
    try {
      for (let piece = pieces.shift(); piece !== undefined; piece = pieces.shift()) {
        pieces.unshift(piece);
        order?.check.check(piece.column(order.column), this.#rows);
        pieces.shift();
        await this.#publish(piece);
      }
    } finally {
      for (const piece of pieces) piece.release();
    }
  }

  end(): void {
    for (const producer of this.#parts.producers) producer.end(this.#sequence);
    this.#parts.statistics.enter('done');
  }

  async #publish(piece: Batch): Promise<void> {
    const { producers, statistics } = this.#parts;
    const { rows, logicalBytes } = piece;
    for (let extra = 1; extra < producers.length; extra += 1) piece.retain();
    const sequence = this.#sequence++;
    this.#rows += rows;
    statistics.enter('waiting for room in its output');
    await Promise.all(producers.map((producer) => producer.publish(sequence, [piece])));
    statistics.enter('working');
    statistics.countIn(rows, logicalBytes);
  }

  async #layOut(input: FedInput): Promise<Batch[]> {
    if (Array.isArray(input)) return this.#layOutRows(input);
    if (isRecordBatch(input)) return this.#fromArrow(input);
    const { arena, owner, fields } = this.#parts;
    return this.#cut(rowsToBatch(arena, owner, fields, input as Record<string, ArrayLike<unknown>>));
  }

  #layOutRows(rows: readonly Record<string, unknown>[]): Batch[] {
    const { arena, owner, fields } = this.#parts;
    const pieces: Batch[] = [];
    let from = 0;
    try {
      for (; from === 0 || from < rows.length; from += PIECE_ROWS) {
        const isLast = from + PIECE_ROWS >= rows.length;
        pieces.push(rowsToBatch(arena, owner, fields, rows.slice(from, from + PIECE_ROWS), isLast ? 1 : 0));
      }
    } catch (error) {
      for (const piece of pieces) piece.release();
      throw this.#placed(error, from);
    }
    return pieces;
  }

  async #fromArrow(input: RecordBatch): Promise<Batch[]> {
    const { arena, owner, fields } = this.#parts;
    const { arrowToBatches, loadArrow } = await import('@spillway/core/arrow');
    return arrowToBatches(await loadArrow(), arena, owner, input, fields, { maxRows: PIECE_ROWS });
  }

  /** Pieces share the slabs of the whole: nothing is copied again. */
  #cut(whole: Batch): Batch[] {
    if (whole.rows <= PIECE_ROWS) return [whole];
    const { arena, owner } = this.#parts;
    const pieces: Batch[] = [];
    for (let from = 0; from < whole.rows; from += PIECE_ROWS) {
      const rows = Math.min(PIECE_ROWS, whole.rows - from);
      pieces.push(sliceBatch(arena, owner, whole, from, rows, from + rows === whole.rows ? 1 : 0));
    }
    whole.release();
    return pieces;
  }

  /** Rows are counted from the source's first, not from the input's. */
  #placed(error: unknown, rowsBefore: number): unknown {
    if (!(error instanceof PipelineError) || error.row === undefined) return error;
    const { code, message, hint, row, column, value, expected } = error.toJSON();
    const detail = {
      stage: this.#parts.name,
      hint,
      row: (row as number) + this.#rows + rowsBefore,
      column,
      value,
      expected,
    };
    return new PipelineError(code, message, JSON.parse(JSON.stringify(detail)));
  }
}

function isRecordBatch(input: FedInput): input is RecordBatch {
  return 'numRows' in input && 'schema' in input && 'getChild' in input;
}
