/** Columns that come as typed arrays of just their type: a batch is made of them without a look at any value. */
import type { Arena } from '../memory/contract.ts';
import { findField } from '../schema/fields.ts';
import {
  KERNEL_TYPE_ARRAYS,
  numberTypeOf,
  type TypedArray,
  type TypedArrayConstructor,
} from '../schema/number-types.ts';
import { parseType } from '../schema/parse-type.ts';
import type { Fields, TypeText } from '../schema/types.ts';
import type { Batch } from './contract.ts';
import { descriptorBytes } from './layout.ts';
import { writeWholeDescriptor } from './shared-batch.ts';

/** Arrays whose bytes are the values of a type; undefined where values are always looked at. */
export function arraysOf(type: TypeText): TypedArrayConstructor | undefined {
  const { domain, byteWidth } = parseType(type);
  const number = domain === 'temporal' ? (byteWidth === 8 ? 'i64' : 'i32') : numberTypeOf(type);
  return number && KERNEL_TYPE_ARRAYS[number];
}

interface Shape {
  /** By field; undefined where there is a column that is never whole. */
  arrays: readonly TypedArrayConstructor[] | undefined;
  /** Bytes before the first column. */
  header: number;
}

const shapes = new WeakMap<Fields, Shape>();

function shapeOf(fields: Fields): Shape {
  let shape = shapes.get(fields);
  if (shape !== undefined) return shape;
  const arrays = fields.map(({ type }) => arraysOf(type)).filter((array) => array !== undefined);
  shape = {
    arrays: arrays.length === fields.length ? arrays : undefined,
    header: align(descriptorBytes(fields.length, 0, fields.length)),
  };
  shapes.set(fields, shape);
  return shape;
}

function align(bytes: number): number {
  return Math.ceil(bytes / 64) * 64;
}

/** The columns by field, where all of them are typed arrays of just their type, equally long, and there are no others; else undefined. */
export function wholeColumns(
  fields: Fields,
  columns: Readonly<Record<string, unknown>>,
): readonly TypedArray[] | undefined {
  const { arrays } = shapeOf(fields);
  if (arrays === undefined) return undefined;
  const whole: TypedArray[] = [];
  for (let index = 0; index < arrays.length; index++) {
    const { name } = fields[index] as Fields[number];
    const values = Object.hasOwn(columns, name) ? columns[name] : undefined;
    if (!(values instanceof (arrays[index] as TypedArrayConstructor))) return undefined;
    if (index > 0 && values.length !== whole[0]?.length) return undefined;
    whole.push(values);
  }
  for (const name in columns) if (findField(fields, name) < 0) return undefined;
  return whole.length === 0 ? undefined : whole;
}

/**
 * A batch of `wholeColumns`, in one slab.
 * @throws ERR_MEMORY_EXHAUSTED
 */
export function wholeToBatch(
  arena: Arena,
  owner: number,
  fields: Fields,
  columns: readonly TypedArray[],
  inputs: number,
): Batch {
  const { header } = shapeOf(fields);
  let bytes = header;
  for (const { byteLength } of columns) bytes += align(byteLength);
  const block = arena.alloc(bytes, owner);
  const places: number[] = [];
  let at = block + header;
  for (const values of columns) {
    places.push(at);
    arena.u8.set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength), at);
    at += align(values.byteLength);
  }
  return writeWholeDescriptor(arena, fields, { rows: columns[0]?.length ?? 0, inputs, block, places });
}
