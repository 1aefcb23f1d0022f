/**
 * Values of the reference executor: integers, dates, times and decimals as bigints in the unit of their type, floats as
 * numbers, the rest as what JavaScript has for it. Rows are arrays in the order of the columns.
 */
import type { Data, RecordBatch } from 'apache-arrow';
import { ArrowColumnReader } from '../../batch/arrow-column.ts';
import { plainToArrow } from '../../batch/batch-to-arrow.ts';
import type { LentBatch } from '../../batch/lent-batch.ts';
import type { PlainColumn } from '../../batch/plain-batch.ts';
import { decimalText } from '../../batch/read-values.ts';
import { toDecimal, toTemporal } from '../../batch/write-values.ts';
import { PipelineError } from '../../errors.ts';
import type { ArrowModule } from '../../schema/load-arrow.ts';
import { parseType } from '../../schema/parse-type.ts';
import type { ColumnsRecord, FieldSpec, Fields, ParsedType, TypeText } from '../../schema/types.ts';
import type { FedInput } from '../endpoints-contract.ts';

export type Value = bigint | number | boolean | string | Uint8Array | null | readonly Value[];
export type Row = readonly Value[];

/** Range of an integer type. */
export function integerRange(type: TypeText): [bigint, bigint] {
  const { domain, byteWidth } = parseType(type);
  const bits = BigInt(byteWidth * 8);
  return domain === 'uint' ? [0n, (1n << bits) - 1n] : [-(1n << (bits - 1n)), (1n << (bits - 1n)) - 1n];
}

function toInteger(parsed: ParsedType, given: unknown): bigint | undefined {
  const isWhole = typeof given === 'bigint' || (typeof given === 'number' && Number.isSafeInteger(given));
  if (!isWhole) return undefined;
  const value = BigInt(given as bigint | number);
  const [least, most] = integerRange(parsed.text);
  return value < least || value > most ? undefined : value;
}

function toFloat(parsed: ParsedType, given: unknown): number | undefined {
  if (typeof given !== 'number' && typeof given !== 'bigint') return undefined;
  return parsed.byteWidth === 4 ? Math.fround(Number(given)) : Number(given);
}

function convert(parsed: ParsedType, given: unknown): Value | undefined {
  if (parsed.precision !== undefined) return toDecimal(parsed, given);
  if (parsed.of !== undefined)
    return Array.isArray(given) || ArrayBuffer.isView(given)
      ? Array.from(given as unknown[], (item) =>
          toValue({ name: 'item', type: parsed.of as TypeText, nullable: true }, item),
        )
      : undefined;
  switch (parsed.domain) {
    case 'bool':
      return typeof given === 'boolean' ? given : undefined;
    case 'int':
    case 'uint':
      return toInteger(parsed, given);
    case 'float':
      return toFloat(parsed, given);
    case 'utf8':
      return typeof given === 'string' ? given : undefined;
    case 'temporal':
      return toTemporal(parsed, given);
    case 'opaque':
      return given instanceof Uint8Array ? given : undefined;
  }
}

/** A value as user code gives it. @throws ERR_VALUE */
export function toValue(field: FieldSpec, given: unknown): Value {
  if (given === null || given === undefined) return null;
  const value = convert(parseType(field.type), given);
  if (value !== undefined) return value;
  throw new PipelineError('ERR_VALUE', `column "${field.name}": ${String(given)} is not a ${field.type}`, {
    column: field.name,
    value: String(given),
    expected: field.type,
  });
}

/** Rows of plain columns; a column that is left out is taken from `kept`. @throws ERR_OP_OUTPUT, ERR_VALUE */
export function rowsOfColumns(
  record: ColumnsRecord,
  fields: Fields,
  kept?: { fields: Fields; rows: readonly Row[] },
): Row[] {
  const columns = fields.map((field): Value[] => {
    const given = record[field.name];
    const index = kept?.fields.findIndex((candidate) => candidate.name === field.name) ?? -1;
    if (given === undefined && kept !== undefined && index >= 0) return kept.rows.map((row) => row[index] as Value);
    if (given === undefined)
      throw new PipelineError('ERR_OP_OUTPUT', `the result has no column "${field.name}"`, { column: field.name });
    return Array.from(given as ArrayLike<unknown>, (value) => toValue(field, value));
  });
  const lengths = new Set(columns.map((column) => column.length));
  if (lengths.size > 1)
    throw new PipelineError(
      'ERR_OP_OUTPUT',
      `the columns of the result have different lengths: ${[...lengths].join(', ')}`,
    );
  const unknown = Object.keys(record).find((name) => !fields.some((field) => field.name === name));
  if (unknown !== undefined)
    throw new PipelineError('ERR_OP_OUTPUT', `the result has a column "${unknown}" that was not declared`, {
      column: unknown,
    });
  return Array.from({ length: columns[0]?.length ?? 0 }, (_, row) => columns.map((column) => column[row] as Value));
}

/** Rows of a logical input of a fed source. */
export function rowsOfInput(input: FedInput, fields: Fields, arrow: ArrowModule): Row[] {
  if (Array.isArray(input))
    return (input as readonly Record<string, unknown>[]).map((row) =>
      fields.map((field) => toValue(field, row[field.name])),
    );
  return isRecordBatch(input) ? rowsOfArrow(arrow, input, fields) : rowsOfColumns(input as ColumnsRecord, fields);
}

export function isRecordBatch(input: object): input is RecordBatch {
  return 'numRows' in input && 'schema' in input && 'getChild' in input;
}

/** Rows of a record batch, its columns found by name. @throws ERR_COLUMN_UNKNOWN */
export function rowsOfArrow(arrow: ArrowModule, batch: RecordBatch, fields: Fields): Row[] {
  const reader = new ArrowColumnReader((data: Data) => new arrow.Vector([data]));
  const columns = fields.map((field) => {
    const index = batch.schema.fields.findIndex((candidate) => candidate.name === field.name);
    if (index < 0)
      throw new PipelineError('ERR_COLUMN_UNKNOWN', `the batch has no column "${field.name}"`, { column: field.name });
    return readPlain(
      reader.read(field.name, batch.data.children[index] as Data, field.type, { from: 0, rows: batch.numRows }),
    );
  });
  return Array.from({ length: batch.numRows }, (_, row) => columns.map((column) => column[row] as Value));
}

function isPresent(column: PlainColumn, row: number): boolean {
  return column.validity === undefined || (((column.validity[row >> 3] as number) >> (row & 7)) & 1) === 1;
}

/** All values of a column in Arrow's layout. */
function readPlain(column: PlainColumn): Value[] {
  const { physical } = parseType(column.type);
  const child = column.child === undefined ? [] : readPlain(column.child);
  const read = physical === 'list' || physical === 'dictionary' ? undefined : valueReader(column);
  return Array.from({ length: column.length }, (_, row): Value => {
    if (!isPresent(column, row)) return null;
    if (physical === 'dictionary')
      return child[new DataView(column.values.buffer, column.values.byteOffset).getInt32(row * 4, true)] ?? null;
    if (physical === 'list') return child.slice(column.offsets?.[row], column.offsets?.[row + 1]);
    return read?.(row) ?? null;
  });
}

function valueReader({ type, values, offsets }: PlainColumn): (row: number) => Value {
  const parsed = parseType(type);
  const view = new DataView(values.buffer, values.byteOffset, values.byteLength);
  const { byteWidth, domain, physical } = parsed;
  if (physical === 'bits') return (row) => (((values[row >> 3] as number) >> (row & 7)) & 1) === 1;
  if (physical === 'variable') {
    const bytes = (row: number): Uint8Array => values.slice(offsets?.[row], offsets?.[row + 1]);
    return domain === 'utf8' ? (row) => Buffer.from(bytes(row)).toString('utf8') : bytes;
  }
  if (parsed.precision !== undefined)
    return (row) => view.getBigUint64(row * 16, true) + (view.getBigInt64(row * 16 + 8, true) << 64n);
  if (domain === 'opaque') return (row) => values.slice(row * byteWidth, (row + 1) * byteWidth);
  if (domain === 'float')
    return byteWidth === 4 ? (row) => view.getFloat32(row * 4, true) : (row) => view.getFloat64(row * 8, true);
  const isUnsigned = domain === 'uint';
  if (byteWidth === 8)
    return (row) => (isUnsigned ? view.getBigUint64(row * 8, true) : view.getBigInt64(row * 8, true));
  const bits = byteWidth * 8;
  return (row) => {
    let raw = 0n;
    for (let byte = byteWidth - 1; byte >= 0; byte--)
      raw = raw * 256n + BigInt(values[row * byteWidth + byte] as number);
    return isUnsigned ? raw : BigInt.asIntN(bits, raw);
  };
}

/** A record batch of rows as what is lent to user code. */
export function lentRows(arrow: ArrowModule, rows: readonly Row[], fields: Fields): LentBatch {
  const batch = arrowOfRows(arrow, rows, fields);
  const bytes = logicalBytes(rows, fields);
  return Object.assign(batch, { retain: () => ({ batch, bytes, release: () => undefined }) });
}

/** A record batch of rows, for user code. */
export function arrowOfRows(arrow: ArrowModule, rows: readonly Row[], fields: Fields): RecordBatch {
  const columns = fields.map((field, index) =>
    writePlain(
      field.type,
      rows.map((row) => row[index] as Value),
    ),
  );
  return plainToArrow(arrow, { fields, rows: rows.length, inputs: 1, columns });
}

function writePlain(type: TypeText, values: readonly Value[]): PlainColumn {
  const { physical, of } = parseType(type);
  const base = {
    type,
    length: values.length,
    nullCount: values.filter((value) => value === null).length,
    ...validityOf(values),
  };
  if (physical === 'dictionary') {
    const texts: Value[] = [...new Set(values.filter((value) => value !== null))];
    const codes = new Int32Array(values.map((value) => Math.max(0, texts.indexOf(value))));
    return { ...base, values: new Uint8Array(codes.buffer), child: writePlain('utf8', texts) };
  }
  if (physical === 'list') {
    const lists = values.map((value) => (value ?? []) as readonly Value[]);
    return {
      ...base,
      offsets: offsetsOf(lists.map((list) => list.length)),
      values: new Uint8Array(0),
      child: writePlain(of as TypeText, lists.flat()),
    };
  }
  if (physical === 'variable') {
    const texts = values.map((value) =>
      typeof value === 'string' ? Buffer.from(value) : ((value ?? new Uint8Array(0)) as Uint8Array),
    );
    return {
      ...base,
      offsets: offsetsOf(texts.map((text) => text.length)),
      values: new Uint8Array(Buffer.concat(texts)),
    };
  }
  return { ...base, values: fixedBytes(type, values) };
}

function validityOf(values: readonly Value[]): { validity?: Uint8Array } {
  if (!values.includes(null)) return {};
  const validity = new Uint8Array(Math.ceil(values.length / 8));
  values.forEach((value, row) => {
    if (value !== null) validity[row >> 3] = (validity[row >> 3] as number) | (1 << (row & 7));
  });
  return { validity };
}

function offsetsOf(lengths: readonly number[]): Int32Array {
  const offsets = new Int32Array(lengths.length + 1);
  lengths.forEach((length, row) => {
    offsets[row + 1] = (offsets[row] as number) + length;
  });
  return offsets;
}

function fixedBytes(type: TypeText, values: readonly Value[]): Uint8Array {
  const { physical, byteWidth, domain } = parseType(type);
  const bytes = new Uint8Array(physical === 'bits' ? Math.ceil(values.length / 8) : values.length * byteWidth);
  const view = new DataView(bytes.buffer);
  values.forEach((value, row) => {
    if (value === null) return;
    const at = row * byteWidth;
    if (physical === 'bits') bytes[row >> 3] = (bytes[row >> 3] as number) | (value === true ? 1 << (row & 7) : 0);
    else if (value instanceof Uint8Array) bytes.set(value, at);
    else if (domain === 'float' && byteWidth === 4) view.setFloat32(at, value as number, true);
    else if (domain === 'float') view.setFloat64(at, value as number, true);
    else
      for (let byte = 0; byte < byteWidth; byte++)
        bytes[at + byte] = Number(((value as bigint) >> BigInt(byte * 8)) & 255n);
  });
  return bytes;
}

/** Rows as users see them: integers and dates of up to 32 bits as numbers, decimals as text. */
export function objectsOfRows(rows: readonly Row[], fields: Fields): Record<string, unknown>[] {
  return rows.map((row) =>
    Object.fromEntries(fields.map((field, index) => [field.name, toUser(parseType(field.type), row[index] as Value)])),
  );
}

function toUser(parsed: ParsedType, value: Value): unknown {
  if (parsed.of !== undefined && Array.isArray(value))
    return value.map((item: Value) => toUser(parseType(parsed.of as TypeText), item));
  if (typeof value !== 'bigint') return value;
  if (parsed.precision !== undefined) return decimalText(value, parsed.scale ?? 0);
  return parsed.byteWidth < 8 ? Number(value) : value;
}

/** Logical Arrow bytes: a bit for each null, values of their width, four bytes of offset for each text. */
export function logicalBytes(rows: readonly Row[], fields: Fields): number {
  let bytes = 0;
  for (const row of rows) fields.forEach((field, index) => (bytes += valueBytes(field.type, row[index] as Value)));
  return bytes;
}

function valueBytes(type: TypeText, value: Value): number {
  const { physical, byteWidth, of } = parseType(type);
  const missing = value === null ? 1 / 8 : 0;
  if (physical === 'bits') return missing + 1 / 8;
  if (physical === 'fixed' || physical === 'dictionary') return missing + byteWidth;
  if (value === null) return missing + 4;
  if (physical === 'variable')
    return 4 + (typeof value === 'string' ? Buffer.byteLength(value) : (value as Uint8Array).length);
  // Elements of a list count without their nulls.
  return (
    4 +
    (value as readonly Value[]).reduce<number>(
      (sum, item) => sum + valueBytes(of as TypeText, item) - (item === null ? 1 / 8 : 0),
      0,
    )
  );
}
