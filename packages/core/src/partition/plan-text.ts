/**
 * Plans as JSON, for other processes: what JSON cannot say (bigint, bytes, numbers that are none, dates, maps and sets of options) is written
 * as an object of one tagged key, and read back as it was.
 */
import { PipelineError } from '../errors.ts';

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** The one key of an object that stands for something else. No plan has a key like it: those of users are escaped. */
const TAG = '$is';
const ODD_NUMBERS: Readonly<Record<string, number>> = { NaN, Infinity, '-Infinity': -Infinity, '-0': -0 };

/**
 * A value of a plan as text. `what`: whom a refusal names.
 * @throws ERR_PLAN for a function, a symbol or an object of a class
 */
export function writePlanText(value: unknown, what: string): string {
  return JSON.stringify(encode(value, what, what));
}

/** What `writePlanText` was given. @throws ERR_PLAN for what this version does not know; SyntaxError for what is no JSON */
export function readPlanText<T>(text: string): T {
  return decode(JSON.parse(text) as Json) as T;
}

function refuse(what: string, place: string, found: string): PipelineError {
  return new PipelineError('ERR_PLAN', `${what}: ${place} is ${found}, which cannot go to another process`, {
    stage: what,
    hint: 'put it into a module that the other machines have too (defineOp, defineFold, defineSource), and give plain data as options',
  });
}

function tagged(is: string, value: Json): Json {
  return { [TAG]: is, value };
}

function encode(value: unknown, what: string, place: string): Json {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return value;
    case 'number':
      return Number.isFinite(value) && !Object.is(value, -0)
        ? value
        : tagged('number', Object.is(value, -0) ? '-0' : String(value));
    case 'bigint':
      return tagged('bigint', String(value));
    case 'undefined':
      return tagged('undefined', null);
    case 'object':
      return value === null ? null : encodeObject(value, what, place);
    default:
      throw refuse(what, place, `a ${typeof value}`);
  }
}

function encodeObject(value: object, what: string, place: string): Json {
  const each = (items: Iterable<unknown>): Json[] =>
    Array.from(items, (item) => encode(item, what, `a part of ${place}`));
  if (Array.isArray(value)) return each(value);
  if (value instanceof Date) return tagged('date', value.getTime());
  if (value instanceof Map) return tagged('map', each([...value].flat()));
  if (value instanceof Set) return tagged('set', each(value));
  if (value instanceof RegExp) return tagged('regexp', [value.source, value.flags]);
  if (ArrayBuffer.isView(value)) {
    const bytes = Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('base64');
    return tagged('bytes', [value.constructor.name, bytes]);
  }
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== null && prototype !== Object.prototype)
    throw refuse(what, place, `an object of class ${value.constructor?.name ?? 'unknown'}`);
  // A key that is there without a value means the same as none.
  const entries = Object.entries(value)
    .filter(([, part]) => part !== undefined)
    .map(([key, part]) => [key.startsWith(TAG) ? `${TAG}${key}` : key, encode(part, what, `${place}.${key}`)]);
  return Object.fromEntries(entries) as Json;
}

function decode(json: Json): unknown {
  if (typeof json !== 'object' || json === null) return json;
  if (Array.isArray(json)) return json.map(decode);
  const is = json[TAG];
  if (typeof is === 'string') return decodeTagged(is, json['value'] as Json);
  return Object.fromEntries(
    Object.entries(json).map(([key, part]) => [key.startsWith(TAG) ? key.slice(TAG.length) : key, decode(part)]),
  );
}

function decodeTagged(is: string, value: Json): unknown {
  switch (is) {
    case 'number':
      return ODD_NUMBERS[value as string];
    case 'bigint':
      return BigInt(value as string);
    case 'undefined':
      return undefined;
    case 'date':
      return new Date(value as number);
    case 'map':
      return mapOf((value as Json[]).map(decode));
    case 'set':
      return new Set((value as Json[]).map(decode));
    case 'regexp':
      return new RegExp(...(value as [string, string]));
    case 'bytes':
      return bytesOf(...(value as [string, string]));
    default:
      throw new PipelineError('ERR_PLAN', `a plan has a "${is}", which this version does not know`, {
        hint: 'install the same version of Spillway everywhere',
      });
  }
}

function mapOf(flat: readonly unknown[]): Map<unknown, unknown> {
  return new Map(
    Array.from({ length: flat.length / 2 }, (_, index) => [flat[2 * index], flat[2 * index + 1]] as [unknown, unknown]),
  );
}

const VIEWS = {
  Int8Array,
  Uint8Array,
  Uint8ClampedArray,
  Int16Array,
  Uint16Array,
  Int32Array,
  Uint32Array,
  Float32Array,
  Float64Array,
  BigInt64Array,
  BigUint64Array,
  DataView,
} as const;

function bytesOf(name: string, base64: string): unknown {
  const bytes = Uint8Array.from(Buffer.from(base64, 'base64'));
  return name === 'Buffer'
    ? Buffer.from(bytes)
    : new (VIEWS[name as keyof typeof VIEWS] as typeof Uint8Array)(bytes.buffer);
}
