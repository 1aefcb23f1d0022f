/** Aggregate functions of the reference executor: of all rows of a group, as they came. */
import { PipelineError } from '../../errors.ts';
import { QuantileBuckets, quantileOf, rankOf } from '../../kernels/quantiles.ts';
import { estimateUnique, hashBytes, hashWords, registerOf, zerosOf } from '../../kernels/unique-sketch.ts';
import { type AggregateDefinition, resolveAggregate } from '../../operators/aggregate-definition.ts';
import { isFloat, parseType } from '../../schema/parse-type.ts';
import type { Fields, TypeText } from '../../schema/types.ts';
import type { AggregateColumn, AggregateFn } from '../logical.ts';
import { nearestDouble, ofScaled, ofScaledSquares, type Rational, scaledDouble } from './exact.ts';
import { objectsOfRows, type Row, toValue, type Value } from './values.ts';

/** Results of a group. */
export interface Computation {
  compute(rows: readonly Row[]): Value[];
}

/** Loads the functions of users among the columns. @throws ERR_OP_IMPORT */
export async function computationOf(columns: readonly AggregateColumn[], fields: Fields): Promise<Computation> {
  const definitions = new Map<AggregateColumn, AggregateDefinition>();
  for (const column of columns)
    if (column.custom !== undefined) definitions.set(column, await resolveAggregate(column.custom.ref));
  return {
    compute: (rows) =>
      columns.map((column) => {
        const definition = definitions.get(column);
        return definition === undefined
          ? computeColumn(column, rows, fields)
          : customResult(column, definition, rows, fields);
      }),
  };
}

function indexOf(fields: Fields, name: string | undefined): number {
  return fields.findIndex((field) => field.name === name);
}

function computeColumn(column: AggregateColumn, rows: readonly Row[], fields: Fields): Value {
  if (column.column === undefined) return BigInt(rows.length);
  const index = indexOf(fields, column.column);
  const type = fields[index]?.type as TypeText;
  if (column.other !== undefined) {
    const other = indexOf(fields, column.other);
    const pairs = rows
      .map((row): [Value, Value] => [row[index] as Value, row[other] as Value])
      .filter(([value, by]) => value !== null && by !== null);
    if (column.fn === 'wmean') return weightedMean(pairs as [Summand, Summand][]);
    return extremeRow(pairs, column.fn === 'argMin' ? -1 : 1);
  }
  return compute(
    column,
    type,
    rows.map((row) => row[index] as Value).filter((value) => value !== null),
  );
}

function customResult(
  { name, custom }: AggregateColumn,
  definition: AggregateDefinition,
  rows: readonly Row[],
  fields: Fields,
): Value {
  if (custom === undefined || rows.length === 0) return null;
  let state = definition.init(custom.options);
  let taken = 0;
  for (const values of objectsOfRows(rows, fields)) {
    const given = custom.columns.map((column) => values[column]);
    if (!custom.takesNulls && given.includes(null)) continue;
    state = definition.update(state, ...given);
    taken += 1;
  }
  if (taken === 0) return null;
  return toValue({ name, type: custom.output, nullable: true }, definition.finish(state, custom.options));
}

function compute(column: AggregateColumn, type: TypeText, values: readonly Value[]): Value {
  const { fn } = column;
  if (fn === 'count') return BigInt(values.length);
  if (fn === 'nUnique') return BigInt(new Set(values.map(identityOf)).size);
  if (fn === 'nUniqueApprox') return BigInt(approximateUnique(values, column.precision as number));
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
    case 'median':
    case 'quantile':
      return quantile(column, values.map(Number));
    case 'quantileApprox':
      return approximateQuantile(column, values.map(Number));
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

/** NaN behind all numbers. */
function inOrder(values: readonly number[]): number[] {
  return [...values].sort(
    (left, right) => Number(Number.isNaN(left)) - Number(Number.isNaN(right)) || left - right || 0,
  );
}

function quantile({ quantile: q = 0.5, interpolation = 'linear' }: AggregateColumn, values: readonly number[]): number {
  const sorted = inOrder(values);
  return quantileOf(q, interpolation, sorted.length, (rank) => sorted[rank] as number);
}

function approximateQuantile(
  { quantile: q = 0.5, relativeError = 0.01 }: AggregateColumn,
  values: readonly number[],
): number {
  const buckets = new QuantileBuckets(relativeError);
  const sorted = values.map((value) => buckets.bucketOf(value)).sort((left, right) => left - right);
  return buckets.valueOf(sorted[rankOf(q, sorted.length)] as number);
}

/** Equal for values that are one: all NaN, both zeros. */
function identityOf(value: Value): string {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex');
  return typeof value === 'number' ? String(value === 0 ? 0 : value) : String(value);
}

function approximateUnique(values: readonly Value[], precision: number): number {
  const registers = new Uint8Array(2 ** precision);
  const hash = { high: 0, low: 0 };
  for (const value of values) {
    if (typeof value === 'string' || value instanceof Uint8Array) {
      const bytes = typeof value === 'string' ? new TextEncoder().encode(value) : value;
      hashBytes(bytes, 0, bytes.length, hash);
    } else {
      const [high, low] = wordsOf(value as number | bigint | boolean);
      hashWords(high, low, hash);
    }
    const register = registerOf(hash, precision);
    registers[register] = Math.max(registers[register] as number, zerosOf(hash, precision));
  }
  const counts: number[] = [];
  for (const held of registers) counts[held] = (counts[held] ?? 0) + 1;
  return estimateUnique(counts, precision);
}

/** The two halves of a value's 64 bits: of floats as doubles, with one zero and one NaN. */
function wordsOf(value: number | bigint | boolean): [number, number] {
  const view = new DataView(new ArrayBuffer(8));
  if (typeof value === 'number') view.setFloat64(0, Number.isNaN(value) ? NaN : value === 0 ? 0 : value);
  else view.setBigInt64(0, BigInt.asIntN(64, BigInt(value)));
  return [view.getInt32(0), view.getInt32(4)];
}

/** A NaN only where there is nothing else; −0 before 0; the first of equal ones. */
function extreme(values: readonly Value[], sign: number): Value {
  const comparable = values.filter((value) => !Number.isNaN(value));
  if (comparable.length === 0) return NaN;
  return comparable.reduce((held, value) => (compareValues(value, held) * sign > 0 ? value : held));
}

/** Value of the first row with the extreme of the other column; of rows with NaN only where there are no others. */
function extremeRow(pairs: readonly [Value, Value][], sign: number): Value {
  const comparable = pairs.filter(([, by]) => !Number.isNaN(by));
  const [first, ...rest] = comparable.length > 0 ? comparable : pairs;
  if (first === undefined) return null;
  return rest.reduce((held, pair) => (compareValues(pair[1], held[1]) * sign > 0 ? pair : held), first)[0];
}

type Summand = bigint | number | boolean;

/** Exact Σwx and Σw, one division. Numbers that are not finite make it what their arithmetic makes of them. */
function weightedMean(pairs: readonly [Summand, Summand][]): Value {
  if (pairs.length === 0) return null;
  const isFinite = ([value, weight]: [Summand, Summand]): boolean =>
    Number.isFinite(Number(value)) && Number.isFinite(Number(weight));
  if (!pairs.every(isFinite)) {
    const products = pairs.filter((pair) => !isFinite(pair)).map(([value, weight]) => Number(value) * Number(weight));
    const weights = pairs.map(([, weight]) => Number(weight)).filter((weight) => !Number.isFinite(weight));
    const over = products.reduce((total, product) => total + product);
    const finite = pairs.reduce((total, [, weight]) => total + scaled(weight), 0n);
    const under =
      weights.length > 0 ? weights.reduce((total, weight) => total + weight) : nearestDouble(ofScaled(finite));
    return under === 0 ? null : over / under;
  }
  const over = pairs.reduce((total, [value, weight]) => total + scaled(value) * scaled(weight), 0n);
  const under = pairs.reduce((total, [, weight]) => total + scaled(weight), 0n);
  if (under === 0n) return null;
  const sign = under < 0n ? -1n : 1n;
  return nearestDouble({ numerator: over * sign, denominator: under * sign * ofScaled(0n).denominator });
}

function scaled(value: Summand): bigint {
  if (typeof value !== 'number') return BigInt(value) * ofScaled(0n).denominator;
  return Number.isFinite(value) ? scaledDouble(value) : 0n;
}

function floatMoments(fn: AggregateFn, values: readonly number[]): Value {
  const count = BigInt(values.length);
  if (fn === 'sum' || fn === 'mean') return fn === 'sum' ? floatSum(values) : floatSum(values) / values.length;
  if (count < 2n) return null;
  if (!values.every(Number.isFinite)) return NaN;
  const scaled = values.map(scaledDouble);
  const sum = scaled.reduce((total, value) => total + value, 0n);
  const squares = scaled.reduce((total, value) => total + value * value, 0n);
  return deviation(fn as 'std' | 'var', { ...ofScaledSquares(count * squares - sum * sum) }, count);
}

function floatSum(values: readonly number[]): number {
  if (!values.every(Number.isFinite))
    return values.filter((value) => !Number.isFinite(value)).reduce((total, value) => total + value);
  if (values.every((value) => Object.is(value, -0))) return -0;
  return nearestDouble(ofScaled(values.reduce((total, value) => total + scaledDouble(value), 0n)));
}

function integerMoments(column: AggregateColumn, type: TypeText, values: readonly bigint[]): Value {
  const { fn } = column;
  const count = BigInt(values.length);
  const sum = values.reduce((total, value) => total + value, 0n);
  if (fn === 'mean') return nearestDouble({ numerator: sum, denominator: 1n }) / values.length;
  if (fn === 'sum') return integerSum(column, parseType(type).domain === 'uint', sum);
  if (count < 2n) return null;
  const squares = values.reduce((total, value) => total + value * value, 0n);
  return deviation(fn as 'std' | 'var', { numerator: count * squares - sum * sum, denominator: 1n }, count);
}

function integerSum({ name, overflow }: AggregateColumn, isUnsigned: boolean, sum: bigint): Value {
  if (overflow === 'float64') return nearestDouble({ numerator: sum, denominator: 1n });
  if (overflow === 'wrap') return isUnsigned ? BigInt.asUintN(64, sum) : BigInt.asIntN(64, sum);
  const [least, most] = isUnsigned ? [0n, 2n ** 64n - 1n] : [-(2n ** 63n), 2n ** 63n - 1n];
  if (sum >= least && sum <= most) return sum;
  throw new PipelineError('ERR_INTEGER_OVERFLOW', `the sum "${name}" is ${sum}, beyond 64 bits`, {
    column: name,
    value: String(sum),
  });
}

function deviation(fn: 'std' | 'var', { numerator, denominator }: Rational, count: bigint): number {
  const variance = nearestDouble({ numerator, denominator: denominator * count * (count - 1n) });
  return fn === 'var' ? variance : Math.sqrt(variance);
}

/** Key by key. */
export function compareRows(left: Row, right: Row): number {
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
