/** Builders of expressions: they only describe, as plain data, and are evaluated by kernels in the lanes. */
import { PipelineError } from '../errors.ts';
import type { TypeText } from '../schema/types.ts';
import type { BinaryFn, DatePart, ExpressionNode, StringFn, UnaryFn } from './node.ts';

/** What may stand beside an expression: another one, or a value. */
export type Operand = Expression | number | bigint | string | boolean | Date | null;

type LiteralType<V> = V extends null
  ? 'null'
  : V extends string
    ? 'utf8'
    : V extends boolean
      ? 'bool'
      : V extends bigint
        ? 'int64'
        : V extends Date
          ? 'timestamp[ms, UTC]'
          : V extends number
            ? NumberType<V>
            : '?';
type NumberType<V extends number> = number extends V ? '?' : `${V}` extends `${bigint}` ? 'int64' : 'float64';

/** The tree of an operand. */
export type AstOf<V> = V extends Expression<infer A> ? A : { k: 'is'; t: LiteralType<V> };
type Arithmetic<F extends string, A, V> = Expression<{ k: 'arithmetic'; f: F; l: A; r: AstOf<V> }>;
type Comparison<A, V> = Expression<{ k: 'compare'; l: A; r: AstOf<V> }>;
type Takes<D extends 'number' | 'text' | 'bool' | 'day', F extends string, T extends TypeText, A> = Expression<{
  k: 'takes';
  d: D;
  f: F;
  t: T;
  a: A;
}>;

/**
 * A computed column: what `col('price').mul(2)` gives. Immutable; plain data inside (`node`).
 * Null in, null out, except where a method says otherwise; every rule is in the guide to expressions. A value that cannot be computed fails the
 * run with stage, column, row and value.
 *
 * @throws ERR_EXPRESSION from its methods, for an operand that is neither an expression nor a value
 * @example
 * ```ts
 * col('price').mul(col('qty')).gt(1000).and(col('symbol').eq('ACME'));
 * ```
 */
export class Expression<out A = unknown> {
  readonly node: ExpressionNode;
  /** Types only. */
  declare readonly ast?: A;

  constructor(node: ExpressionNode) {
    this.node = node;
  }

  #binary<R>(fn: BinaryFn, other: Operand): R {
    return new Expression({ kind: 'binary', fn, left: this.node, right: toNode(other) }) as R;
  }

  #unary<R>(fn: UnaryFn): R {
    return new Expression({ kind: 'unary', fn, arg: this.node }) as R;
  }

  /** Sum; of integers int64 (uint64 of unsigned ones), with ERR_INTEGER_OVERFLOW instead of wrapping. A timestamp takes a duration. */
  add<const V extends Operand>(other: V): Arithmetic<'add', A, V> {
    return this.#binary('add', other);
  }
  /** Difference; of two timestamps a duration. */
  sub<const V extends Operand>(other: V): Arithmetic<'sub', A, V> {
    return this.#binary('sub', other);
  }
  /** Product; of integers as `add`. */
  mul<const V extends Operand>(other: V): Arithmetic<'mul', A, V> {
    return this.#binary('mul', other);
  }
  /** Quotient, always float64, by IEEE 754. */
  div<const V extends Operand>(other: V): Arithmetic<'div', A, V> {
    return this.#binary('div', other);
  }
  /** Remainder with the sign of the left side; of integers by zero ERR_VALUE. */
  mod<const V extends Operand>(other: V): Arithmetic<'mod', A, V> {
    return this.#binary('mod', other);
  }

  /** Equal. Integers compare exactly, texts by their UTF-8 bytes, times by instant; NaN equals nothing. */
  eq<const V extends Operand>(other: V): Comparison<A, V> {
    return this.#binary('eq', other);
  }
  /** Not equal: NaN is to everything, itself too. */
  ne<const V extends Operand>(other: V): Comparison<A, V> {
    return this.#binary('ne', other);
  }
  /** Less. With NaN false, as all that follow. */
  lt<const V extends Operand>(other: V): Comparison<A, V> {
    return this.#binary('lt', other);
  }
  /** Less or equal. */
  le<const V extends Operand>(other: V): Comparison<A, V> {
    return this.#binary('le', other);
  }
  /** Greater. */
  gt<const V extends Operand>(other: V): Comparison<A, V> {
    return this.#binary('gt', other);
  }
  /** Greater or equal. */
  ge<const V extends Operand>(other: V): Comparison<A, V> {
    return this.#binary('ge', other);
  }

  /** Kleene and: false wins over null. */
  and<const V extends Operand>(other: V): Expression<{ k: 'logic'; l: A; r: AstOf<V> }> {
    return this.#binary('and', other);
  }
  /** Kleene or: true wins over null. */
  or<const V extends Operand>(other: V): Expression<{ k: 'logic'; l: A; r: AstOf<V> }> {
    return this.#binary('or', other);
  }
  /** Of null null. */
  not(): Takes<'bool', 'not', 'bool', A> {
    return this.#unary('not');
  }

  /** Of integers int64, with ERR_INTEGER_OVERFLOW. */
  neg(): Expression<{ k: 'numeric'; f: 'sign'; a: A }> {
    return this.#unary('neg');
  }
  /** Of integers int64, with ERR_INTEGER_OVERFLOW. */
  abs(): Expression<{ k: 'numeric'; f: 'sign'; a: A }> {
    return this.#unary('abs');
  }
  /** Down to a whole number of the same type; integers stay. */
  floor(): Expression<{ k: 'numeric'; f: 'whole'; a: A }> {
    return this.#unary('floor');
  }
  /** Up to a whole number of the same type; integers stay. */
  ceil(): Expression<{ k: 'numeric'; f: 'whole'; a: A }> {
    return this.#unary('ceil');
  }
  /** To the nearest whole number, halves away from zero. */
  round(): Expression<{ k: 'numeric'; f: 'whole'; a: A }> {
    return this.#unary('round');
  }
  /** float64; NaN of what is negative. */
  sqrt(): Takes<'number', 'sqrt', 'float64', A> {
    return this.#unary('sqrt');
  }

  /** Never null. */
  isNull(): Expression<{ k: 'any'; t: 'bool'; a: A }> {
    return this.#unary('isNull');
  }
  /** Never null. */
  isNotNull(): Expression<{ k: 'any'; t: 'bool'; a: A }> {
    return this.#unary('isNotNull');
  }
  /** Of null null. */
  isNaN(): Takes<'number', 'isNaN', 'bool', A> {
    return this.#unary('isNaN');
  }

  /** To another type; a value that cannot be represented fails the run with ERR_VALUE. */
  cast<const T extends TypeText>(to: T): Expression<{ k: 'any'; t: T; a: A }> {
    return new Expression({ kind: 'cast', to, arg: this.node });
  }

  /** Parts of a timestamp in its time zone, or of a date; int32. */
  get dt(): DateParts<A> {
    return new DateParts(this.node);
  }
  /** Functions of text. */
  get str(): TextFunctions<A> {
    return new TextFunctions(this.node);
  }
}

/** `col('ts').dt.hour()` and its kin, in the time zone of the column; int32. */
export class DateParts<out A = unknown> {
  readonly #arg: ExpressionNode;
  /** Types only. */
  declare readonly ast?: A;

  constructor(arg: ExpressionNode) {
    this.#arg = arg;
  }

  #part(part: DatePart): Takes<'day', 'dt', 'int32', A> {
    return new Expression({ kind: 'dt', part, arg: this.#arg });
  }

  year(): Takes<'day', 'dt', 'int32', A> {
    return this.#part('year');
  }
  /** 1 … 12. */
  month(): Takes<'day', 'dt', 'int32', A> {
    return this.#part('month');
  }
  /** Of the month, from 1. */
  day(): Takes<'day', 'dt', 'int32', A> {
    return this.#part('day');
  }
  hour(): Takes<'day', 'dt', 'int32', A> {
    return this.#part('hour');
  }
  minute(): Takes<'day', 'dt', 'int32', A> {
    return this.#part('minute');
  }
  second(): Takes<'day', 'dt', 'int32', A> {
    return this.#part('second');
  }
  millisecond(): Takes<'day', 'dt', 'int32', A> {
    return this.#part('millisecond');
  }
  /** Monday 1 … Sunday 7. */
  weekday(): Takes<'day', 'dt', 'int32', A> {
    return this.#part('weekday');
  }
  /** From 1. */
  dayOfYear(): Takes<'day', 'dt', 'int32', A> {
    return this.#part('dayOfYear');
  }
}

/** `col('name').str.upper()` and its kin. Lengths and positions count code points. */
export class TextFunctions<out A = unknown> {
  readonly #arg: ExpressionNode;
  /** Types only. */
  declare readonly ast?: A;

  constructor(arg: ExpressionNode) {
    this.#arg = arg;
  }

  #text<T extends TypeText>(
    fn: StringFn,
    more: { argument?: string; from?: number; to?: number } = {},
  ): Takes<'text', 'str', T, A> {
    return new Expression({ kind: 'string', fn, arg: this.#arg, ...more });
  }

  /** In code points. */
  length(): Takes<'text', 'str', 'int32', A> {
    return this.#text('length');
  }
  /** As JavaScript's, without locale. */
  lower(): Takes<'text', 'str', 'utf8', A> {
    return this.#text('lower');
  }
  /** As JavaScript's, without locale. */
  upper(): Takes<'text', 'str', 'utf8', A> {
    return this.#text('upper');
  }
  /** Without white space at both ends, as JavaScript's. */
  trim(): Takes<'text', 'str', 'utf8', A> {
    return this.#text('trim');
  }
  /** A text as it is, no pattern; so are those of `startsWith` and `endsWith`. @throws ERR_EXPRESSION */
  contains(argument: string): Takes<'text', 'str', 'bool', A> {
    return this.#text('contains', { argument: textOf(argument) });
  }
  startsWith(argument: string): Takes<'text', 'str', 'bool', A> {
    return this.#text('startsWith', { argument: textOf(argument) });
  }
  endsWith(argument: string): Takes<'text', 'str', 'bool', A> {
    return this.#text('endsWith', { argument: textOf(argument) });
  }
  /** Appends a text. @throws ERR_EXPRESSION */
  concat(argument: string): Takes<'text', 'str', 'utf8', A> {
    return this.#text('concat', { argument: textOf(argument) });
  }
  /** From one position to before another, in code points; negative counts from the end. @throws ERR_EXPRESSION */
  slice(from: number, to?: number): Takes<'text', 'str', 'utf8', A> {
    for (const position of [from, to]) {
      if (position !== undefined && !Number.isSafeInteger(position))
        throw refuse(`slice takes whole positions, this is ${position}`, 'write str.slice(0, 3)');
    }
    return this.#text('slice', to === undefined ? { from } : { from, to });
  }
}

function refuse(problem: string, hint: string): PipelineError {
  return new PipelineError('ERR_EXPRESSION', problem, { hint });
}

function textOf(value: unknown): string {
  if (typeof value === 'string') return value;
  throw refuse(`a text is wanted here, this is ${String(value)}`, "write str.contains('abc')");
}

/** The node of an expression or of a literal. @throws ERR_EXPRESSION for what is neither */
export function toNode(value: Operand): ExpressionNode {
  return value instanceof Expression ? value.node : literalNode(value);
}

const INT64_MAX = 2n ** 63n - 1n;

/** A literal as data: whole safe numbers are int64, other numbers float64. */
export function literalNode(value: Exclude<Operand, Expression>): ExpressionNode {
  if (value === null) return { kind: 'lit', type: 'null', value: null };
  if (typeof value === 'string') return { kind: 'lit', type: 'utf8', value };
  if (typeof value === 'boolean') return { kind: 'lit', type: 'bool', value };
  if (typeof value === 'bigint') return bigintNode(value);
  if (typeof value === 'number') {
    const isWhole = Number.isSafeInteger(value) && !Object.is(value, -0);
    return isWhole ? { kind: 'lit', type: 'int64', value: String(value) } : { kind: 'lit', type: 'float64', value };
  }
  if (value instanceof Date && !Number.isNaN(value.getTime()))
    return { kind: 'lit', type: 'timestamp[ms, UTC]', value: String(value.getTime()) };
  throw refuse(
    `${value === undefined ? 'undefined' : `a value of type ${typeof value}`} cannot stand in an expression`,
    'use a number, bigint, text, boolean, valid Date, null or another expression',
  );
}

function bigintNode(value: bigint): ExpressionNode {
  if (value > 2n * INT64_MAX + 1n || value < -INT64_MAX - 1n)
    throw refuse(`${value} does not fit 64 bits`, 'use a float64 literal');
  return { kind: 'lit', type: value > INT64_MAX ? 'uint64' : 'int64', value: String(value) };
}
