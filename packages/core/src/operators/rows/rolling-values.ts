/**
 * Functions over a window that slides: what comes in is added, what goes out is taken away again. Sums are exact, so taking away leaves what
 * adding the rest would have given; extremes are kept as a queue in which each value is better than those behind it. Their rules are those of
 * `aggStream`: nulls are skipped, NaN makes a sum NaN and is an extreme only where there is nothing else, −0 is less than 0.
 */
import { PipelineError } from '../../errors.ts';
import {
  addScaled,
  decomposeDouble,
  type ExactSum,
  emptySum,
  roundQuotient,
  roundToDouble,
  SUM_MINUS_INFINITY,
  SUM_NAN,
  SUM_NOT_MINUS_ZERO,
  SUM_PLUS_INFINITY,
  sumToDouble,
  varianceOf,
} from '../../kernels/exact-sum.ts';
import type { AggregateColumn } from '../../plan/logical.ts';
import type { TypeText } from '../../schema/types.ts';
import { isFloat, isUnsigned, valueTypeOf } from '../aggregate/value-type.ts';

/** A value as `columnReader` gives it, not null. */
type Value = unknown;

/** One function over one window. */
export interface RollingValue {
  /** Values come and go in the same order. */
  add(value: Value): void;
  remove(value: Value): void;
  /** Null where the window has no value. */
  result(): unknown;
  /** Plain data, and taking it up again. */
  save(): unknown;
  restore(saved: never): void;
}

/** The function of a column; `type` is its input's. */
export function rollingValue(column: AggregateColumn, type: TypeText): RollingValue {
  switch (column.fn) {
    case 'count':
      return new Count();
    case 'first':
    case 'last':
      return new Ends(column.fn === 'first');
    case 'min':
    case 'max':
      return new Extreme(column.fn === 'min' ? -1 : 1);
    default: {
      const { kernel } = valueTypeOf(type);
      return isFloat(kernel)
        ? new FloatMoments(column)
        : new IntegerMoments(column, isUnsigned(kernel) && type !== 'bool');
    }
  }
}

class Count implements RollingValue {
  #count = 0n;

  add(): void {
    this.#count += 1n;
  }

  remove(): void {
    this.#count -= 1n;
  }

  result(): bigint {
    return this.#count;
  }

  save(): bigint {
    return this.#count;
  }

  restore(count: bigint): void {
    this.#count = count;
  }
}

/** A queue whose front is let go of in place. */
class Queue<T> {
  #items: T[] = [];
  #head = 0;

  get size(): number {
    return this.#items.length - this.#head;
  }

  /** From the front to the back. */
  get items(): T[] {
    return this.#items.slice(this.#head);
  }

  get front(): T | undefined {
    return this.#items[this.#head];
  }

  get back(): T | undefined {
    return this.size === 0 ? undefined : this.#items.at(-1);
  }

  push(item: T): void {
    this.#items.push(item);
  }

  popBack(): void {
    this.#items.pop();
  }

  shift(): T | undefined {
    const item = this.#items[this.#head++];
    if (this.#head > 32 && 2 * this.#head > this.#items.length) {
      this.#items = this.#items.slice(this.#head);
      this.#head = 0;
    }
    return item;
  }
}

class Ends implements RollingValue {
  readonly #values = new Queue<Value>();
  readonly #isFirst: boolean;

  constructor(isFirst: boolean) {
    this.#isFirst = isFirst;
  }

  add(value: Value): void {
    this.#values.push(value);
  }

  remove(): void {
    this.#values.shift();
  }

  result(): unknown {
    return (this.#isFirst ? this.#values.front : this.#values.back) ?? null;
  }

  save(): Value[] {
    return this.#values.items;
  }

  restore(values: Value[]): void {
    for (const value of values) this.#values.push(value);
  }
}

interface SavedExtreme {
  best: { at: number; value: Value }[];
  added: number;
  removed: number;
  nans: number;
}

class Extreme implements RollingValue {
  readonly #sign: number;
  /** Of each value its number, from the first that came. */
  readonly #best = new Queue<{ at: number; value: Value }>();
  #added = 0;
  #removed = 0;
  #nans = 0;

  constructor(sign: number) {
    this.#sign = sign;
  }

  add(value: Value): void {
    const at = this.#added++;
    if (Number.isNaN(value)) {
      this.#nans += 1;
      return;
    }
    for (let back = this.#best.back; back !== undefined; back = this.#best.back) {
      if (compareValues(value, back.value) * this.#sign <= 0) break;
      this.#best.popBack();
    }
    this.#best.push({ at, value });
  }

  remove(value: Value): void {
    const at = this.#removed++;
    if (Number.isNaN(value)) this.#nans -= 1;
    else if (this.#best.front?.at === at) this.#best.shift();
  }

  result(): unknown {
    return this.#best.front?.value ?? (this.#nans > 0 ? Number.NaN : null);
  }

  save(): SavedExtreme {
    return { best: this.#best.items, added: this.#added, removed: this.#removed, nans: this.#nans };
  }

  restore({ best, added, removed, nans }: SavedExtreme): void {
    for (const item of best) this.#best.push(item);
    this.#added = added;
    this.#removed = removed;
    this.#nans = nans;
  }
}

class IntegerMoments implements RollingValue {
  readonly #column: AggregateColumn;
  readonly #isUnsigned: boolean;
  #count = 0n;
  #sum = 0n;
  #squares = 0n;

  constructor(column: AggregateColumn, isUnsigned: boolean) {
    this.#column = column;
    this.#isUnsigned = isUnsigned;
  }

  add(given: Value): void {
    this.#change(BigInt(given as bigint), 1n);
  }

  remove(given: Value): void {
    this.#change(BigInt(given as bigint), -1n);
  }

  #change(value: bigint, sign: bigint): void {
    const { fn } = this.#column;
    this.#count += sign;
    this.#sum += sign * value;
    if (fn === 'var' || fn === 'std') this.#squares += sign * value * value;
  }

  result(): unknown {
    const { fn } = this.#column;
    if (this.#count === 0n) return null;
    if (fn === 'sum') return this.#total();
    if (fn === 'mean') return roundToDouble(this.#sum, 0) / Number(this.#count);
    if (this.#count < 2n) return null;
    const over = this.#count * this.#squares - this.#sum * this.#sum;
    const variance = roundQuotient(over, 0, this.#count * (this.#count - 1n));
    return fn === 'var' ? variance : Math.sqrt(variance);
  }

  #total(): bigint | number {
    const { name, overflow } = this.#column;
    if (overflow === 'float64') return roundToDouble(this.#sum, 0);
    const wrapped = this.#isUnsigned ? BigInt.asUintN(64, this.#sum) : BigInt.asIntN(64, this.#sum);
    if (overflow === 'wrap' || wrapped === this.#sum) return wrapped;
    throw new PipelineError('ERR_INTEGER_OVERFLOW', `the sum "${name}" is ${this.#sum}, beyond 64 bits`, {
      column: name,
      value: String(this.#sum),
      hint: `write agg.sum('${this.#column.column}', { overflow: 'float64' }), or 'wrap'`,
    });
  }

  save(): bigint[] {
    return [this.#count, this.#sum, this.#squares];
  }

  restore([count = 0n, sum = 0n, squares = 0n]: bigint[]): void {
    this.#count = count;
    this.#sum = sum;
    this.#squares = squares;
  }
}

interface SavedMoments {
  count: number;
  flags: { nan: number; plus: number; minus: number; notMinusZero: number };
  sum: ExactSum;
  squares: ExactSum;
}

class FloatMoments implements RollingValue {
  readonly #fn: AggregateColumn['fn'];
  #count = 0;
  /** How many of the values make each flag of a sum. */
  readonly #flags = { nan: 0, plus: 0, minus: 0, notMinusZero: 0 };
  #sum = emptySum();
  #squares = emptySum();

  constructor({ fn }: AggregateColumn) {
    this.#fn = fn;
  }

  add(value: Value): void {
    this.#change(value as number, 1);
  }

  remove(value: Value): void {
    this.#change(value as number, -1);
  }

  #change(value: number, sign: 1 | -1): void {
    const flags = this.#flags;
    this.#count += sign;
    if (!Object.is(value, -0)) flags.notMinusZero += sign;
    if (Number.isNaN(value)) flags.nan += sign;
    else if (value === Infinity) flags.plus += sign;
    else if (value === -Infinity) flags.minus += sign;
    else {
      const { mantissa, exponent } = decomposeDouble(value);
      addScaled(this.#sum, BigInt(sign) * mantissa, exponent);
      if (this.#fn === 'var' || this.#fn === 'std')
        addScaled(this.#squares, BigInt(sign) * mantissa * mantissa, 2 * exponent);
    }
  }

  result(): unknown {
    if (this.#count === 0) return null;
    const { nan, plus, minus, notMinusZero } = this.#flags;
    const flags =
      (nan > 0 ? SUM_NAN : 0) |
      (plus > 0 ? SUM_PLUS_INFINITY : 0) |
      (minus > 0 ? SUM_MINUS_INFINITY : 0) |
      (notMinusZero > 0 ? SUM_NOT_MINUS_ZERO : 0);
    const sum = { ...this.#sum, flags };
    if (this.#fn === 'sum') return sumToDouble(sum);
    if (this.#fn === 'mean') return sumToDouble(sum) / this.#count;
    const variance = varianceOf(BigInt(this.#count), sum, { ...this.#squares, flags });
    return variance === null || this.#fn === 'var' ? variance : Math.sqrt(variance);
  }

  save(): SavedMoments {
    return { count: this.#count, flags: this.#flags, sum: this.#sum, squares: this.#squares };
  }

  restore({ count, flags, sum, squares }: SavedMoments): void {
    this.#count = count;
    Object.assign(this.#flags, flags);
    this.#sum = sum;
    this.#squares = squares;
  }
}

/** Texts by their UTF-8 bytes, −0 before 0. */
function compareValues(left: Value, right: Value): number {
  if (typeof left === 'string') return Buffer.compare(Buffer.from(left), Buffer.from(right as string));
  if (left === 0 && right === 0) return Number(Object.is(right, -0)) - Number(Object.is(left, -0));
  const [a, b] = [left as number, right as number];
  return a < b ? -1 : a > b ? 1 : 0;
}
