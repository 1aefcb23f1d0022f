/**
 * What user code gives back, checked against the declared columns and brought into shared memory: record batches, plain
 * columns, or several of these. Columns that still are the ones of the input batch are shared instead of copied.
 */
import type { RecordBatch } from 'apache-arrow';
import { arrowToBatches } from '../batch/arrow-to-batches.ts';
import type { Batch, Column } from '../batch/contract.ts';
import { cutBatch } from '../batch/cut-batch.ts';
import { floorBytes } from '../batch/largest-batch.ts';
import { makeBatch } from '../batch/make-batch.ts';
import { copyIn, type PlainColumn } from '../batch/plain-batch.ts';
import { type GivenRows, RowSizes, rowTooLarge } from '../batch/row-sizes.ts';
import { rowsToBatch } from '../batch/rows-to-batch.ts';
import { wholeColumns, wholeToBatch } from '../batch/whole-columns.ts';
import { PipelineError } from '../errors.ts';
import { kernelTypeOf } from '../expressions/step.ts';
import type { Arena } from '../memory/contract.ts';
import { typeFromArrow } from '../schema/arrow-schema.ts';
import { findField } from '../schema/fields.ts';
import type { ArrowModule } from '../schema/load-arrow.ts';
import { KERNEL_TYPE_ARRAYS, type TypedArray } from '../schema/number-types.ts';
import { parseType } from '../schema/parse-type.ts';
import type { ColumnsRecord, FieldSpec, Fields } from '../schema/types.ts';
import { PIECE_ROWS } from './held-batches.ts';
import type { OpResult } from './op-definition.ts';

/** For whom results are taken in. */
export interface ResultTarget {
  arrow: ArrowModule;
  arena: Arena;
  owner: number;
  /** Name of the op's stage, for errors. */
  name: string;
  fields: Fields;
  /** Columns that plain columns leave out are those of the input batch (`output: 'same'`). */
  keepsInput: boolean;
}

/** The batch that user code was given, and the view of it that it got. */
export interface GivenBatch {
  batch: Batch;
  view: RecordBatch;
}

function refuse(
  target: ResultTarget,
  column: string | undefined,
  expected: string,
  got: string,
  cause?: unknown,
): PipelineError {
  const where = column === undefined ? '' : `, column "${column}"`;
  return new PipelineError('ERR_OP_OUTPUT', `result of op "${target.name}"${where}: expected ${expected}, got ${got}`, {
    stage: target.name,
    ...(column !== undefined && { column }),
    expected,
    value: got,
    hint: "return the columns that the op declares in `output` (or 'same' with `adds`), with their types and equal lengths",
    ...(cause !== undefined && { cause }),
  });
}

function isRecordBatch(value: object): value is RecordBatch {
  return 'schema' in value && 'numRows' in value && 'data' in value;
}

/**
 * Batches of at most `PIECE_ROWS` rows, in order, none of which ends a logical input; no empty ones.
 * @throws ERR_OP_OUTPUT naming op, column, what was expected and what came; nothing stays allocated then
 */
export function takeResult(target: ResultTarget, result: OpResult, given: GivenBatch | undefined): Batch[] {
  if (result === null || result === undefined) return [];
  const parts = Array.isArray(result) ? (result as readonly unknown[]) : [result];
  const largestBytes = floorBytes(target.fields, PIECE_ROWS);
  const taken: Batch[] = [];
  try {
    for (const part of parts) {
      if (typeof part !== 'object' || part === null)
        throw refuse(target, undefined, 'a RecordBatch or an object of columns', describe(part));
      for (const batch of takePart(target, part, given)) {
        if (batch.rows > 0) taken.push(...cutBatch(target.arena, target.owner, batch, PIECE_ROWS, largestBytes));
        else batch.release();
      }
    }
  } catch (error) {
    for (const batch of taken) batch.release();
    throw error;
  }
  return taken;
}

function describe(value: unknown): string {
  return value === null ? 'null' : Array.isArray(value) ? 'an array' : `${typeof value} ${String(value).slice(0, 40)}`;
}

function takePart(target: ResultTarget, part: object, given: GivenBatch | undefined): Batch[] {
  try {
    return isRecordBatch(part)
      ? takeRecordBatch(target, part, given)
      : [takeColumns(target, part as ColumnsRecord, given)];
  } catch (error) {
    throw isFull(error) ? (largeRow(target, part) ?? error) : error;
  }
}

function isFull(error: unknown): boolean {
  return error instanceof PipelineError && error.code === 'ERR_MEMORY_EXHAUSTED';
}

/** The refusal of the result's first row that there can never be room for, if there is one. */
function largeRow({ arena, fields, name }: ResultTarget, part: object): PipelineError | undefined {
  const given = part as GivenRows;
  const rows = isRecordBatch(part) ? part.numRows : (Object.values(part as ColumnsRecord)[0]?.length ?? 0);
  const sizes = new RowSizes(fields, given);
  for (let row = 0; row < rows; row++) {
    const bytes = sizes.bytesOf(row);
    if (bytes > arena.limit()) return rowTooLarge(name, row, bytes, arena.limit());
  }
}

function takeRecordBatch(target: ResultTarget, part: RecordBatch, given: GivenBatch | undefined): Batch[] {
  const { arena, owner, fields } = target;
  checkSchema(target, part);
  if (part === given?.view) return [makeBatch(arena, owner, fields, pick(given.batch, fields), given.batch.rows, 0)];
  try {
    const options = { maxRows: PIECE_ROWS, inputs: 0, ...(given !== undefined && { borrowed: given.batch }) };
    return arrowToBatches(target.arrow, arena, owner, part, fields, options);
  } catch (error) {
    throw asOutputError(target, error);
  }
}

/** Columns of a batch in the order of other fields, which it has all of. */
function pick(batch: Batch, fields: Fields): Column[] {
  return fields.map((field) => batch.column(field.name));
}

/** Names and types of a record batch are exactly the declared ones, in any order. */
function checkSchema(target: ResultTarget, part: RecordBatch): void {
  const { fields } = part.schema;
  for (const field of fields) {
    if (findField(target.fields, field.name) < 0) throw refuse(target, field.name, 'no such column', 'one more column');
  }
  for (const field of target.fields) {
    const found = fields.find((candidate) => candidate.name === field.name);
    if (found === undefined) throw refuse(target, field.name, field.type, 'no such column');
    const type = typeFromArrow(found.type, field.name);
    const isText = parseType(type).domain === 'utf8' && parseType(field.type).domain === 'utf8';
    if (type !== field.type && !isText) throw refuse(target, field.name, field.type, type);
  }
}

function asOutputError(target: ResultTarget, error: unknown): unknown {
  if (!(error instanceof PipelineError) || error.code === 'ERR_MEMORY_EXHAUSTED') return error;
  return refuse(
    target,
    error.column,
    error.expected ?? 'a value of the declared type',
    error.value ?? error.message,
    error,
  );
}

/** The values as bytes when they are a typed array of exactly the column's storage. */
function sameStorage(field: FieldSpec, values: unknown): TypedArray | undefined {
  const { physical, domain } = parseType(field.type);
  if (physical !== 'fixed' || domain === 'opaque') return undefined;
  return values instanceof KERNEL_TYPE_ARRAYS[kernelTypeOf(field.type)] ? values : undefined;
}

/** The input's column whose values a typed array is a view of, without its nulls: the array cannot say them. */
function sharedColumn(
  target: ResultTarget,
  field: FieldSpec,
  values: TypedArray,
  given: GivenBatch | undefined,
): Column | undefined {
  if (given === undefined || values.buffer !== target.arena.buffer) return undefined;
  const column = given.batch.columns.find(
    (candidate) => candidate.values === values.byteOffset && candidate.length === values.length,
  );
  return column === undefined || kernelTypeOf(column.type) !== kernelTypeOf(field.type)
    ? undefined
    : { ...column, type: field.type, nullCount: 0, validity: 0 };
}

/** A column that needs no conversion: the input's own, or bytes to copy. Undefined: values to convert one by one. */
function readyColumn(
  target: ResultTarget,
  field: FieldSpec,
  values: unknown,
  given: GivenBatch | undefined,
): Column | PlainColumn | undefined {
  const array = sameStorage(field, values);
  if (array === undefined) return undefined;
  const shared = sharedColumn(target, field, array, given);
  if (shared !== undefined) return shared;
  const bytes = new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
  return { type: field.type, length: array.length, nullCount: 0, values: bytes };
}

function isShared(column: Column | PlainColumn): column is Column {
  return 'slabs' in column;
}

function takeColumns(target: ResultTarget, record: ColumnsRecord, given: GivenBatch | undefined): Batch {
  const whole = wholeColumns(target.fields, record);
  // Views of the input are not copied: see below.
  if (whole?.every(({ buffer }) => buffer !== target.arena.buffer))
    return wholeToBatch(target.arena, target.owner, target.fields, whole, 0);
  const rows = checkColumns(target, record, given);
  const ready = new Map<string, Column | PlainColumn>();
  const converted: Record<string, ArrayLike<unknown>> = {};
  for (const field of target.fields) {
    const values = record[field.name];
    const column = values === undefined ? given?.batch.column(field.name) : readyColumn(target, field, values, given);
    if (column !== undefined) ready.set(field.name, column);
    else converted[field.name] = values as ArrayLike<unknown>;
  }
  return assemble(target, rows, ready, converted);
}

/** All columns are there and as long as each other. Returns the number of rows. */
function checkColumns(target: ResultTarget, record: ColumnsRecord, given: GivenBatch | undefined): number {
  for (const name of Object.keys(record)) {
    if (findField(target.fields, name) < 0) throw refuse(target, name, 'no such column', 'one more column');
  }
  let rows: number | undefined;
  let first = '';
  for (const field of target.fields) {
    const values: unknown = record[field.name];
    const isKept =
      values === undefined &&
      target.keepsInput &&
      given !== undefined &&
      findField(given.batch.fields, field.name) >= 0;
    const isArray = Array.isArray(values) || (ArrayBuffer.isView(values) && !(values instanceof DataView));
    if (!isKept && !isArray)
      throw refuse(
        target,
        field.name,
        `an array for ${field.type}`,
        values === undefined ? 'no such column' : describe(values),
      );
    const length = isKept ? given.batch.rows : (values as ArrayLike<unknown>).length;
    if (rows !== undefined && length !== rows)
      throw refuse(target, field.name, `${rows} values, as in "${first}"`, `${length}`);
    if (rows === undefined) [rows, first] = [length, field.name];
  }
  return rows ?? 0;
}

function assemble(
  target: ResultTarget,
  rows: number,
  ready: ReadonlyMap<string, Column | PlainColumn>,
  values: Record<string, ArrayLike<unknown>>,
): Batch {
  const { arena, owner, fields } = target;
  const parts: Batch[] = [];
  try {
    const convertedFields = fields.filter((field) => !ready.has(field.name));
    const plainFields = fields.filter((field) => ready.has(field.name) && !isShared(ready.get(field.name) as Column));
    if (convertedFields.length > 0) parts.push(rowsToBatch(arena, owner, convertedFields, values, 0));
    const plain = plainFields.map((field) => ready.get(field.name) as PlainColumn);
    if (plain.length > 0) parts.push(copyIn(arena, owner, { fields: plainFields, rows, inputs: 0, columns: plain }));
    const [only] = parts;
    if (parts.length === 1 && only?.fields.length === fields.length) return only.retain();
    const made = new Map(
      parts.flatMap((part) => part.fields.map((field) => [field.name, part.column(field.name)] as const)),
    );
    const columns = fields.map((field) => made.get(field.name) ?? (ready.get(field.name) as Column));
    return makeBatch(arena, owner, fields, columns, rows, 0);
  } catch (error) {
    throw asOutputError(target, error);
  } finally {
    for (const part of parts) part.release();
  }
}
