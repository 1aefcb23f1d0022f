/**
 * A dataset's metadata in a store of ours and in one of OUPS. Ours are texts; those of OUPS may be any value of Python. Plain
 * ones come over as text and go back as what they were, unless the text was changed meanwhile; objects are named.
 */
import { type PlainValue, PythonObject } from './pickle.ts';

/** Holds which values were not texts. */
const VALUES_KEY = 'oups.values';

/** JSON of a plain value; Python's int and float stay apart, and so do numbers that JSON does not have. */
function encode(value: PlainValue): unknown {
  if (typeof value === 'bigint') return { int: String(value) };
  if (typeof value === 'number') return { float: String(value) };
  if (Array.isArray(value)) return { list: value.map(encode) };
  if (typeof value !== 'object' || value === null) return value;
  return { dict: Object.entries(value).map(([name, item]) => [name, encode(item)]) };
}

function decode(value: unknown): PlainValue {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return value;
  const { int, float, list, dict } = value as {
    int?: string;
    float?: string;
    list?: unknown[];
    dict?: [string, unknown][];
  };
  if (int !== undefined) return BigInt(int);
  if (float !== undefined) return Number(float);
  if (list !== undefined) return list.map(decode);
  return Object.fromEntries((dict ?? []).map(([name, item]) => [name, decode(item)]));
}

/** A plain value as people read it: JSON, with integers of any size. */
function textOf(value: PlainValue): string {
  if (typeof value === 'bigint' || typeof value === 'number') return String(value);
  if (Array.isArray(value)) return `[${value.map(itemText).join(',')}]`;
  if (typeof value !== 'object' || value === null) return String(value);
  const entries = Object.entries(value).map(([name, item]) => `${JSON.stringify(name)}:${itemText(item)}`);
  return `{${entries.join(',')}}`;
}

function itemText(value: PlainValue): string {
  return typeof value === 'string' ? JSON.stringify(value) : textOf(value);
}

/** What is plain of OUPS's metadata, and the types of what is not, by name. */
export function splitMetadata(values: ReadonlyMap<string, PlainValue | PythonObject>): {
  plain: Record<string, PlainValue>;
  objects: Record<string, string>;
} {
  const plain: [string, PlainValue][] = [];
  const objects: [string, string][] = [];
  for (const [name, value] of values) {
    if (value instanceof PythonObject) objects.push([name, value.type]);
    else plain.push([name, value]);
  }
  return { plain: Object.fromEntries(plain), objects: Object.fromEntries(objects) };
}

/** As metadata of a dataset of ours. */
export function toTexts(values: Readonly<Record<string, PlainValue>>): Record<string, string> {
  const entries = Object.entries(values);
  const texts = entries.map(([name, value]): [string, string] => [name, textOf(value)]);
  const others = entries.filter(([, value]) => typeof value !== 'string');
  if (others.length > 0) texts.push([VALUES_KEY, JSON.stringify(others.map(([name, value]) => [name, encode(value)]))]);
  return Object.fromEntries(texts);
}

function rememberedValues(text: string | undefined): Map<string, PlainValue> {
  try {
    const entries = JSON.parse(text ?? '[]') as [string, unknown][];
    return new Map(entries.map(([name, value]) => [name, decode(value)]));
  } catch {
    // Somebody changed it: the texts themselves are still there.
    return new Map();
  }
}

/** As metadata of a dataset of OUPS. */
export function fromTexts(texts: Readonly<Record<string, string>>): Record<string, PlainValue> {
  const { [VALUES_KEY]: remembered, ...rest } = texts;
  const values = rememberedValues(remembered);
  const restore = (name: string, text: string): PlainValue => {
    const value = values.get(name);
    return value !== undefined && textOf(value) === text ? value : text;
  };
  return Object.fromEntries(Object.entries(rest).map(([name, text]) => [name, restore(name, text)]));
}
