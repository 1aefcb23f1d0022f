/**
 * Between our fields and apache-arrow's schema. Reading needs only the shape of its objects, by their type ids, so that
 * another copy of the module (the user's own) works as well; building needs the module, passed in.
 */
import type * as Arrow from 'apache-arrow';
import { PipelineError } from '../errors.ts';
import type { ArrowModule } from './load-arrow.ts';
import { parseType, tryParseType } from './parse-type.ts';
import type { FieldSpec, Fields, ParsedType, TimeUnitText, TypeText } from './types.ts';

const UNITS: readonly TimeUnitText[] = ['s', 'ms', 'us', 'ns'];

/** Ids of apache-arrow's `Type`, which are those of the Arrow format. */
export const ArrowTypeId = {
  int: 2,
  float: 3,
  binary: 4,
  utf8: 5,
  bool: 6,
  decimal: 7,
  date: 8,
  time: 9,
  timestamp: 10,
  list: 12,
  fixedBinary: 15,
  duration: 18,
  largeBinary: 19,
  largeUtf8: 20,
  binaryView: 23,
  utf8View: 24,
  dictionary: -1,
} as const;

function unitText(unit: number): TimeUnitText {
  return UNITS[unit] ?? 'ms';
}

function temporalText(type: Arrow.DataType): string {
  const { typeId } = type;
  if (typeId === ArrowTypeId.date) return (type as Arrow.Date_).unit === 0 ? 'date32' : 'date64';
  const unit = unitText((type as Arrow.Timestamp).unit);
  if (typeId === ArrowTypeId.duration) return `duration[${unit}]`;
  if (typeId === ArrowTypeId.time) return `time${(type as Arrow.Time).bitWidth}[${unit}]`;
  const { timezone } = type as Arrow.Timestamp;
  return timezone ? `timestamp[${unit}, ${timezone}]` : `timestamp[${unit}]`;
}

function typeTextOrNothing(type: Arrow.DataType): string | undefined {
  switch (type.typeId as number) {
    case ArrowTypeId.int:
      return `${(type as Arrow.Int).isSigned ? '' : 'u'}int${(type as Arrow.Int).bitWidth}`;
    case ArrowTypeId.float:
      return (type as Arrow.Float).precision === 0
        ? undefined
        : (type as Arrow.Float).precision === 1
          ? 'float32'
          : 'float64';
    case ArrowTypeId.bool:
      return 'bool';
    case ArrowTypeId.utf8:
    case ArrowTypeId.largeUtf8:
    case ArrowTypeId.utf8View:
      return 'utf8';
    case ArrowTypeId.binary:
    case ArrowTypeId.largeBinary:
    case ArrowTypeId.binaryView:
      return 'binary';
    case ArrowTypeId.date:
    case ArrowTypeId.time:
    case ArrowTypeId.timestamp:
    case ArrowTypeId.duration:
      return temporalText(type);
    case ArrowTypeId.decimal: {
      const { bitWidth, precision, scale } = type as Arrow.Decimal;
      return bitWidth === 128 ? `decimal(${precision}, ${scale})` : undefined;
    }
    case ArrowTypeId.fixedBinary:
      return `fixed[${(type as Arrow.FixedSizeBinary).byteWidth}]`;
    case ArrowTypeId.dictionary: {
      const values = typeTextOrNothing((type as Arrow.Dictionary).dictionary);
      return values === 'utf8' ? 'dictionary<utf8>' : undefined;
    }
    case ArrowTypeId.list: {
      const of = typeTextOrNothing((type as Arrow.List).valueType);
      return of === undefined ? undefined : `list<${of}>`;
    }
    default:
      return undefined;
  }
}

/**
 * The canonical text of an apache-arrow type. 64-bit offsets and views become plain utf8 and binary.
 * @throws ERR_TYPE_UNSUPPORTED naming the column, for types that Spillway does not carry (struct, map, union, …).
 */
export function typeFromArrow(type: Arrow.DataType, column: string): TypeText {
  const text = typeTextOrNothing(type);
  const parsed = text === undefined ? undefined : tryParseType(text);
  if (parsed !== undefined) return parsed.text;
  throw new PipelineError(
    'ERR_TYPE_UNSUPPORTED',
    `column "${column}" is ${String(type)}, which Spillway does not carry`,
    {
      column,
      value: String(type),
      hint: 'leave the column out, or convert it before (flatten structs, decode dictionaries of other types)',
    },
  );
}

/**
 * Fields of an apache-arrow schema, with their metadata.
 * @throws ERR_TYPE_UNSUPPORTED naming the column.
 */
export function fieldsFromArrow(schema: Arrow.Schema): Fields {
  return schema.fields.map((field) => {
    const spec: FieldSpec = {
      name: field.name,
      type: typeFromArrow(field.type as Arrow.DataType, field.name),
      nullable: field.nullable,
    };
    return field.metadata.size === 0 ? spec : { ...spec, metadata: Object.fromEntries(field.metadata) };
  });
}

function temporalToArrow(arrow: ArrowModule, { text, unit, timeZone, byteWidth }: ParsedType): Arrow.DataType {
  if (text === 'date32') return new arrow.DateDay();
  if (text === 'date64') return new arrow.DateMillisecond();
  const unitId = UNITS.indexOf(unit as TimeUnitText);
  if (text.startsWith('timestamp')) return new arrow.Timestamp(unitId, timeZone);
  if (text.startsWith('duration')) return new arrow.Duration(unitId);
  return new arrow.Time(unitId, byteWidth === 4 ? 32 : 64);
}

function integerToArrow(arrow: ArrowModule, { domain, byteWidth }: ParsedType): Arrow.DataType {
  return new arrow.Int(domain === 'int', (byteWidth * 8) as 8 | 16 | 32 | 64);
}

/** The apache-arrow type of a column. `dictionaryId` is used for dictionaries only. */
export function typeToArrow(arrow: ArrowModule, type: TypeText, dictionaryId = 0): Arrow.DataType {
  const parsed = parseType(type);
  if (parsed.physical === 'dictionary') return new arrow.Dictionary(new arrow.Utf8(), new arrow.Int32(), dictionaryId);
  if (parsed.of !== undefined)
    return new arrow.List(new arrow.Field('item', typeToArrow(arrow, parsed.of, dictionaryId), true));
  if (parsed.precision !== undefined) return new arrow.Decimal(parsed.scale ?? 0, parsed.precision, 128);
  switch (parsed.domain) {
    case 'bool':
      return new arrow.Bool();
    case 'int':
    case 'uint':
      return integerToArrow(arrow, parsed);
    case 'float':
      return parsed.byteWidth === 4 ? new arrow.Float32() : new arrow.Float64();
    case 'utf8':
      return new arrow.Utf8();
    case 'temporal':
      return temporalToArrow(arrow, parsed);
    case 'opaque':
      return parsed.physical === 'variable' ? new arrow.Binary() : new arrow.FixedSizeBinary(parsed.byteWidth);
  }
}

function hashName(name: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < name.length; index++) hash = Math.imul(hash ^ name.charCodeAt(index), 0x01000193);
  return hash >>> 1;
}

/**
 * Ids of dictionaries come from the column's name: batches of one column agree on theirs, and columns of different
 * batches can be put into one batch without two dictionaries sharing an id.
 */
function buildSchema(arrow: ArrowModule, fields: Fields): Arrow.Schema {
  const taken = new Set<number>();
  const built = fields.map(({ name, type, nullable, metadata }) => {
    let id = hashName(name);
    while (taken.has(id)) id = (id + 1) % 2 ** 31;
    if (type.includes('dictionary')) taken.add(id);
    return new arrow.Field(
      name,
      typeToArrow(arrow, type, id),
      nullable,
      metadata === undefined ? undefined : new Map(Object.entries(metadata)),
    );
  });
  return new arrow.Schema(built);
}

const schemas = new WeakMap<ArrowModule, WeakMap<Fields, Arrow.Schema>>();

/** The apache-arrow schema of fields; the same object for the same `fields`. */
export function fieldsToArrow(arrow: ArrowModule, fields: Fields): Arrow.Schema {
  let known = schemas.get(arrow);
  if (known === undefined) schemas.set(arrow, (known = new WeakMap()));
  let schema = known.get(fields);
  if (schema === undefined) known.set(fields, (schema = buildSchema(arrow, fields)));
  return schema;
}
