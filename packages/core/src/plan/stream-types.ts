/** What chain methods do to the columns of a stream, at compile time. */
import type { AstOf, Expression } from '../expressions/builder.ts';
import type { IsOpen, PipelineTypeError, Simplify, Sound, SoundCondition, TypeOf } from '../expressions/types.ts';
import type { FoldDefinition } from '../operators/fold-definition.ts';
import type { OpDefinition } from '../operators/op-definition.ts';
import type { OptionsInput } from '../operators/op-options.ts';
import type { FloatText, Shape, TypeText } from '../schema/types.ts';
import type { Aggregate } from './agg-functions.ts';
import type { AggregationOptions } from './aggregates.ts';
import type { Registry } from './registry.ts';
import type { StageOptions } from './stage-options.ts';
import type { Stream } from './stream.ts';

/** Computed columns by name. */
export type Computed = { readonly [column: string]: Expression };

/** Each computed column, or the sentence that says what is wrong with it. */
export type SoundColumns<C, S> = { [K in keyof C]: Sound<AstOf<C[K]>, S> };

/** Not an intersection: those multiply the types of columns. */
type AsShape<T> = T extends Shape ? T : Shape;
type TypeTextOf<T> = T extends TypeText ? T : TypeText;

/** Columns of `select({...})`. */
export type Selected<C, S> = { [K in keyof C]: TypeTextOf<TypeOf<AstOf<C[K]>, S>> };

/** Columns of `select('a', 'b')`. */
export type Picked<N extends string, S> =
  IsOpen<S> extends true
    ? { readonly [K in N]: TypeText }
    : { readonly [K in N]: K extends keyof S ? TypeTextOf<S[K]> : never };

/** Columns after `withColumns`. */
export type Extended<C, S> = IsOpen<S> extends true ? Shape : Simplify<Omit<S, keyof C> & Selected<C, S>>;

type Fits<Asked, Given> = TypeText extends Given
  ? true
  : Asked extends Given
    ? true
    : [Asked, Given] extends ['utf8' | 'dictionary<utf8>', 'utf8' | 'dictionary<utf8>']
      ? true
      : false;

type Missing<I, S> = {
  [K in keyof I & string]: K extends keyof S
    ? Fits<I[K], S[K]> extends true
      ? never
      : `column "${K}" has to be ${I[K] & string}, it is ${S[K] & string}`
    : `it needs a column "${K}" of type ${I[K] & string}`;
}[keyof I & string];

/** `true` when the columns that an op asks for are there, else why not. */
type InputProblem<I, S> = I extends Shape ? (IsOpen<S> extends true ? never : Missing<I, S>) : never;

/** Columns after an op. */
export type OutputOf<O, A, S> = O extends 'same'
  ? IsOpen<S> extends true
    ? Shape
    : keyof A extends never
      ? S
      : Simplify<Omit<S, keyof A> & A>
  : O extends Shape
    ? O
    : Shape;

type StepArguments<D, More> =
  Partial<OptionsInput<D>> extends OptionsInput<D>
    ? [options?: Simplify<OptionsInput<D> & More>]
    : [options: Simplify<OptionsInput<D> & More>];

/** A registered op as a method of a stream; when the stream lacks its columns, the sentence that says so. */
export type OpMethod<Op, S extends Shape, R extends Registry> =
  Op extends OpDefinition<infer I, infer O, infer A, infer D>
    ? [InputProblem<I, S>] extends [never]
      ? (...options: StepArguments<D, StageOptions>) => Stream<AsShape<OutputOf<O, A, S>>, R>
      : PipelineTypeError<`this op does not fit the stream: ${InputProblem<I, S>}`>
    : never;

/** Chain methods of the registered ops. */
export type RegisteredMethods<S extends Shape, R extends Registry> = { readonly [K in keyof R]: OpMethod<R[K], S, R> };

/** For intersection with an op given as an argument: `unknown`, or why it does not fit. */
export type FitsStream<Op, S> = Op extends { readonly input: infer I }
  ? [InputProblem<I, S>] extends [never]
    ? unknown
    : PipelineTypeError<`this op does not fit the stream: ${InputProblem<I, S>}`>
  : never;

/** Arguments of `map(op, …)`. */
export type MapArguments<Op> =
  Op extends OpDefinition<infer _I, infer _O, infer _A, infer D> ? StepArguments<D, StageOptions> : never;

/** Columns after `map(op)`. */
export type Mapped<Op, S> =
  Op extends OpDefinition<infer _I, infer O, infer A, infer _D> ? AsShape<OutputOf<O, A, S>> : never;

/** Options of `memoryAccumulate`, beside those of the fold. */
export interface FoldStageOptions extends Omit<StageOptions, 'accumulate'> {
  /** Start again after a flush (default), or go on with the state that was emitted. */
  resetOnFlush?: boolean;
}

/** Arguments of `memoryAccumulate(fold, …)`. */
export type FoldArguments<F> =
  F extends FoldDefinition<infer _I, infer _O, infer D> ? StepArguments<D, FoldStageOptions> : never;

/** Columns after a fold. */
export type Folded<F> = F extends FoldDefinition<infer _I, infer O, infer _D> ? O : never;

type Numbers = `int${string}` | `uint${string}` | FloatText | 'bool';
type ColumnIn<C, S> = C extends keyof S ? S[C] : TypeText;

type SumType<T> = TypeText extends T
  ? TypeText
  : T extends FloatText
    ? 'float64'
    : T extends `uint${string}`
      ? 'uint64'
      : 'int64';

type AggregateType<A, S> =
  A extends Aggregate<infer F, infer C, infer Out, infer _>
    ? [Out] extends [TypeText]
      ? Out
      : F extends 'count' | 'nUnique' | 'nUniqueApprox'
        ? 'int64'
        : F extends 'mean' | 'std' | 'var' | 'median' | 'quantile' | 'quantileApprox'
          ? 'float64'
          : F extends 'sum'
            ? SumType<ColumnIn<C, S>>
            : ColumnIn<C, S>
    : never;

/** Functions that take numbers only. */
type OfNumbers = 'sum' | 'mean' | 'std' | 'var' | 'wmean' | 'median' | 'quantile' | 'quantileApprox';

type AggregateProblem<F, C, S> = C extends string
  ? IsOpen<S> extends true
    ? unknown
    : string extends C
      ? unknown
      : C extends keyof S
        ? TypeText extends S[C]
          ? unknown
          : F extends OfNumbers
            ? S[C] extends Numbers
              ? unknown
              : PipelineTypeError<`${F} takes numbers, "${C}" is ${S[C] & string}`>
            : unknown
        : PipelineTypeError<`there is no column "${C}" in this stream`>
  : unknown;

/** Each aggregate, or the sentence that says what is wrong with it. */
export type SoundAggregates<C, S> = {
  [K in keyof C]: C[K] extends Aggregate<infer F, infer Column, infer _, infer Other>
    ? AggregateProblem<F, Column, S> & AggregateProblem<F, Other, S>
    : unknown;
};

/** Named aggregations. */
export type Aggregations = { readonly [name: string]: AggregationOptions };

/** Each aggregation, or the sentence that says what is wrong in it. */
export type SoundAggregations<G, On extends string, By extends string, S> = {
  [K in keyof G]: (G[K] extends { columns: infer C } ? { columns: SoundAggregates<C, S> } : unknown) &
    (G[K] extends { filter: Expression<infer A> } ? { filter: SoundCondition<A, S> } : unknown) &
    (G[K] extends { columns: infer C; post: infer P }
      ? { post: SoundColumns<P, AggregatedShape<On, By, C, S>> }
      : unknown);
};

/** Columns of one aggregation: the bin's start, the keys, then what is computed. */
export type AggregatedShape<On extends string, By extends string, C, S> = Simplify<
  { readonly [K in On | By]: K extends keyof S ? TypeTextOf<S[K]> : TypeText } & {
    [K in keyof C]: TypeTextOf<AggregateType<C[K], S>>;
  }
>;

/** With the columns of its `post` step. */
type ResultShape<O, On extends string, By extends string, S> = O extends { columns: infer C; post: infer P }
  ? Extended<P, AggregatedShape<On, By, C, S>>
  : O extends { columns: infer C }
    ? AggregatedShape<On, By, C, S>
    : never;

type PortsOf<K, O> = K extends string ? (O extends { snapshots: object } ? K | `${K}Snapshots` : K) : never;

/** One stream for each named aggregation, and one for its snapshots. */
export type AggregatedStreams<G extends Aggregations, On extends string, By extends string, S, R extends Registry> = {
  readonly [K in keyof G as PortsOf<K, G[K]>]: ResultShape<G[K], On, By, S> extends infer T extends Shape
    ? Stream<T, R>
    : never;
};

/** Columns and, beside them, aggregates over windows of rows. */
export type Rolled<G, S extends Shape> =
  IsOpen<S> extends true
    ? Shape
    : Simplify<S & { readonly [K in keyof G]: TypeTextOf<AggregateType<G[K], S>> }> extends infer T extends Shape
      ? T
      : Shape;
