/**
 * Brings what user code gives on the main thread into shared memory: each logical input is copied once, in pieces of at
 * most 65,536 rows and as many bytes as the largest batch of its edges, of which only the last counts as an input, checked for
 * order. A piece is laid out when the one before has found room, so an input of any size takes the room of one.
 */
import type { Fields } from '@spillway/core';
import { PipelineError } from '@spillway/core/base';
import { type GivenRows, RowSizes, rowsToBatch } from '@spillway/core/data';
import type { Arena, Batch, FedInput, OrderCheck, RowValues } from '@spillway/core/internal';
import type { RecordBatch } from 'apache-arrow';

const PIECE_ROWS = 65_536;

export interface PieceMakerParts {
  arena: Arena;
  name: string;
  fields: Fields;
  /** Checks the ordered column, if there is one. */
  order: { column: string; check: OrderCheck } | undefined;
  /** What an edge has room for at least. Pieces are no larger, unless it is one row. */
  largestBytes: number;
  /** Row of the whole that the first one given is. */
  firstRow?: number;
  /** Rows that are passed over: another run has taken them. */
  skipRows?: number;
}

/** A piece that is not laid out yet. */
export interface Piece {
  /** Of one row that is larger than the largest batch; else 0. */
  largeBytes: number;
  /** Row of the source that it begins with. */
  row: number;
  /** To be called once, in the order of the pieces. @throws ERR_VALUE and ERR_INPUT_UNORDERED, with rows counted from the source's first */
  layOut(owner: number): Batch;
}

/** An input that can be laid out part by part. */
interface Divisible {
  rows: number;
  given: GivenRows;
  layOut(owner: number, from: number, rows: number, inputs: number): Batch;
}

export class PieceMaker {
  readonly #parts: PieceMakerParts;
  /** Rows laid out so far. */
  #rows: number;
  #skipRows: number;

  constructor(parts: PieceMakerParts) {
    this.#parts = parts;
    this.#rows = parts.firstRow ?? 0;
    this.#skipRows = parts.skipRows ?? 0;
  }

  /** The pieces of an input. At least one, unless all of it is passed over. */
  async cut(input: FedInput): Promise<Iterable<Piece>> {
    const divisible = await this.#divisible(input);
    const skipped = Math.min(this.#skipRows, divisible.rows);
    this.#skipRows -= skipped;
    this.#rows += skipped;
    if (skipped > 0 && skipped === divisible.rows) return [];
    return this.#pieces(divisible, new RowSizes(this.#parts.fields, divisible.given), skipped);
  }

  /**
   * An input of rows or columns that is one piece, laid out at once; undefined where it is more than that, and nothing has been done.
   * @throws as `Piece.layOut`
   */
  small(input: FedInput, owner: number): Batch | undefined {
    if (this.#skipRows > 0 || isRecordBatch(input)) return undefined;
    const { arena, fields, largestBytes } = this.#parts;
    const given = input as RowValues;
    const rows = Array.isArray(given) ? given.length : lengthOf(given as Columns);
    if (rows > PIECE_ROWS) return undefined;
    const sizes = new RowSizes(fields, given);
    if (sizes.fit(0, rows, largestBytes) < rows || (rows === 1 && sizes.bytesOf(0) > largestBytes)) return undefined;
    return this.#checked(this.#placed(() => rowsToBatch(arena, owner, fields, given, 1)));
  }

  *#pieces(divisible: Divisible, sizes: RowSizes, skipped: number): Generator<Piece, void> {
    const { largestBytes } = this.#parts;
    let from = skipped;
    do {
      const first = from;
      const rows = sizes.fit(first, Math.min(divisible.rows, first + PIECE_ROWS), largestBytes);
      const inputs = first + rows === divisible.rows ? 1 : 0;
      const bytes = rows === 1 ? sizes.bytesOf(first) : 0;
      yield {
        largeBytes: bytes > largestBytes ? bytes : 0,
        row: this.#rows,
        layOut: (owner) => this.#checked(this.#placed(() => divisible.layOut(owner, first, rows, inputs))),
      };
      from += rows;
    } while (from < divisible.rows);
  }

  #checked(piece: Batch): Batch {
    const { order } = this.#parts;
    try {
      order?.check.check(piece.column(order.column), this.#rows);
    } catch (error) {
      piece.release();
      throw error;
    }
    this.#rows += piece.rows;
    return piece;
  }

  async #divisible(input: FedInput): Promise<Divisible> {
    const { arena, fields } = this.#parts;
    if (Array.isArray(input)) {
      const rows = input as readonly Record<string, unknown>[];
      return {
        rows: rows.length,
        given: rows,
        layOut: (owner, from, count, inputs) =>
          rowsToBatch(arena, owner, fields, rows.slice(from, from + count), inputs),
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
      layOut: (owner, from, count, inputs) =>
        rowsToBatch(arena, owner, fields, isWhole(count) ? columns : partOf(columns, from, count), inputs),
    };
  }

  async #divisibleArrow(input: RecordBatch): Promise<Divisible> {
    const { arena, fields } = this.#parts;
    const { arrowToBatches, loadArrow } = await import('@spillway/core/arrow');
    const arrow = await loadArrow();
    return {
      rows: input.numRows,
      given: input,
      layOut: (owner, from, count, inputs) => {
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

type Columns = Readonly<Record<string, ArrayLike<unknown> | undefined>>;

/** Of the first column: others are compared with it when they are laid out. */
function lengthOf(columns: Columns): number {
  for (const name in columns) return columns[name]?.length ?? 0;
  return 0;
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
