/** What combining streams does to columns, at compile time. */
import type { IsOpen, PipelineTypeError, Simplify } from '../expressions/types.ts';
import type { Shape } from '../schema/types.ts';
import type { JoinInputs } from './join-types.ts';

type ShapeOf<T> = T extends { readonly shape?: infer S } ? (S extends Shape ? S : Shape) : Shape;
type Shapes<I> = ShapeOf<I[keyof I]>;
type AllKeys<U> = U extends unknown ? keyof U : never;
type Together<U> = (U extends unknown ? (one: U) => void : never) extends (all: infer A) => void ? A : never;
type AnyIsOpen<U> = U extends unknown ? (IsOpen<U> extends true ? true : never) : never;

/** One shape, whatever the order of its columns; or the union of those that differ. */
type Differs<U, Whole = U> = U extends unknown ? ([Whole] extends [U] ? never : true) : never;

/** Columns of streams that have the same. */
export type SameShape<I> = [AnyIsOpen<Shapes<I>>] extends [never]
  ? Simplify<Together<Shapes<I>>> extends infer T extends Shape
    ? T
    : Shape
  : Shape;

/** For intersection: `unknown`, or the sentence that says that columns differ. */
export type SoundSame<I> = [AnyIsOpen<Shapes<I>>] extends [never]
  ? [Differs<Shapes<I>>] extends [never]
    ? unknown
    : PipelineTypeError<'the streams have different columns'>
  : unknown;

/** Columns of all streams. */
export type BesideShape<I> = [AnyIsOpen<Shapes<I>>] extends [never]
  ? Simplify<Together<Shapes<I>>> extends infer T extends Shape
    ? T
    : Shape
  : Shape;

type Clash<I, K extends keyof I> = Extract<keyof ShapeOf<I[K]>, AllKeys<ShapeOf<I[Exclude<keyof I, K>]>>> & string;

/** For intersection: each stream `unknown`, or the sentence that says which column another one has too. */
export type SoundBeside<I extends JoinInputs> = [AnyIsOpen<Shapes<I>>] extends [never]
  ? {
      [K in keyof I]: [Clash<I, K>] extends [never]
        ? unknown
        : PipelineTypeError<`another stream has a column "${Clash<I, K>}" too: rename it`>;
    }
  : unknown;
