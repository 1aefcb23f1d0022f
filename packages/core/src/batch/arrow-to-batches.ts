/**
 * From apache-arrow into shared memory: which columns are taken, where record batches are cut, and what need not be copied
 * because user code hands back what it was lent. How a column is read is in `arrow-column.ts`.
 */
import type * as Arrow from 'apache-arrow';
import { PipelineError } from '../errors.ts';
import type { Arena } from '../memory/contract.ts';
import { typeFromArrow } from '../schema/arrow-schema.ts';
import type { ArrowModule } from '../schema/load-arrow.ts';
import { nameHint } from '../schema/nearest-name.ts';
import { isText } from '../schema/parse-type.ts';
import type { FieldSpec, Fields } from '../schema/types.ts';
import { ArrowColumnReader } from './arrow-column.ts';
import type { Batch, Column } from './contract.ts';
import { emptyBatch, makeBatch } from './make-batch.ts';
import { copyIn, type PlainColumn } from './plain-batch.ts';

export interface FromArrowOptions {
  /** Larger record batches are cut; only the last piece ends the logical input. */
  maxRows?: number;
  /** Logical inputs that the whole of it ends. Default 1. */
  inputs?: number;
  /** A batch whose columns may come back unchanged in the data: those are shared, not copied. */
  borrowed?: Batch;
}

/** Where each field is in the data. */
function matchColumns(schema: Arrow.Schema, fields: Fields): number[] {
  return fields.map((field) => {
    const index = schema.fields.findIndex((candidate) => candidate.name === field.name);
    const found = schema.fields[index];
    if (found === undefined) {
      throw new PipelineError('ERR_COLUMN_UNKNOWN', `the Arrow data has no column "${field.name}"`, {
        column: field.name,
        hint: nameHint(
          field.name,
          schema.fields.map((candidate) => candidate.name),
        ),
      });
    }
    const type = typeFromArrow(found.type as Arrow.DataType, field.name);
    if (type === field.type || (isText(type) && isText(field.type))) return index;
    throw new PipelineError('ERR_SCHEMA', `column "${field.name}" of the Arrow data is ${type}, not ${field.type}`, {
      column: field.name,
      value: type,
      expected: field.type,
      hint: `declare the column as ${type}, or convert it`,
    });
  });
}

function checkNulls(field: FieldSpec, column: PlainColumn, from: number): void {
  if (column.nullCount === 0 || field.nullable) return;
  const row = column.validity === undefined ? 0 : column.validity.findIndex((byte) => byte !== 0xff) * 8;
  throw new PipelineError(
    'ERR_VALUE',
    `column "${field.name}" has ${column.nullCount} nulls from row ${from + row} on, and is not nullable`,
    {
      column: field.name,
      row: from + row,
      value: 'null',
      expected: field.type,
      hint: 'make the column nullable, or drop the nulls',
    },
  );
}

/** The column of `borrowed` whose buffers the data still is, if any. */
function findBorrowed(
  arena: Arena,
  data: Arrow.Data,
  field: FieldSpec,
  borrowed: Batch | undefined,
): Column | undefined {
  const values = data.values as ArrayBufferView | undefined;
  if (borrowed === undefined || values?.buffer !== arena.buffer || data.offset !== 0) return undefined;
  return borrowed.columns.find((column) => {
    const sameOffsets =
      data.valueOffsets === undefined || (data.valueOffsets as ArrayBufferView).byteOffset === column.offsets;
    return (
      column.type === field.type &&
      column.length === data.length &&
      column.values === values.byteOffset &&
      column.nullCount === data.nullCount &&
      sameOffsets
    );
  });
}

class Importer {
  readonly #arena: Arena;
  readonly #owner: number;
  readonly #fields: Fields;
  readonly #reader: ArrowColumnReader;

  constructor(arrow: ArrowModule, arena: Arena, owner: number, fields: Fields) {
    this.#arena = arena;
    this.#owner = owner;
    this.#fields = fields;
    this.#reader = new ArrowColumnReader((data) => new arrow.Vector([data]));
  }

  /** Rows of a record batch, copied. */
  piece(source: Arrow.RecordBatch, indices: readonly number[], from: number, rows: number, inputs: number): Batch {
    const columns = this.#fields.map((field, position) =>
      this.#readColumn(source, field, indices[position] as number, from, rows),
    );
    return copyIn(this.#arena, this.#owner, { fields: this.#fields, rows, inputs, columns });
  }

  /** A whole record batch, sharing what it still has of `borrowed`. */
  whole(source: Arrow.RecordBatch, indices: readonly number[], inputs: number, borrowed: Batch | undefined): Batch {
    const shared = this.#fields.map((field, position) =>
      findBorrowed(this.#arena, childData(source, indices[position] as number), field, borrowed),
    );
    if (shared.every((column) => column === undefined)) return this.piece(source, indices, 0, source.numRows, inputs);
    const missing = this.#fields.filter((_, position) => shared[position] === undefined);
    const columns = missing.map((field) =>
      this.#readColumn(source, field, indices[this.#fields.indexOf(field)] as number, 0, source.numRows),
    );
    const copied = copyIn(this.#arena, this.#owner, { fields: missing, rows: source.numRows, inputs, columns });
    let next = 0;
    const all = shared.map((column) => column ?? (copied.columns[next++] as Column));
    try {
      return makeBatch(this.#arena, this.#owner, this.#fields, all, source.numRows, inputs);
    } finally {
      copied.release();
    }
  }

  #readColumn(source: Arrow.RecordBatch, field: FieldSpec, index: number, from: number, rows: number): PlainColumn {
    const column = this.#reader.read(field.name, childData(source, index), field.type, { from, rows });
    checkNulls(field, column, from);
    return column;
  }
}

function childData(source: Arrow.RecordBatch, index: number): Arrow.Data {
  return source.data.children[index] as Arrow.Data;
}

/**
 * Batches in shared memory from a `RecordBatch` or a `Table` (of any copy of apache-arrow). Columns are found by name;
 * others are left out. What it gives is one logical input, however many pieces it is cut into.
 * @throws ERR_COLUMN_UNKNOWN, ERR_SCHEMA or ERR_TYPE_UNSUPPORTED naming the column; ERR_VALUE for nulls in a column that is
 * not nullable and for malformed data; ERR_MEMORY_EXHAUSTED. Nothing stays allocated then.
 */
export function arrowToBatches(
  arrow: ArrowModule,
  arena: Arena,
  owner: number,
  source: Arrow.RecordBatch | Arrow.Table,
  fields: Fields,
  options: FromArrowOptions = {},
): Batch[] {
  const { maxRows = Infinity, inputs = 1, borrowed } = options;
  const indices = matchColumns(source.schema as Arrow.Schema, fields);
  const parts = ('batches' in source ? source.batches : [source]).filter((part) => part.numRows > 0);
  const importer = new Importer(arrow, arena, owner, fields);
  const made: Batch[] = [];
  try {
    parts.forEach((part, index) => {
      const isLastPart = index === parts.length - 1;
      if (part.numRows <= maxRows) made.push(importer.whole(part, indices, isLastPart ? inputs : 0, borrowed));
      else {
        for (let from = 0; from < part.numRows; from += maxRows) {
          const rows = Math.min(maxRows, part.numRows - from);
          made.push(importer.piece(part, indices, from, rows, isLastPart && from + rows === part.numRows ? inputs : 0));
        }
      }
    });
  } catch (error) {
    for (const batch of made) batch.release();
    throw error;
  }
  return made.length > 0 ? made : [emptyBatch(arena, owner, fields, inputs)];
}
