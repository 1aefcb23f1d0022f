/** Whether a state of user code can be written down and read again as it was: plain data through and through. */
import { types } from 'node:util';

const PLAIN: readonly ((value: object) => boolean)[] = [
  Array.isArray,
  types.isMap,
  types.isSet,
  types.isDate,
  types.isRegExp,
  types.isAnyArrayBuffer,
  ArrayBuffer.isView,
];

/** Where something lies that is no plain data, and what it is; undefined where all is. `name`: of the value. */
export function whatIsNotPlain(value: unknown, name = 'state', seen: Set<unknown> = new Set()): string | undefined {
  if (typeof value === 'function' || typeof value === 'symbol') return `${name} is a ${typeof value}`;
  if (typeof value !== 'object' || value === null || seen.has(value)) return undefined;
  seen.add(value);
  if (types.isSharedArrayBuffer(value)) return `${name} is memory that is shared`;
  const prototype: unknown = Object.getPrototypeOf(value);
  const isObject = prototype === null || prototype === Object.prototype;
  if (!isObject && !PLAIN.some((is) => is(value))) return `${name} is a ${value.constructor?.name ?? 'strange object'}`;
  if (ArrayBuffer.isView(value)) return whatIsNotPlain(value.buffer, name, seen);
  return firstOf(partsOf(value, name), ([part, at]) => whatIsNotPlain(part, at, seen));
}

function* partsOf(value: object, name: string): Generator<[unknown, string], void> {
  if (types.isMap(value))
    for (const [key, part] of value) {
      yield [key, `a key of ${name}`];
      yield [part, `a value of ${name}`];
    }
  else if (types.isSet(value)) for (const part of value) yield [part, `an element of ${name}`];
  else if (Array.isArray(value)) for (const part of value) yield [part, `an element of ${name}`];
  else if (!types.isAnyArrayBuffer(value))
    for (const [key, part] of Object.entries(value)) yield [part, `${name}.${key}`];
}

function firstOf<T, R>(items: Iterable<T>, of: (item: T) => R | undefined): R | undefined {
  for (const item of items) {
    const found = of(item);
    if (found !== undefined) return found;
  }
  return undefined;
}
