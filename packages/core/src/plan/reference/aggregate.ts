/** Aggregation of the reference executor: all rows of the open bins are kept, and computed when their bin is emitted. */
import { PipelineError } from '../../errors.ts';
import { isFloat, isNumeric, parseType } from '../../schema/parse-type.ts';
import type { Fields, TypeText } from '../../schema/types.ts';
import type { AggregateColumn, AggregationSpec, OperatorSpec } from '../logical.ts';
import { unitOf } from './casts.ts';
import { floorDivide } from './dates.ts';
import { nearestDouble, ofScaled, ofScaledSquares, type Rational, scaledDouble } from './exact.ts';
import type { Row, Value } from './values.ts';

type AggregateSpec = Extract<OperatorSpec, { kind: 'aggStream' }>;

/** One named aggregation: rows by bin and keys, in the order they came. */
export class ReferenceAggregation {
  readonly name: string;
  readonly #aggregation: AggregationSpec;
  readonly #by: readonly number[];
  readonly #ordered: number;
  readonly #fields: Fields;
  #groups = new Map<string, { bin: bigint; keys: Row; rows: Row[] }>();
  #latest: bigint | undefined;

  constructor(spec: AggregateSpec, aggregation: AggregationSpec, fields: Fields) {
    const indexOf = (name: string): number => fields.findIndex((field) => field.name === name);
    this.name = aggregation.name;
    this.#aggregation = aggregation;
    this.#by = spec.by.map(indexOf);
    this.#ordered = indexOf(spec.orderedOn);
    this.#fields = fields;
  }

  /** @throws ERR_INPUT_UNORDERED */
  add(row: Row): void {
    const bin = this.#binOf(row);
    this.#latest = bin;
    const keys = this.#by.map((index) => row[index] as Value);
    const id = JSON.stringify([String(bin), ...keys.map((key) => (key === null ? null : [typeof key, String(key)]))]);
    const group = this.#groups.get(id) ?? { bin, keys, rows: [] };
    group.rows.push(row);
    this.#groups.set(id, group);
  }

  /** Result rows of the bins that a later row has closed, or of all; in order, and forgotten. */
  take(all: boolean): Row[] {
    const closed = [...this.#groups].filter(([, group]) => all || group.bin !== this.#latest);
    for (const [id] of closed) this.#groups.delete(id);
    const groups = closed
      .map(([, group]) => group)
      .sort((left, right) => compareValues(left.bin, right.bin) || compareRows(left.keys, right.keys));
    return groups.map(({ bin, keys, rows }) => [
      this.#binStart(bin),
      ...keys,
      ...this.#aggregation.columns.map((column) => this.#compute(column, rows)),
    ]);
  }

  get #step(): bigint {
    const type = this.#fields[this.#ordered]?.type as TypeText;
    return isNumeric(type) ? 1n : unitOf(type);
  }

  #binOf(row: Row): bigint {
    const value = row[this.#ordered];
    const name = this.#fields[this.#ordered]?.name ?? '';
    if (value === null || Number.isNaN(value))
      throw new PipelineError(
        'ERR_INPUT_UNORDERED',
        `column "${name}" is ${String(value)} in a row, so it has no place in the order`,
        { column: name },
      );
    const whole = typeof value === 'number' ? BigInt(Math.floor(value)) : (value as bigint);
    const { everyNs, originNs } = this.#aggregation.bins;
    const bin = floorDivide(whole * this.#step - BigInt(originNs), BigInt(everyNs));
    if (this.#latest !== undefined && bin < this.#latest)
      throw new PipelineError('ERR_INPUT_UNORDERED', `column "${name}" goes back to ${String(value)}`, {
        column: name,
        value: String(value),
      });
    return bin;
  }

  #binStart(bin: bigint): Value {
    const { everyNs, originNs } = this.#aggregation.bins;
    const start = (bin * BigInt(everyNs) + BigInt(originNs)) / this.#step;
    return isFloat(this.#fields[this.#ordered]?.type as TypeText) ? Number(start) : start;
  }

  #compute(column: AggregateColumn, rows: readonly Row[]): Value {
    if (column.column === undefined) return BigInt(rows.length);
    const index = this.#fields.findIndex((field) => field.name === column.column);
    const values = rows.map((row) => row[index] as Value).filter((value) => value !== null);
    return compute(column, this.#fields[index]?.type as TypeText, values);
  }
}

function compute(column: AggregateColumn, type: TypeText, values: readonly Value[]): Value {
  const { fn } = column;
  if (fn === 'count') return BigInt(values.length);
  const first = values[0];
  if (first === undefined) return null;
  switch (fn) {
    case 'first':
      return first;
    case 'last':
      return values.at(-1) as Value;
    case 'min':
      return extreme(values, -1);
    case 'max':
      return extreme(values, 1);
    default:
      return isFloat(type)
        ? floatMoments(fn, values as number[])
        : integerMoments(
            column,
            type,
            values.map((value) => BigInt(value as bigint | boolean)),
          );
  }
}

/** A NaN only where there is nothing else; −0 before 0; the first of equal ones. */
function extreme(values: readonly Value[], sign: number): Value {
  const comparable = values.filter((value) => !Number.isNaN(value));
  if (comparable.length === 0) return NaN;
  return comparable.reduce((held, value) => (compareValues(value, held) * sign > 0 ? value : held));
}

function floatMoments(fn: 'sum' | 'mean' | 'std' | 'var', values: readonly number[]): Value {
  const count = BigInt(values.length);
  if (fn === 'sum' || fn === 'mean') return fn === 'sum' ? floatSum(values) : floatSum(values) / values.length;
  if (count < 2n) return null;
  if (!values.every(Number.isFinite)) return NaN;
  const scaled = values.map(scaledDouble);
  const sum = scaled.reduce((total, value) => total + value, 0n);
  const squares = scaled.reduce((total, value) => total + value * value, 0n);
  return deviation(fn, { ...ofScaledSquares(count * squares - sum * sum) }, count);
}

function floatSum(values: readonly number[]): number {
  if (!values.every(Number.isFinite))
    return values.filter((value) => !Number.isFinite(value)).reduce((total, value) => total + value);
  if (values.every((value) => Object.is(value, -0))) return -0;
  return nearestDouble(ofScaled(values.reduce((total, value) => total + scaledDouble(value), 0n)));
}

function integerMoments({ fn, name }: AggregateColumn, type: TypeText, values: readonly bigint[]): Value {
  const count = BigInt(values.length);
  const sum = values.reduce((total, value) => total + value, 0n);
  if (fn === 'mean') return nearestDouble({ numerator: sum, denominator: 1n }) / values.length;
  if (fn === 'sum') {
    const [least, most] = parseType(type).domain === 'uint' ? [0n, 2n ** 64n - 1n] : [-(2n ** 63n), 2n ** 63n - 1n];
    if (sum >= least && sum <= most) return sum;
    throw new PipelineError('ERR_INTEGER_OVERFLOW', `the sum "${name}" is ${sum}, beyond 64 bits`, {
      column: name,
      value: String(sum),
    });
  }
  if (count < 2n) return null;
  const squares = values.reduce((total, value) => total + value * value, 0n);
  return deviation(fn as 'std' | 'var', { numerator: count * squares - sum * sum, denominator: 1n }, count);
}

function deviation(fn: 'std' | 'var', { numerator, denominator }: Rational, count: bigint): number {
  const variance = nearestDouble({ numerator, denominator: denominator * count * (count - 1n) });
  return fn === 'var' ? variance : Math.sqrt(variance);
}

function compareRows(left: Row, right: Row): number {
  for (const [index, value] of left.entries()) {
    const sign = compareValues(value, right[index] as Value);
    if (sign !== 0) return sign;
  }
  return 0;
}

/** Nulls last, texts by their UTF-8 bytes, −0 before 0. */
export function compareValues(left: Value, right: Value): number {
  if (left === null || right === null) return left === right ? 0 : left === null ? 1 : -1;
  if (typeof left === 'string') return Buffer.compare(Buffer.from(left), Buffer.from(right as string));
  if (left === 0 && right === 0) return Number(Object.is(right, -0)) - Number(Object.is(left, -0));
  return left < right ? -1 : left > right ? 1 : 0;
}
