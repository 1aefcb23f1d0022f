/**
 * Expressions at compile time: a builder carries the tree it has built as a type, and the stream it is given to
 * evaluates that tree over its own columns. So `col('price').mul(col('qty'))` is checked where it is used, and a wrong
 * column is a sentence. The rules are those of `node.ts`, which `typing.ts` applies again at run time.
 *
 * `'?'` stands for a type that is not known at compile time (a Parquet file without a schema): it fits everywhere.
 */
import type { FloatText, IntegerText, Shape, TimeUnitText, TypeText } from '../schema/types.ts';

/** What a misuse shows in place of a type; no value has this type, so the compiler prints the sentence. */
export interface PipelineTypeError<Sentence extends string> {
  readonly 'spillway refuses': Sentence;
}

/*
 * A tree is an object type whose `k` says which rule gives its type; the rules are the branches of `Evaluate`. Trees are
 * not constrained to a union of all forms: checking that at every step of a chain is what makes such types slow.
 */

type Domain = 'number' | 'text' | 'bool' | 'day';
type Unknown = '?';
type Fault<S extends string> = PipelineTypeError<S>;
type Day = `timestamp[${string}` | 'date32' | 'date64';
type DurationText = `duration[${string}`;
type NumberText = IntegerText | FloatText;
type Text = 'utf8' | 'dictionary<utf8>';
type DomainTypes = { number: NumberText; text: Text; bool: 'bool'; day: Day };
type DomainNames = { number: 'a number'; text: 'text'; bool: 'a bool'; day: 'a timestamp or a date' };

/** True for the shape of a stream whose columns are known only when files have been opened. */
export type IsOpen<S> = string extends keyof S ? true : false;

type ColumnType<N extends string, S> =
  IsOpen<S> extends true
    ? Unknown
    : string extends N
      ? Unknown
      : N extends keyof S
        ? TypeText extends S[N]
          ? Unknown
          : S[N]
        : Fault<`there is no column "${N}" in this stream`>;

/** Type of an expression over a shape: a type text, `'?'`, or the sentence of a misuse. */
export type Evaluate<A, S> = A extends { k: 'col'; n: infer N extends string }
  ? ColumnType<N, S>
  : A extends { k: 'is'; t: infer T }
    ? T
    : A extends { k: 'arithmetic'; f: infer F extends string; l: infer L; r: infer R }
      ? Both<Evaluate<L, S>, Evaluate<R, S>, F>
      : A extends { k: 'compare'; l: infer L; r: infer R }
        ? Both<Evaluate<L, S>, Evaluate<R, S>, 'compare'>
        : A extends { k: 'logic'; l: infer L; r: infer R }
          ? Both<Evaluate<L, S>, Evaluate<R, S>, 'logic'>
          : A extends { k: 'common'; l: infer L; r: infer R }
            ? Both<Evaluate<L, S>, Evaluate<R, S>, 'common'>
            : A extends { k: 'when'; c: infer C; l: infer L; r: infer R }
              ? Guard<Takes<'bool', 'when', 'bool', Evaluate<C, S>>, Both<Evaluate<L, S>, Evaluate<R, S>, 'common'>>
              : A extends { k: 'numeric'; f: infer F; a: infer X }
                ? Numeric<F, Evaluate<X, S>>
                : A extends { k: 'takes'; d: infer D extends Domain; f: infer F extends string; t: infer T; a: infer X }
                  ? Takes<D, F, T, Evaluate<X, S>>
                  : A extends { k: 'any'; t: infer T; a: infer X }
                    ? Whatever<T, Evaluate<X, S>>
                    : Unknown;

type Both<L, R, F extends string> =
  L extends Fault<string>
    ? L
    : R extends Fault<string>
      ? R
      : F extends 'compare'
        ? Compare<L, R>
        : F extends 'logic'
          ? Logic<L, R>
          : F extends 'common'
            ? Common<L, R>
            : L extends 'null'
              ? R
              : R extends 'null'
                ? L
                : Arithmetic<L, R, F>;

type Arithmetic<L, R, F extends string> = L extends Unknown
  ? R extends FloatText
    ? 'float64'
    : Unknown
  : R extends Unknown
    ? L extends FloatText
      ? 'float64'
      : Unknown
    : L extends NumberText
      ? R extends NumberText
        ? NumberResult<L, R, F>
        : TimeArithmetic<L, R, F>
      : TimeArithmetic<L, R, F>;

type NumberResult<L, R, F> = F extends 'div'
  ? 'float64'
  : L extends IntegerText
    ? R extends IntegerText
      ? IntegerResult<L, R>
      : 'float64'
    : 'float64';
type IntegerResult<L, R> = L extends `u${string}`
  ? R extends `u${string}`
    ? 'uint64' extends L | R
      ? 'uint64'
      : 'int64'
    : 'int64'
  : 'int64';

type TimeArithmetic<L, R, F extends string> = [F, L, R] extends ['mul', DurationText, IntegerText]
  ? L
  : [F, L, R] extends ['mul', IntegerText, DurationText]
    ? R
    : [F, L, R] extends ['add' | 'sub', `timestamp[${string}`, DurationText]
      ? WithUnit<L, Finer<UnitOf<L>, UnitOf<R>>>
      : [F, L, R] extends ['add', DurationText, `timestamp[${string}`]
        ? WithUnit<R, Finer<UnitOf<L>, UnitOf<R>>>
        : [F, L, R] extends ['sub', `timestamp[${string}`, `timestamp[${string}`]
          ? `duration[${Finer<UnitOf<L>, UnitOf<R>>}]`
          : [F, L, R] extends ['add' | 'sub', DurationText, DurationText]
            ? `duration[${Finer<UnitOf<L>, UnitOf<R>>}]`
            : Fault<`${F} has no meaning for ${L & string} and ${R & string}`>;

type UnitOf<T> = T extends `${'timestamp' | 'duration'}[${infer Inside}]`
  ? Inside extends `${infer U extends TimeUnitText}, ${string}`
    ? U
    : Inside extends TimeUnitText
      ? Inside
      : 'ns'
  : 'ns';
type Finer<A extends TimeUnitText, B extends TimeUnitText> = 'ns' extends A | B
  ? 'ns'
  : 'us' extends A | B
    ? 'us'
    : 'ms' extends A | B
      ? 'ms'
      : 's';
type WithUnit<T, U extends TimeUnitText> = T extends `timestamp[${string}, ${infer Zone}]`
  ? `timestamp[${U}, ${Zone}]`
  : `timestamp[${U}]`;

type Family<T> = T extends NumberText
  ? 'number'
  : T extends Text
    ? 'text'
    : T extends 'bool'
      ? 'bool'
      : T extends Day
        ? 'day'
        : T extends DurationText
          ? 'duration'
          : T extends `time${string}`
            ? 'time'
            : 'none';

type Compare<L, R> = L extends Unknown | 'null'
  ? 'bool'
  : R extends Unknown | 'null'
    ? 'bool'
    : Family<L> extends 'none'
      ? Fault<`${L & string} does not compare`>
      : Family<L> extends Family<R>
        ? 'bool'
        : [Family<L>, R] extends ['day', 'utf8']
          ? 'bool'
          : [L, Family<R>] extends ['utf8', 'day']
            ? 'bool'
            : Fault<`${L & string} does not compare with ${R & string}`>;

type Logic<L, R> = L extends Unknown | 'null' | 'bool'
  ? R extends Unknown | 'null' | 'bool'
    ? 'bool'
    : Fault<`this takes bools, not ${R & string}`>
  : Fault<`this takes bools, not ${L & string}`>;

type Common<L, R> = L extends Unknown
  ? Unknown
  : R extends Unknown
    ? Unknown
    : L extends 'null'
      ? R
      : R extends 'null'
        ? L
        : [L, R] extends [R, L]
          ? L
          : [L, R] extends [Text, Text]
            ? 'utf8'
            : [L, R] extends [IntegerText, IntegerText]
              ? IntegerResult<L, R>
              : [L, R] extends [NumberText, NumberText]
                ? 'float64'
                : [L, R] extends [DurationText, DurationText]
                  ? `duration[${Finer<UnitOf<L>, UnitOf<R>>}]`
                  : [L, R] extends [`timestamp[${string}`, `timestamp[${string}`]
                    ? WithUnit<L, Finer<UnitOf<L>, UnitOf<R>>>
                    : Fault<`${L & string} and ${R & string} have no common type`>;

type Numeric<F, T> = T extends Fault<string> | Unknown | 'null'
  ? T
  : T extends FloatText
    ? 'float64'
    : T extends IntegerText
      ? F extends 'whole'
        ? T
        : T extends 'uint64'
          ? Unknown
          : 'int64'
      : [F, T] extends ['sign', DurationText]
        ? T
        : Fault<`this takes a number, not ${T & string}`>;

type Takes<D extends Domain, F extends string, T, X> =
  X extends Fault<string>
    ? X
    : X extends Unknown | 'null' | DomainTypes[D]
      ? T
      : Fault<`${F} takes ${DomainNames[D]}, not ${X & string}`>;

type Guard<C, T> = C extends Fault<string> ? C : T;

type Whatever<T, X> = X extends Fault<string> ? X : T;

type NullAlone = Fault<'a null literal alone has no type: cast it'>;

/** The column type that an expression gives over a shape. */
export type TypeOf<A, S> =
  Evaluate<A, S> extends infer T
    ? T extends Fault<string>
      ? T
      : T extends Unknown
        ? TypeText
        : T extends 'null'
          ? NullAlone
          : T
    : never;

/** `unknown` when the expression is sound over the shape, else the sentence. For intersection with a parameter. */
export type Sound<A, S> =
  Evaluate<A, S> extends infer T ? (T extends Fault<string> ? T : T extends 'null' ? NullAlone : unknown) : never;

/** As `Sound`, and the expression has to be a condition. */
export type SoundCondition<A, S> =
  Evaluate<A, S> extends infer T
    ? T extends Fault<string>
      ? T
      : T extends Unknown | 'bool' | 'null'
        ? unknown
        : Fault<`filter takes a condition, this expression is ${T & string}`>
    : never;

/** Makes hovers show the columns instead of the way to them. */
export type Simplify<T> = { [K in keyof T]: T[K] } & {};

/** A shape of which nothing is known before the run. */
export type AnyShape = Shape;
