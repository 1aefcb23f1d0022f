/** What a join does to columns, at compile time. */
import type { IsOpen, PipelineTypeError, Simplify } from '../expressions/types.ts';
import type { Shape } from '../schema/types.ts';
import type { ColumnOf } from './row-types.ts';

/** Streams by the names that a join's options call them. */
export interface JoinInputs {
  // biome-ignore lint/suspicious/noExplicitAny: streams of every shape
  readonly [name: string]: { readonly shape?: any };
}

type ShapeOf<T> = T extends { readonly shape?: infer S } ? (S extends Shape ? S : Shape) : Shape;

/** Columns that all streams have. */
type SharedColumn<I> = {
  [K in keyof I]: (column: ColumnOf<ShapeOf<I[K]>>) => void;
}[keyof I] extends (column: infer C extends string) => void
  ? C
  : never;

/** A column of each stream: one name that all have, or a name for each. */
export type JoinColumn<I> = SharedColumn<I> | { readonly [K in keyof I]: ColumnOf<ShapeOf<I[K]>> };

type NameIn<Column, K> = Column extends string ? Column : K extends keyof Column ? Column[K] : never;

type RightOf<I, L> = Exclude<keyof I, L>;

/** Columns that both sides have as one: those compared, but for an interval's times, which differ. */
type Merged<St, On, By> = St extends 'interval' ? By : On | By;

/** Columns that a right side adds. */
type AddedColumn<I, R extends keyof I, St, On, By> = St extends 'semi' | 'anti'
  ? never
  : Exclude<keyof ShapeOf<I[R]>, NameIn<Merged<St, On, By>, R>>;

type Clash<I, L extends keyof I, St, On, By> = {
  [R in RightOf<I, L>]: Extract<AddedColumn<I, R & keyof I, St, On, By>, keyof ShapeOf<I[L]>>;
}[RightOf<I, L>] &
  string;

/** Whether the columns of some stream are not known. */
type HasOpen<I> = true extends { [K in keyof I]: IsOpen<ShapeOf<I[K]>> }[keyof I] ? true : false;

/** What a join says of names that are taken. */
type GivenSuffix = string | { readonly [input: string]: string };

/** For intersection with a join's options: `unknown`, or the sentence that says which name both sides have. */
export type SoundJoin<I, L extends keyof I, St, On, By, Suffix> =
  HasOpen<I> extends true
    ? unknown
    : [Clash<I, L, St, On, By>] extends [never]
      ? unknown
      : Suffix extends GivenSuffix
        ? string extends Suffix
          ? MissingSuffix<Clash<I, L, St, On, By>>
          : unknown
        : MissingSuffix<Clash<I, L, St, On, By>>;

type MissingSuffix<Name extends string> = {
  readonly suffix: PipelineTypeError<`both sides have a column "${Name}": give suffix, such as '_right'`>;
};

type SuffixOf<Suffix, R> = Suffix extends string ? Suffix : R extends keyof Suffix ? Suffix[R] & string : '';

/** Name and type of each column that a right side adds, renamed where the left side has the name too. */
type Entry<I, L extends keyof I, R extends keyof I, St, On, By, Suffix> = {
  [K in AddedColumn<I, R, St, On, By> & string]: readonly [
    K extends keyof ShapeOf<I[L]> ? `${K}${SuffixOf<Suffix, R>}` : K,
    K extends keyof ShapeOf<I[R]> ? ShapeOf<I[R]>[K] : never,
  ];
}[AddedColumn<I, R, St, On, By> & string];

type Entries<I, L extends keyof I, St, On, By, Suffix> = {
  [R in RightOf<I, L>]: Entry<I, L, R & keyof I, St, On, By, Suffix>;
}[RightOf<I, L>];

/** All left columns, then those of the right sides that are not compared, renamed where the left side has the name too. */
export type JoinedShape<I, L extends keyof I, St, On, By, Suffix> =
  HasOpen<I> extends true
    ? Shape
    : Simplify<
          ShapeOf<I[L]> & {
            readonly [E in Entries<I, L, St, On, By, Suffix> as E extends readonly [infer N extends string, unknown]
              ? N
              : never]: E extends readonly [unknown, infer T] ? T : never;
          }
        > extends infer T extends Shape
      ? T
      : Shape;
