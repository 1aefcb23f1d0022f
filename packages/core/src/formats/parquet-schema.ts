/**
 * From Parquet's flat list of schema elements to columns with canonical types. A column that Spillway does not carry
 * (maps, structs, half floats, …) does not make the file unreadable: it is listed with the reason, and refused only when
 * it is asked for.
 */
import type { FieldSpec, TypeText } from '../schema/types.ts';
import type { ArrowHint } from './arrow-schema-hint.ts';
import {
  numberField,
  structField,
  structListField,
  ThriftError,
  type ThriftStruct,
  textField,
} from './thrift-compact.ts';

const BOOLEAN = 0;
const INT32 = 1;
const INT64 = 2;
const INT96 = 3;
const FLOAT = 4;
const DOUBLE = 5;
const BYTE_ARRAY = 6;
const FIXED = 7;

const REQUIRED = 0;
const OPTIONAL = 1;
const REPEATED = 2;
const MAX_DEPTH = 64;

/** One node of the schema tree. */
interface Node {
  name: string;
  physical: number | undefined;
  width: number;
  repetition: number;
  converted: number | undefined;
  scale: number;
  precision: number;
  logical: ThriftStruct | undefined;
  children: Node[];
}

/** A leaf of the schema: what the chunks at its place in every row group hold. */
export interface ParquetLeaf {
  /** Top-level column. */
  column: string;
  /** Number of the physical type, and bytes of a value of a fixed length. */
  physical: number;
  width: number;
  /** Values may be null. */
  isOptional: boolean;
  /** It is the column, not a part of one. */
  isFlat: boolean;
}

/** The columns of a file, and those it has that cannot be read. */
export interface ParquetColumns {
  fields: FieldSpec[];
  unsupported: { name: string; reason: string }[];
  /** In the order of a row group's column chunks. */
  leaves: ParquetLeaf[];
}

function readNode(elements: ThriftStruct[], position: { at: number }, depth: number): Node {
  const element = elements[position.at];
  if (element === undefined || depth > MAX_DEPTH) throw new ThriftError('the schema names more children than it has');
  position.at += 1;
  const count = numberField(element, 5) ?? 0;
  if (count < 0) throw new ThriftError('a schema element with fewer than no children');
  const node: Node = {
    name: textField(element, 4) ?? '',
    physical: numberField(element, 1),
    width: numberField(element, 2) ?? 0,
    // Some writers leave it out, and write levels all the same.
    repetition: numberField(element, 3) ?? (depth === 0 ? REQUIRED : OPTIONAL),
    converted: numberField(element, 6),
    scale: numberField(element, 7) ?? 0,
    precision: numberField(element, 8) ?? 0,
    logical: structField(element, 10),
    children: [],
  };
  for (let i = 0; i < count; i += 1) node.children.push(readNode(elements, position, depth + 1));
  if (
    node.children.length === 0 &&
    depth > 0 &&
    (node.physical === undefined || node.physical < 0 || node.physical > 7)
  ) {
    throw new ThriftError(`column "${node.name}" has the physical type ${node.physical ?? 'none'}`);
  }
  if (node.children.length === 0 && node.physical === FIXED && node.width < 1)
    throw new ThriftError(`column "${node.name}" has values of ${node.width} bytes each`);
  return node;
}

function decimalText(precision: number, scale: number): TypeText | string {
  if (precision < 1 || precision > 38) return `a decimal of ${precision} digits`;
  return `decimal(${precision}, ${scale})`;
}

/** The type that the annotations ask for, and on which physical types they may stand. */
function annotated(node: Node): { type: TypeText | string; on: number[] } | undefined {
  const logical = node.logical;
  if (logical !== undefined) {
    const known = fromLogical(logical);
    if (known !== undefined) return known;
  }
  return node.converted === undefined ? undefined : fromConverted(node);
}

function unitOf(annotation: ThriftStruct): 'ms' | 'us' | 'ns' {
  const unit = structField(annotation, 2) ?? new Map();
  return unit.has(1) ? 'ms' : unit.has(2) ? 'us' : 'ns';
}

function fromLogical(logical: ThriftStruct): { type: TypeText | string; on: number[] } | undefined {
  const bytes = [BYTE_ARRAY];
  const of = (id: number): ThriftStruct => structField(logical, id) ?? new Map();
  if (logical.has(1) || logical.has(4) || logical.has(12)) return { type: 'utf8', on: bytes };
  if (logical.has(13)) return { type: 'binary', on: bytes };
  if (logical.has(5)) {
    const type = decimalText(numberField(of(5), 2) ?? 0, numberField(of(5), 1) ?? 0);
    return { type, on: [INT32, INT64, BYTE_ARRAY, FIXED] };
  }
  if (logical.has(6)) return { type: 'date32', on: [INT32] };
  if (logical.has(7)) {
    const unit = unitOf(of(7));
    return { type: unit === 'ms' ? 'time32[ms]' : `time64[${unit}]`, on: [unit === 'ms' ? INT32 : INT64] };
  }
  if (logical.has(8)) {
    const zone = of(8).get(1) === true ? ', UTC' : '';
    return { type: `timestamp[${unitOf(of(8))}${zone}]`, on: [INT64] };
  }
  if (logical.has(10)) {
    const bits = numberField(of(10), 1) ?? 0;
    if (![8, 16, 32, 64].includes(bits)) throw new ThriftError(`an integer of ${bits} bits`);
    return { type: `${of(10).get(2) === true ? '' : 'u'}int${bits}`, on: [bits === 64 ? INT64 : INT32] };
  }
  if (logical.has(14)) return { type: 'fixed[16]', on: [FIXED] };
  if (logical.has(15)) return { type: 'a half-precision float', on: [FIXED] };
  // UNKNOWN (11) and annotations of later versions: the physical type stands.
  return undefined;
}

function fromConverted(node: Node): { type: TypeText | string; on: number[] } | undefined {
  const integers = ['uint8', 'uint16', 'uint32', 'uint64', 'int8', 'int16', 'int32', 'int64'] as const;
  const code = node.converted ?? -1;
  if (code === 0 || code === 4 || code === 19) return { type: 'utf8', on: [BYTE_ARRAY] };
  if (code === 5) return { type: decimalText(node.precision, node.scale), on: [INT32, INT64, BYTE_ARRAY, FIXED] };
  if (code === 6) return { type: 'date32', on: [INT32] };
  if (code === 7) return { type: 'time32[ms]', on: [INT32] };
  if (code === 8) return { type: 'time64[us]', on: [INT64] };
  if (code === 9) return { type: 'timestamp[ms, UTC]', on: [INT64] };
  if (code === 10) return { type: 'timestamp[us, UTC]', on: [INT64] };
  const integer = integers[code - 11];
  if (integer !== undefined) return { type: integer, on: [integer.endsWith('64') ? INT64 : INT32] };
  if (code === 20) return { type: 'binary', on: [BYTE_ARRAY] };
  if (code === 21) return { type: 'a calendar interval', on: [FIXED] };
  return undefined;
}

/** Type of a leaf: canonical text, or words for what it is when it cannot be carried. */
function leafType(node: Node): TypeText | string {
  const asked = annotated(node);
  if (asked !== undefined) {
    if (node.physical === undefined || !asked.on.includes(node.physical)) {
      throw new ThriftError(`column "${node.name}" is annotated ${asked.type}, which its physical type cannot hold`);
    }
    return asked.type;
  }
  switch (node.physical) {
    case BOOLEAN:
      return 'bool';
    case INT32:
      return 'int32';
    case INT64:
      return 'int64';
    case INT96:
      return 'timestamp[ns]';
    case FLOAT:
      return 'float32';
    case DOUBLE:
      return 'float64';
    case BYTE_ARRAY:
      return 'binary';
    default:
      return `fixed[${node.width}]`;
  }
}

function isListGroup(node: Node): boolean {
  return node.converted === 3 || (node.logical?.has(3) ?? false);
}

/** Type of any node. Lists follow the rules for old writers: a repeated leaf or a two-field group is the element itself. */
function typeOf(node: Node): TypeText | string {
  if (node.children.length === 0) return node.repetition === REPEATED ? listOf(leafType(node)) : leafType(node);
  const repeated = node.children[0];
  if (!isListGroup(node) || node.children.length !== 1 || repeated?.repetition !== REPEATED) {
    return node.converted === 1 || node.converted === 2 || node.logical?.has(2) ? 'a map' : 'a group of columns';
  }
  if (repeated.children.length === 0) return listOf(leafType(repeated));
  const element = repeated.children[0];
  if (repeated.children.length !== 1 || element === undefined) return 'a list of groups of columns';
  return listOf(typeOf(element));
}

function isCarried(type: TypeText | string): type is TypeText {
  return !type.startsWith('a ');
}

function listOf(type: TypeText | string): TypeText | string {
  return isCarried(type) ? `list<${type}>` : `a list in which each value is ${type}`;
}

/** Takes the embedded Arrow type where it says more than Parquet can and Parquet's own type does not contradict it. */
function withHint(type: TypeText, hint: TypeText | undefined): TypeText {
  if (hint === undefined || hint === type) return type;
  if (type === 'utf8' && hint === 'dictionary<utf8>') return hint;
  if (type === 'int64' && (hint.startsWith('duration[') || hint === 'date64' || hint.startsWith('timestamp[s')))
    return hint;
  if (type === 'int32' && hint === 'time32[s]') return hint;
  // The zone's name: both sides must agree that there is one, and on the unit.
  const unitAndZone = /^timestamp\[(\w+), /;
  const [mine, theirs] = [unitAndZone.exec(type)?.[1], unitAndZone.exec(hint)?.[1]];
  return mine !== undefined && mine === theirs ? hint : type;
}

function leavesOf(node: Node, column: string, isFlat: boolean): ParquetLeaf[] {
  if (node.children.length > 0) return node.children.flatMap((child) => leavesOf(child, column, false));
  const { physical = -1, width, repetition } = node;
  return [{ column, physical, width, isOptional: repetition === OPTIONAL, isFlat: isFlat && repetition !== REPEATED }];
}

/**
 * The columns of a footer.
 * @param root the footer's FileMetaData
 * @throws ThriftError when the schema contradicts itself
 */
export function readParquetColumns(root: ThriftStruct, hints: readonly ArrowHint[]): ParquetColumns {
  const elements = structListField(root, 2);
  const position = { at: 0 };
  const tree = readNode(elements, position, 0);
  if (position.at !== elements.length) throw new ThriftError('the schema has elements that belong to no column');
  const columns: ParquetColumns = { fields: [], unsupported: [], leaves: [] };
  for (const node of tree.children) {
    columns.leaves.push(...leavesOf(node, node.name, true));
    const type = typeOf(node);
    if (!isCarried(type)) {
      columns.unsupported.push({ name: node.name, reason: `it is ${type}` });
      continue;
    }
    const hint = hints.find((candidate) => candidate.name === node.name);
    const field: FieldSpec = {
      name: node.name,
      type: withHint(type, hint?.type),
      nullable: node.repetition === OPTIONAL,
    };
    const metadata = hint?.metadata ?? {};
    columns.fields.push(Object.keys(metadata).length === 0 ? field : { ...field, metadata });
  }
  return columns;
}
