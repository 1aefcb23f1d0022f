/**
 * Column types as text. A type is named by a canonical string ('float64', 'timestamp[us, UTC]'), which clones
 * across threads for free, reads well in a plan and is what users write in a schema.
 */

export type TimeUnitText = 's' | 'ms' | 'us' | 'ns';
export type IntegerText = 'int8' | 'int16' | 'int32' | 'int64' | 'uint8' | 'uint16' | 'uint32' | 'uint64';
export type FloatText = 'float32' | 'float64';
export type TimestampText = `timestamp[${TimeUnitText}]` | `timestamp[${TimeUnitText}, ${string}]`;

/**
 * The canonical text of a column type.
 *
 * - `dictionary<utf8>`: 32-bit codes into a utf8 dictionary that travels with the batch.
 * - `fixed[N]`: N bytes a value, opaque. Aggregate states travel so on the planner's own edges.
 * - `list<T>`: passed through, never computed on.
 */
export type TypeText =
  | 'bool'
  | IntegerText
  | FloatText
  | 'utf8'
  | 'binary'
  | 'date32'
  | 'date64'
  | `time32[${'s' | 'ms'}]`
  | `time64[${'us' | 'ns'}]`
  | TimestampText
  | `duration[${TimeUnitText}]`
  | `decimal(${number}, ${number})`
  | 'dictionary<utf8>'
  | `fixed[${number}]`
  | `list<${string}>`;

/** One column of a schema, as plain data. */
export interface FieldSpec {
  name: string;
  type: TypeText;
  nullable: boolean;
  /** Arrow field metadata, passed through. */
  metadata?: Record<string, string>;
}

/** The columns of a batch, in order, as plain data. */
export type Fields = readonly FieldSpec[];

/** How the values of a type lie in memory. */
export type PhysicalKind =
  | 'bits' // one bit a value (bool)
  | 'fixed' // `byteWidth` bytes a value
  | 'variable' // int32 offsets + bytes (utf8, binary)
  | 'dictionary' // int32 codes + a dictionary column
  | 'list'; // int32 offsets + one child column

/** What the canonical text says, taken apart. */
export interface ParsedType {
  text: TypeText;
  physical: PhysicalKind;
  /** Bytes a value for `fixed` and the codes of `dictionary`; 0 for the others. */
  byteWidth: number;
  /** How the engine computes on it. `opaque` is passed through only. */
  domain: 'bool' | 'int' | 'uint' | 'float' | 'utf8' | 'temporal' | 'opaque';
  /** For temporal types. */
  unit?: TimeUnitText | 'day';
  timeZone?: string;
  /** For decimals. */
  precision?: number;
  scale?: number;
  /** For lists: the element type. */
  of?: TypeText;
}

/** A schema as users write it: column names in order, each with its type; every column may hold nulls. */
export type Shape = { readonly [column: string]: TypeText };

/** Values of one column as user code gives them: a typed array of the type's width, or an array with null for null. */
export type ColumnValues =
  | Int8Array
  | Int16Array
  | Int32Array
  | Uint8Array
  | Uint16Array
  | Uint32Array
  | BigInt64Array
  | BigUint64Array
  | Float32Array
  | Float64Array
  | readonly (number | bigint | string | boolean | Date | Uint8Array | null | undefined)[];

/** A batch as plain columns of equal length, so that simple code needs no Arrow. */
export type ColumnsRecord = { readonly [column: string]: ColumnValues };
