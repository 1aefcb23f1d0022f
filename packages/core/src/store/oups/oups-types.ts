/**
 * How columns are stored for OUPS, which is what pandas makes of them: times count nanoseconds, dates are times, fixed-width
 * bytes are bytes. Types that would come back as something else are refused.
 */
import { PipelineError } from '../../errors.ts';
import type { IpcColumn } from '../../formats/ipc-columns.ts';
import type { OrderedValue } from '../../formats/ordered-value.ts';
import { parseType, tryParseType } from '../../schema/parse-type.ts';
import type { FieldSpec, Fields, TypeText } from '../../schema/types.ts';
import { bytesOf, isThere, toBinary, view } from '../log/stored-types.ts';

const SAME: ReadonlySet<string> = new Set([
  'bool',
  'int8',
  'int16',
  'int32',
  'int64',
  'uint8',
  'uint16',
  'uint32',
  'uint64',
  'float32',
  'float64',
  'utf8',
  'binary',
  'dictionary<utf8>',
]);

const NANOSECONDS: Readonly<Record<string, bigint>> = {
  s: 1_000_000_000n,
  ms: 1_000_000n,
  us: 1_000n,
  ns: 1n,
  day: 86_400_000_000_000n,
};

/** Nanoseconds of one step of a type of times or dates; undefined for others. */
function nanosecondsOf(type: TypeText): bigint | undefined {
  if (type === 'date64') return NANOSECONDS['ms'];
  const isTime = type.startsWith('timestamp') || type === 'date32';
  return isTime ? NANOSECONDS[parseType(type).unit ?? ''] : undefined;
}

function refuseTime(value: bigint, column: string): PipelineError {
  return new PipelineError('ERR_VALUE', `column "${column}" has a time ${value}, whose nanoseconds need over 64 bits`, {
    column,
    value: String(value),
    hint: 'stores of OUPS have times of the years 1678 to 2261: drop those rows, or keep the column as an integer',
  });
}

function toNanoseconds(field: FieldSpec, stored: TypeText, factor: bigint): (column: IpcColumn) => IpcColumn {
  const isShort = parseType(field.type).byteWidth === 4;
  return (column) => {
    const source = isShort ? view(Int32Array, column.values) : view(BigInt64Array, column.values);
    const out = new BigInt64Array(column.rows);
    for (let row = 0; row < column.rows; row += 1) {
      if (!isThere(column, row)) continue;
      const value = BigInt(source[row] ?? 0) * factor;
      if (BigInt.asIntN(64, value) !== value) throw refuseTime(BigInt(source[row] ?? 0), field.name);
      out[row] = value;
    }
    return { ...column, type: stored, values: bytesOf(out) };
  };
}

interface OupsColumn {
  stored: TypeText;
  convert?: (column: IpcColumn) => IpcColumn;
}

/** @throws ERR_TYPE_UNSUPPORTED naming the column */
function oupsColumn(field: FieldSpec): OupsColumn {
  const { name, type } = field;
  if (SAME.has(type)) return { stored: type };
  if (type.startsWith('fixed')) return { stored: 'binary', convert: toBinary };
  const factor = nanosecondsOf(type);
  if (factor !== undefined) {
    const stored: TypeText = parseType(type).timeZone === undefined ? 'timestamp[ns]' : 'timestamp[ns, UTC]';
    return { stored, convert: toNanoseconds(field, stored, factor) };
  }
  throw new PipelineError(
    'ERR_TYPE_UNSUPPORTED',
    `column "${name}" is ${type}, which OUPS would not give back as it is`,
    {
      column: name,
      value: type,
      hint: 'cast it to a number, a text or a timestamp first',
    },
  );
}

/** Columns of a dataset as they lie in files of OUPS. @throws ERR_TYPE_UNSUPPORTED naming the column */
export function oupsColumns(fields: Fields): { fields: Fields; convert(columns: IpcColumn[]): IpcColumn[] } {
  const columns = fields.map(oupsColumn);
  return {
    fields: fields.map(({ name }, i) => ({ name, type: columns[i]?.stored ?? 'binary', nullable: true })),
    convert: (given) => given.map((column, i) => columns[i]?.convert?.(column) ?? column),
  };
}

/** A value of the ordered column as it lies in files of OUPS. */
export function toOupsValue(value: OrderedValue, type: TypeText): OrderedValue {
  const factor = nanosecondsOf(type);
  return factor === undefined ? value : BigInt(value) * factor;
}

/** A bound out of a dataset's list of row groups as a value of its ordered column: pandas may keep another width or unit. */
export function fromBound(value: OrderedValue, boundType: TypeText, type: TypeText): OrderedValue {
  if (typeof value === 'string') return value;
  const [from, to] = [nanosecondsOf(boundType), nanosecondsOf(type)];
  if (from !== undefined && to !== undefined) return (BigInt(value) * from) / to;
  const { domain, byteWidth } = parseType(type);
  return domain !== 'float' && byteWidth === 8 ? BigInt(value) : Number(value);
}

/**
 * What pandas has to be told of time zones, as JSON for the key `pandas`; undefined when there are none. Where some columns are
 * described, all have to be; the types of the others are left to what the file says.
 */
export function pandasMetadata(fields: Fields): string | undefined {
  if (fields.every(({ type }) => parseType(type).timeZone === undefined)) return undefined;
  const columns = fields.map(({ name, type }) => {
    const { timeZone } = parseType(type);
    const isTime = nanosecondsOf(type) !== undefined;
    return {
      name,
      field_name: name,
      pandas_type: timeZone === undefined ? 'object' : 'datetimetz',
      numpy_type: isTime ? 'datetime64[ns]' : 'object',
      metadata: timeZone === undefined ? null : { timezone: timeZone },
    };
  });
  return JSON.stringify({
    columns,
    index_columns: [],
    column_indexes: [],
    partition_columns: [],
    pandas_version: '2.2.0',
  });
}

/** Fields of a file with the zones that pandas wrote down beside them. */
export function withZones(fields: Fields, pandas: string | undefined): Fields {
  let columns: { name?: unknown; metadata?: { timezone?: unknown } | null }[] = [];
  try {
    columns = (JSON.parse(pandas ?? '{}') as { columns?: typeof columns }).columns ?? [];
  } catch {
    // Times without the name of their zone are the same times.
  }
  return fields.map((field) => {
    const zone = columns.find(({ name }) => name === field.name)?.metadata?.timezone;
    const type = tryParseType(field.type.replace(', UTC]', `, ${String(zone)}]`))?.text;
    return { ...field, nullable: true, ...(typeof zone === 'string' && type !== undefined ? { type } : {}) };
  });
}
