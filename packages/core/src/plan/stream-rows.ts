/** Steps that look at rows one after the other: windows, positions, neighbours. */
import type { Simplify } from '../expressions/types.ts';
import type { Shape } from '../schema/types.ts';
import type { OperatorSpec } from './logical.ts';
import { makeNode, type StepOptions } from './stage-options.ts';
import { type SlidingWindowOptions, slidingWindowSpec } from './steps/sliding-window.ts';
import { type Stream, StreamSteps } from './stream.ts';
import type { Registry } from './stream-types.ts';

/** Columns of windows: those of the rows, and the window's number where it is asked for. */
type Windowed<S extends Shape, N extends string> = [N] extends [never]
  ? S
  : string extends N
    ? Shape
    : Simplify<S & { readonly [K in N]: 'int64' }> extends infer T extends Shape
      ? T
      : Shape;

/** All steps of a stream. */
export class RowSteps<in out S extends Shape, in out R extends Registry> extends StreamSteps<S, R> {
  #append<T extends Shape>(kind: string, spec: OperatorSpec, options: StepOptions | undefined): Stream<T, R> {
    return this.append((input) => makeNode(kind, spec, [input], options)) as unknown as Stream<T, R>;
  }

  /**
   * Windows over the last `rows` rows, one at every row or at every so many; each is one logical batch. Without
   * `partial: false` the first ones have fewer rows, and the end of input gives the last one what rows there are.
   *
   * Holds the rows of one window, on disk beyond its share.
   *
   * @throws ERR_OPTIONS
   * @example
   * ```ts
   * ticks.slidingWindow(100, { every: 10, number: 'window' }).map(spectrum, { iterMax: 1 });
   * ```
   */
  slidingWindow<const N extends string = never>(
    rows: number,
    options?: SlidingWindowOptions<N>,
  ): Stream<Windowed<S, N>, R> {
    return this.#append('slidingWindow', slidingWindowSpec(rows, options), options);
  }
}
