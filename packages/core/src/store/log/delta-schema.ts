/** A table's columns as Delta's schema string, both ways. */
import { PipelineError } from '../../errors.ts';
import { tryParseType } from '../../schema/parse-type.ts';
import type { FieldSpec, Fields, TypeText } from '../../schema/types.ts';
import { type DeltaType, storedType } from './stored-types.ts';

/** Metadata key under which a column's own type stands, where it is not the one that its stored type suggests. */
const TYPE_KEY = 'spillway.type';

interface DeltaField {
  name: string;
  type: DeltaType | { type: string };
  nullable: boolean;
  metadata: Record<string, unknown>;
}

/** What a Delta type reads as when nothing says more. */
const PLAIN: Record<string, TypeText> = {
  boolean: 'bool',
  byte: 'int8',
  short: 'int16',
  integer: 'int32',
  long: 'int64',
  float: 'float32',
  double: 'float64',
  string: 'utf8',
  binary: 'binary',
  date: 'date32',
  timestamp: 'timestamp[us, UTC]',
  timestamp_ntz: 'timestamp[us]',
};

function plainType(type: DeltaField['type']): TypeText | undefined {
  if (typeof type === 'string') {
    const decimal = /^decimal\((\d+),\s*(\d+)\)$/.exec(type);
    return decimal === null ? PLAIN[type] : `decimal(${Number(decimal[1])}, ${Number(decimal[2])})`;
  }
  if (type.type !== 'array' || !('elementType' in type)) return undefined;
  const element = plainType(type.elementType);
  return element === undefined ? undefined : `list<${element}>`;
}

/**
 * Refuses names that a Delta table cannot have.
 * @throws ERR_SCHEMA naming the column
 */
export function checkColumnNames(fields: Fields): void {
  const seen = new Map<string, string>();
  for (const { name } of fields) {
    if (name === '' || /[ ,;{}()\n\t=]/.test(name)) {
      throw new PipelineError('ERR_SCHEMA', `column "${name}" cannot be stored under this name`, {
        column: name,
        hint: 'a stored name is not empty and has no blank and none of , ; { } ( ) = : rename the column',
      });
    }
    const twin = seen.get(name.toLowerCase());
    if (twin !== undefined) {
      throw new PipelineError('ERR_SCHEMA', `columns "${twin}" and "${name}" differ only in case`, {
        column: name,
        hint: 'readers of the store do not tell them apart: rename one of them',
      });
    }
    seen.set(name.toLowerCase(), name);
  }
}

/** The schema string. @throws ERR_SCHEMA, ERR_TYPE_UNSUPPORTED */
export function toSchemaString(fields: Fields): string {
  checkColumnNames(fields);
  const columns = fields.map(({ name, type, nullable, metadata = {} }): DeltaField => {
    const { delta } = storedType(type);
    const own = plainType(delta) === type ? {} : { [TYPE_KEY]: type };
    return { name, type: delta, nullable, metadata: { ...metadata, ...own } };
  });
  return JSON.stringify({ type: 'struct', fields: columns });
}

function fromDeltaField(field: DeltaField): FieldSpec {
  const { [TYPE_KEY]: own, ...metadata } = field.metadata ?? {};
  const type = (typeof own === 'string' ? tryParseType(own)?.text : undefined) ?? plainType(field.type);
  if (type === undefined) {
    throw new PipelineError(
      'ERR_STORE_UNSUPPORTED',
      `column "${field.name}" has the type ${JSON.stringify(field.type)}`,
      {
        column: field.name,
        hint: 'structs and maps are not read: another program added this column',
      },
    );
  }
  const spec: FieldSpec = { name: field.name, type, nullable: field.nullable };
  if (Object.keys(metadata).length === 0) return spec;
  const texts = Object.entries(metadata).map(([key, value]) => [
    key,
    typeof value === 'string' ? value : JSON.stringify(value),
  ]);
  return { ...spec, metadata: Object.fromEntries(texts) as Record<string, string> };
}

/** The columns. @throws SyntaxError when it is not JSON; ERR_STORE_UNSUPPORTED for types that are not read */
export function fromSchemaString(text: string): Fields {
  const { fields } = JSON.parse(text) as { fields: DeltaField[] };
  return fields.map(fromDeltaField);
}

/** Whether a naive timestamp is among the columns, which a table has to declare. */
export function needsNaiveTimestamps(fields: Fields): boolean {
  const isNaive = (type: DeltaType): boolean =>
    typeof type === 'string' ? type === 'timestamp_ntz' : isNaive(type.elementType);
  return fields.some((field) => isNaive(storedType(field.type).delta));
}
