/** What steps over rows do to columns, at compile time. */
import type { IsOpen, PipelineTypeError, Simplify } from '../expressions/types.ts';
import type { Shape, TypeText } from '../schema/types.ts';

/** Names of columns by name: new by old, or old by new. */
export type Names = { readonly [name: string]: string };

type NoColumn<N> = PipelineTypeError<`there is no column "${N & string}" in this stream`>;

/** For intersection: the values have to be columns. */
export type SoundNames<M, S> =
  IsOpen<S> extends true ? unknown : { [K in keyof M]: M[K] extends keyof S ? unknown : NoColumn<M[K]> };

/** For intersection: the keys have to be columns. */
export type SoundKeys<M, S> =
  IsOpen<S> extends true ? unknown : { [K in keyof M]: K extends keyof S ? unknown : NoColumn<K> };

/** Columns of windows: those of the rows, and the window's number where it is asked for. */
export type Windowed<S extends Shape, N extends string> = [N] extends [never]
  ? S
  : string extends N
    ? Shape
    : Simplify<S & { readonly [K in N]: 'int64' }> extends infer T extends Shape
      ? T
      : Shape;

/** Columns with other types. */
export type Cast<C, S> =
  IsOpen<S> extends true
    ? Shape
    : Simplify<{ [K in keyof S]: K extends keyof C ? C[K] : S[K] }> extends infer T extends Shape
      ? T
      : Shape;

/** Columns with other names. */
export type Renamed<M, S> =
  IsOpen<S> extends true
    ? Shape
    : Simplify<{
          [K in keyof S as K extends keyof M ? (M[K] extends string ? M[K] : never) : K]: S[K];
        }> extends infer T extends Shape
      ? T
      : Shape;

type ElementOf<T> = T extends `list<${infer E}>` ? (E extends TypeText ? E : TypeText) : TypeText;

/** Columns where a list has become its elements. */
export type Flattened<N, S> =
  IsOpen<S> extends true
    ? Shape
    : Simplify<{ [K in keyof S]: K extends N ? ElementOf<S[K]> : S[K] }> extends infer T extends Shape
      ? T
      : Shape;

/** For intersection with the name of a column: `unknown`, or why it cannot be flattened. */
export type SoundList<N, S> =
  IsOpen<S> extends true
    ? unknown
    : N extends keyof S
      ? TypeText extends S[N]
        ? unknown
        : S[N] extends `list<${string}`
          ? unknown
          : PipelineTypeError<`"${N & string}" has no elements: it is ${S[N] & string}`>
      : unknown;

/** Columns and, beside them, shifted ones. */
export type Shifted<M, S> =
  IsOpen<S> extends true
    ? Shape
    : Simplify<S & { readonly [K in keyof M]: M[K] extends keyof S ? S[M[K]] : TypeText }> extends infer T extends Shape
      ? T
      : Shape;

type Unit = 's' | 'ms' | 'us' | 'ns';
type UnitOf<Inside> = Inside extends `${infer U extends Unit}, ${string}` ? U : Inside extends Unit ? Inside : never;

type DifferenceType<T> = TypeText extends T
  ? TypeText
  : T extends 'float32' | 'float64'
    ? 'float64'
    : T extends 'uint64'
      ? 'uint64'
      : T extends `int${string}` | `uint${string}`
        ? 'int64'
        : T extends `timestamp[${infer Inside}]`
          ? `duration[${UnitOf<Inside>}]`
          : T extends `duration[${string}`
            ? T
            : never;

/** Columns and, beside them, differences. */
export type Differenced<M, S> =
  IsOpen<S> extends true
    ? Shape
    : Simplify<
          S & { readonly [K in keyof M]: M[K] extends keyof S ? DifferenceType<S[M[K]]> : TypeText }
        > extends infer T extends Shape
      ? T
      : Shape;

/** Column names of a shape, any text while they are not known. */
export type ColumnOf<S> = IsOpen<S> extends true ? string : keyof S & string;
