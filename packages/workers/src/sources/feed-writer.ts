/**
 * Brings what user code gives on the main thread into shared memory: each logical input is copied once, in pieces of at
 * most 65,536 rows and as many bytes as the largest batch of its edges, of which only the last counts as an input, checked for
 * order, and published to every stage that reads the source. A piece is laid out when the one before has found room, so an
 * input of any size takes the room of one. The returned promises are the backpressure.
 */
import type { Fields } from '@spillway/core';
import { PipelineError } from '@spillway/core/base';
import { type GivenRows, RowSizes, rowsToBatch, rowTooLarge } from '@spillway/core/data';
import type { Arena, Batch, FedInput, MaybePromise, OrderCheck } from '@spillway/core/internal';
import type { RecordBatch } from 'apache-arrow';
import type { RingProducer } from '../channels/ring.ts';
import type { ActorStatistics } from '../monitor/statistics.ts';
import { type RowLease, until, untilRoom } from './row-lease.ts';

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
  /** Waits while what the program makes fills this thread's part of the limit. */
  room(): MaybePromise;
  /** What an edge has room for at least. Pieces are no larger, unless it is one row. */
  largestBytes: number;
  /** The run's, for larger rows. */
  lease: RowLease;
  /** Whether everything published has been taken. */
  isDrained(): boolean;
  signal: AbortSignal;
}

/** An input that can be laid out part by part. */
interface Divisible {
  rows: number;
  given: GivenRows;
  layOut(from: number, rows: number, inputs: number): Batch;
}

export class FeedWriter {
  readonly #parts: FeedWriterParts;
  #sequence = 0;
  #rows = 0;

  constructor(parts: FeedWriterParts) {
    this.#parts = parts;
  }

  /**
   * Resolves when every piece of the input has found room downstream.
   * @throws ERR_ROW_TOO_LARGE, and what is wrong with its values
   */
  async write(input: FedInput): Promise<void> {
    const room = this.#parts.room();
    if (room !== undefined) await room;
    const divisible = await this.#divisible(input);
    const sizes = new RowSizes(this.#parts.fields, divisible.given);
    const { largestBytes } = this.#parts;
    let from = 0;
    do {
      const rows = sizes.fit(from, Math.min(divisible.rows, from + PIECE_ROWS), largestBytes);
      const inputs = from + rows === divisible.rows ? 1 : 0;
      const layOut = (): Batch => this.#placed(() => divisible.layOut(from, rows, inputs));
      const bytes = rows === 1 ? sizes.bytesOf(from) : 0;
      if (bytes > largestBytes) await this.#publishLarge(layOut, bytes);
      else await this.#publish(layOut());
      from += rows;
    } while (from < divisible.rows);
  }

  end(): void {
    for (const producer of this.#parts.producers) producer.end(this.#sequence);
    this.#parts.statistics.enter('done');
  }

  /** One row that no floor covers. */
  async #publishLarge(layOut: () => Batch, bytes: number): Promise<void> {
    const { arena, lease, name, signal, statistics, isDrained } = this.#parts;
    if (bytes > arena.limit()) throw rowTooLarge(name, this.#rows, bytes, arena.limit());
    statistics.enter('waiting for room in its output');
    await lease.exclusive(async () => {
      const hasRoom = await untilRoom(arena, bytes, signal);
      if (!hasRoom) throw rowTooLarge(name, this.#rows, bytes, arena.limit() - arena.usedBytes());
      await this.#publish(layOut());
      await until(isDrained, signal);
    });
    statistics.enter('working');
  }

  async #publish(piece: Batch): Promise<void> {
    const { order, producers, statistics } = this.#parts;
    try {
      order?.check.check(piece.column(order.column), this.#rows);
    } catch (error) {
      piece.release();
      throw error;
    }
    const { rows, logicalBytes } = piece;
    for (let extra = 1; extra < producers.length; extra += 1) piece.retain();
    const sequence = this.#sequence++;
    this.#rows += rows;
    statistics.enter('waiting for room in its output');
    await Promise.all(producers.map((producer) => producer.publish(sequence, [piece])));
    statistics.enter('working');
    statistics.countIn(rows, logicalBytes);
  }

  async #divisible(input: FedInput): Promise<Divisible> {
    const { arena, owner, fields } = this.#parts;
    if (Array.isArray(input)) {
      const rows = input as readonly Record<string, unknown>[];
      return {
        rows: rows.length,
        given: rows,
        layOut: (from, count, inputs) => rowsToBatch(arena, owner, fields, rows.slice(from, from + count), inputs),
      };
    }
    if (isRecordBatch(input)) return this.#divisibleArrow(input);
    const columns = input as Record<string, ArrayLike<unknown>>;
    const lengths = Object.values(columns).map((values) => (values as ArrayLike<unknown> | undefined)?.length ?? 0);
    const [rows = 0] = lengths;
    // Columns that do not fit together are refused by name when they are laid out as they came.
    const isWhole = (count: number): boolean => count === rows || lengths.some((length) => length !== rows);
    return {
      rows,
      given: columns,
      layOut: (from, count, inputs) =>
        rowsToBatch(arena, owner, fields, isWhole(count) ? columns : partOf(columns, from, count), inputs),
    };
  }

  async #divisibleArrow(input: RecordBatch): Promise<Divisible> {
    const { arena, owner, fields } = this.#parts;
    const { arrowToBatches, loadArrow } = await import('@spillway/core/arrow');
    const arrow = await loadArrow();
    return {
      rows: input.numRows,
      given: input,
      layOut: (from, count, inputs) => {
        const part = count === input.numRows ? input : input.slice(from, from + count);
        return arrowToBatches(arrow, arena, owner, part, fields, { inputs })[0] as Batch;
      },
    };
  }

  /** Rows are counted from the source's first, not from the piece's. */
  #placed(layOut: () => Batch): Batch {
    try {
      return layOut();
    } catch (error) {
      if (!(error instanceof PipelineError) || error.row === undefined) throw error;
      const { code, message, hint, row, column, value, expected } = error.toJSON();
      const detail = { stage: this.#parts.name, hint, row: (row as number) + this.#rows, column, value, expected };
      throw new PipelineError(code, message, JSON.parse(JSON.stringify(detail)));
    }
  }
}

/** Some rows of plain columns; typed arrays are not copied. */
function partOf(
  columns: Readonly<Record<string, ArrayLike<unknown>>>,
  from: number,
  rows: number,
): Record<string, ArrayLike<unknown>> {
  return Object.fromEntries(
    Object.entries(columns).map(([name, values]) => {
      const isTyped = ArrayBuffer.isView(values) && 'subarray' in values;
      const array = values as unknown as unknown[] & Uint8Array;
      return [name, isTyped ? array.subarray(from, from + rows) : array.slice(from, from + rows)];
    }),
  );
}

function isRecordBatch(input: FedInput): input is RecordBatch {
  return 'numRows' in input && 'schema' in input && 'getChild' in input;
}
