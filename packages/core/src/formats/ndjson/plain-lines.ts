/** Rows of NDJSON text by columns, the slow and obvious way: for the reference executor and for comparing. */
import type { Fields } from '../../schema/types.ts';
import type { RowProblem } from '../csv/csv-error.ts';
import type { ValueFormat } from '../csv/csv-format.ts';
import { type PlainValue, plainValue } from '../csv/plain-values.ts';
import { type KeyTree, keyTree } from './key-tree.ts';
import { type PlainJson, parseLine, unescapedText } from './plain-json.ts';

/** A line that is not empty. */
export interface PlainLine {
  /** From 0. */
  line: number;
  values?: PlainValue[];
  problem?: RowProblem;
}

const LF = 10;

/** Lines of `bytes` from a place on, with where each starts and ends. Empty ones are left out. */
export function* linesOf(bytes: Uint8Array, from: number): Generator<{ line: number; start: number; end: number }> {
  let line = 0;
  for (let start = from; start < bytes.length; line++) {
    const found = bytes.indexOf(LF, start);
    const end = found < 0 ? bytes.length : found;
    const text = Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString('latin1');
    if (/[^ \t\r]/.test(text)) yield { line, start, end };
    start = end + 1;
  }
}

/** The rows of a text, with what is wrong with those that are bad. */
export function* plainLines(
  bytes: Uint8Array,
  fields: Fields,
  format: Pick<ValueFormat, 'timeFormats' | 'timeZone'>,
  from: number,
): Generator<PlainLine> {
  const tree = keyTree(fields);
  for (const { line, start, end } of linesOf(bytes, from)) {
    const raw = Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start);
    const values = rowOf(raw, tree, fields, format);
    yield Array.isArray(values) ? { line, values } : { line, problem: values };
  }
}

function rowOf(
  raw: Buffer,
  tree: KeyTree,
  fields: Fields,
  format: Pick<ValueFormat, 'timeFormats' | 'timeZone'>,
): PlainValue[] | RowProblem {
  const { value, fault } = parseLine(raw.toString('latin1'));
  const found = new Map<number, PlainJson>();
  const twice = collect(value, tree, found);
  if (twice !== undefined) return { kind: 'column', why: 'twice', column: fields[twice]?.name ?? '' };
  if (fault !== undefined) return { kind: 'json', ...fault };
  for (const [index, { name }] of fields.entries()) {
    const value = found.get(index);
    if (value?.kind === 'text' && unescapedText(value.raw) === undefined)
      return { kind: 'column', why: 'surrogate', column: name };
  }
  if (Buffer.compare(Buffer.from(raw.toString('utf8')), raw) !== 0) return { kind: 'utf8', byte: 0 };
  const values: PlainValue[] = [];
  for (const [index, { name, type }] of fields.entries()) {
    const value = found.get(index);
    const text = textOf(value);
    const written = format.timeFormats[name];
    const time = {
      ...(written !== undefined && { format: written }),
      ...(format.timeZone !== undefined && { zone: format.timeZone }),
    };
    const read = text === undefined ? null : plainValue(type, text, value?.kind === 'text', [], time);
    if (read === undefined) return { kind: 'value', column: name, type, text: text as string, why: 'noValue' };
    values.push(read);
  }
  return values;
}

function textOf(value: PlainJson | undefined): string | undefined {
  if (value === undefined || value.kind === 'null') return undefined;
  return value.kind === 'text' ? unescapedText(value.raw) : Buffer.from(value.raw, 'latin1').toString('utf8');
}

/** The values of columns, in the order of the line. Returns the first column that is there twice. */
function collect(object: PlainJson, tree: KeyTree, found: Map<number, PlainJson>): number | undefined {
  for (const { key, value } of object.members) {
    const node = key === undefined ? undefined : tree.get(key);
    if (node === undefined) continue;
    if (node.column >= 0) {
      if (found.has(node.column)) return node.column;
      found.set(node.column, value);
    }
    const twice = collect(value, node.keys, found);
    if (twice !== undefined) return twice;
  }
  return undefined;
}
