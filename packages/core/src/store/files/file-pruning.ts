/** Which files can hold rows that a read wants, by what the log says of them. */
import { toTemporal } from '../../batch/write-values.ts';
import type { ExpressionNode } from '../../expressions/node.ts';
import { compareOrdered, type OrderedValue } from '../../formats/ordered-value.ts';
import { parseType } from '../../schema/parse-type.ts';
import type { Fields, TypeText } from '../../schema/types.ts';
import { readBound } from '../log/delta-stats.ts';

/** Ordered values at or after `from` and before `to`. */
export interface ValueRange {
  from: OrderedValue | undefined;
  to: OrderedValue | undefined;
}

/** Whether values between these bounds can be in a range; an unknown bound can. */
export function overlaps(
  { min, max }: { min: OrderedValue | undefined; max: OrderedValue | undefined },
  { from, to }: ValueRange,
): boolean {
  if (from !== undefined && max !== undefined && compareOrdered(max, from) < 0) return false;
  return to === undefined || min === undefined || compareOrdered(min, to) < 0;
}

const MIRRORED: Readonly<Record<string, string>> = { lt: 'gt', le: 'ge', gt: 'lt', ge: 'le', eq: 'eq' };

/** A literal as a value that bounds of a column compare with, or undefined where that is not plain. */
function literalFor(
  node: Extract<ExpressionNode, { kind: 'lit' }>,
  type: TypeText,
): number | bigint | string | undefined {
  const { domain } = parseType(type);
  if (domain === 'utf8') return node.type === 'utf8' && typeof node.value === 'string' ? node.value : undefined;
  if (domain === 'temporal') {
    if (node.type === type) return BigInt(String(node.value));
    return node.type === 'utf8' ? toTemporal(parseType(type), node.value) : undefined;
  }
  const isNumber = /^(u?int|float)/.test(node.type) && node.value !== null;
  return isNumber && /^(int|uint|float)$/.test(domain) ? Number(node.value) : undefined;
}

/** Less is certain only where it survives rounding. */
function isBelow(a: OrderedValue | undefined, b: number | bigint | string): boolean {
  if (a === undefined) return false;
  if (typeof a === 'string' || typeof b === 'string') return typeof a === typeof b && compareOrdered(a, b) < 0;
  return typeof b === 'bigint' ? BigInt(a) < b : Number(a) < b;
}

function isAbove(a: OrderedValue | undefined, b: number | bigint | string): boolean {
  if (a === undefined) return false;
  if (typeof a === 'string' || typeof b === 'string') return typeof a === typeof b && compareOrdered(a, b) > 0;
  return typeof b === 'bigint' ? BigInt(a) > b : Number(a) > b;
}

/** Whether a file with these statistics can have a row for which a condition holds. */
export function canMatch(node: ExpressionNode, stats: string | null | undefined, fields: Fields): boolean {
  if (node.kind !== 'binary') return true;
  const { fn, left, right } = node;
  if (fn === 'and') return canMatch(left, stats, fields) && canMatch(right, stats, fields);
  if (fn === 'or') return canMatch(left, stats, fields) || canMatch(right, stats, fields);
  if (left.kind === 'lit' && right.kind === 'col' && MIRRORED[fn] !== undefined)
    return canMatch({ ...node, fn: MIRRORED[fn] as typeof fn, left: right, right: left }, stats, fields);
  if (left.kind !== 'col' || right.kind !== 'lit') return true;
  const type = fields.find((field) => field.name === left.name)?.type;
  const value = type === undefined ? undefined : literalFor(right, type);
  if (type === undefined || value === undefined) return true;
  const bound = (which: 'min' | 'max'): OrderedValue | undefined => readBound(stats, left.name, type, which);
  if (fn === 'lt' || fn === 'le') return !isAbove(bound('min'), value);
  if (fn === 'gt' || fn === 'ge') return !isBelow(bound('max'), value);
  return fn !== 'eq' || !(isAbove(bound('min'), value) || isBelow(bound('max'), value));
}
