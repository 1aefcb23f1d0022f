import type { Fields, TypeText } from '@spillway/core';
import type { AggregateColumn, FixedBins } from '@spillway/core/internal';
import {
  type AggregateSpec,
  addDouble,
  addDoubleSquare,
  emptySum,
  sumToDouble,
  varianceOf,
} from '@spillway/core/internal';
import type { Results, Row } from './aggregate-harness.ts';

/** What an aggregate has to give, in the plainest JavaScript: arrays of values, BigInt sums, and a sort at the end. */
export function modelAggregate(spec: AggregateSpec, fields: Fields, rows: readonly Row[]): Results {
  const results: Results = {};
  for (const { name, bins, columns } of spec.aggregations) {
    const groups = new Map<string, { bin: bigint; keys: unknown[]; rows: Row[] }>();
    const { everyNs, originNs } = bins as FixedBins;
    const [every, origin] = [BigInt(everyNs), BigInt(originNs)];
    for (const row of rows) {
      const t = row['t'];
      const value = BigInt(typeof t === 'number' ? Math.floor(t) : (t as bigint)) - origin;
      const bin = (value % every < 0n ? value / every - 1n : value / every) * every + origin;
      const keys = spec.by.map((key) => row[key] ?? null);
      const id = [bin, ...keys.map((key) => `${typeof key}:${String(key)}`)].join('\u0001');
      let group = groups.get(id);
      if (group === undefined) groups.set(id, (group = { bin, keys, rows: [] }));
      group.rows.push(row);
    }
    const sorted = [...groups.values()].sort((a, b) =>
      a.bin < b.bin ? -1 : a.bin > b.bin ? 1 : compareKeys(a.keys, b.keys),
    );
    results[name] = sorted.map((group) => ({
      t: typeof rows[0]?.['t'] === 'number' ? Number(group.bin) : group.bin,
      ...Object.fromEntries(spec.by.map((key, index) => [key, group.keys[index]])),
      ...Object.fromEntries(columns.map((column) => [column.name, resultOf(column, fields, group.rows)])),
    }));
  }
  return results;
}

function compareKeys(a: readonly unknown[], b: readonly unknown[]): number {
  for (const [index, left] of a.entries()) {
    const right = b[index];
    if (left === right) continue;
    if (left === null) return 1;
    if (right === null) return -1;
    if (typeof left === 'string') return Buffer.compare(Buffer.from(left), Buffer.from(right as string));
    return (left as number) < (right as number) ? -1 : 1;
  }
  return 0;
}

type Value = number | bigint | string | boolean;

function resultOf(column: AggregateColumn, fields: Fields, rows: readonly Row[]): unknown {
  const { fn, column: input } = column;
  if (input === undefined) return BigInt(rows.length);
  const { type } = fields.find((field) => field.name === input) as Fields[number];
  const values = rows.map((row) => row[input]).filter((value) => value !== null && value !== undefined) as Value[];
  if (fn === 'count') return BigInt(values.length);
  if (values.length === 0) return null;
  if (fn === 'first') return values[0];
  if (fn === 'last') return values.at(-1);
  if (fn === 'min' || fn === 'max') return extreme(values, fn === 'min' ? -1 : 1);
  return computed(fn, type, values);
}

/** NaN only where there is nothing else; −0 before 0; texts by UTF-8 bytes. */
function extreme(values: readonly Value[], sign: number): Value {
  const comparable = values.filter((value) => !Number.isNaN(value));
  if (comparable.length === 0) return NaN;
  return comparable.reduce((held, value) => (order(value, held) * sign > 0 ? value : held));
}

function order(a: Value, b: Value): number {
  if (typeof a === 'string') return Buffer.compare(Buffer.from(a), Buffer.from(b as string));
  if (a === 0 && b === 0) return (Object.is(a, -0) ? 0 : 1) - (Object.is(b, -0) ? 0 : 1);
  return a < b ? -1 : a > b ? 1 : 0;
}

function computed(fn: string, type: TypeText, values: readonly Value[]): unknown {
  const sum = emptySum();
  const squares = emptySum();
  const isFloat = type.startsWith('float');
  for (const value of values) {
    if (isFloat) {
      addDouble(sum, value as number);
      addDoubleSquare(squares, value as number);
    } else {
      const integer = BigInt(value as number);
      sum.numerator += integer;
      squares.numerator += integer * integer;
    }
  }
  if (!isFloat) sum.flags = 8;
  if (fn === 'sum') return isFloat ? sumToDouble(sum) : sum.numerator;
  if (fn === 'mean') return sumToDouble(sum) / values.length;
  const variance = varianceOf(BigInt(values.length), sum, squares);
  return variance === null || fn === 'var' ? variance : Math.sqrt(variance);
}
