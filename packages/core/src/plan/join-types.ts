/** What a join does to columns, at compile time. */
import type { IsOpen, PipelineTypeError, Simplify } from '../expressions/types.ts';
import type { Shape } from '../schema/types.ts';
import type { ColumnOf } from './stream-types.ts';

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

/** Columns that the right side adds. */
type AddedColumn<I, L, Compared> = Exclude<keyof ShapeOf<I[RightOf<I, L>]>, NameIn<Compared, RightOf<I, L>>>;

type Clash<I, L extends keyof I, Compared> = Extract<AddedColumn<I, L, Compared>, keyof ShapeOf<I[L]>> & string;

/** For intersection with a join's options: `unknown`, or the sentence that says which name both sides have. */
export type SoundJoin<I, L extends keyof I, Compared, Suffix> =
  IsOpen<ShapeOf<I[L]>> extends true
    ? unknown
    : IsOpen<ShapeOf<I[RightOf<I, L>]>> extends true
      ? unknown
      : [Clash<I, L, Compared>] extends [never]
        ? unknown
        : Suffix extends string
          ? string extends Suffix
            ? MissingSuffix<Clash<I, L, Compared>>
            : unknown
          : MissingSuffix<Clash<I, L, Compared>>;

type MissingSuffix<Name extends string> = {
  readonly suffix: PipelineTypeError<`both sides have a column "${Name}": give suffix, such as '_right'`>;
};

/** All left columns, then those of the right side that are not compared, renamed where the left side has the name too. */
export type JoinedShape<I, L extends keyof I, Compared, Suffix extends string> =
  IsOpen<ShapeOf<I[L]>> extends true
    ? Shape
    : IsOpen<ShapeOf<I[RightOf<I, L>]>> extends true
      ? Shape
      : Simplify<
            ShapeOf<I[L]> & {
              readonly [K in AddedColumn<I, L, Compared> & string as K extends keyof ShapeOf<I[L]>
                ? `${K}${Suffix}`
                : K]: K extends keyof ShapeOf<I[RightOf<I, L>]> ? ShapeOf<I[RightOf<I, L>]>[K] : never;
            }
          > extends infer T extends Shape
        ? T
        : Shape;
