/** The aggregate functions as the user writes them: `agg.first('price')`. */
import { PipelineError } from '../errors.ts';
import type { Interpolation } from '../kernels/quantiles.ts';
import type { AggregateDefinition } from '../operators/aggregate-definition.ts';
import type { OptionsInput } from '../operators/op-options.ts';
import type { TypeText } from '../schema/types.ts';
import type { AggregateColumn, AggregateFn } from './logical.ts';

/** What a function takes beside its column. */
export type AggregateDetail = Omit<AggregateColumn, 'name' | 'fn' | 'column'>;

/**
 * One output column of an aggregation. Made by `agg`. `F`: the function; `C`: its column; `Out`: the type of its results,
 * where they do not follow from the function; `Other`: a second column.
 */
export class Aggregate<
  F extends AggregateFn = AggregateFn,
  C extends string | undefined = string | undefined,
  Out extends TypeText | undefined = TypeText | undefined,
  Other extends string | undefined = string | undefined,
> {
  /** Types only. */
  declare readonly out?: Out;
  /** Types only. */
  declare readonly other?: Other;
  readonly fn: F;
  readonly column: C;
  readonly detail: AggregateDetail;

  constructor(fn: F, column: C, detail: AggregateDetail = {}) {
    this.fn = fn;
    this.column = column;
    this.detail = detail;
  }
}

type Plain<F extends AggregateFn> = <const C extends string>(column: C) => Aggregate<F, C, undefined, undefined>;

/** Options of `agg.sum`. */
export interface SumOptions<O extends 'error' | 'wrap' | 'float64' = 'error' | 'wrap' | 'float64'> {
  /**
   * What becomes of a sum of integers that 64 bits cannot hold: ERR_INTEGER_OVERFLOW (default), its low 64 bits, or the nearest double (then every sum
   * of the column is float64).
   */
  overflow?: O;
}

/** The aggregate functions. Nulls are skipped. @throws ERR_OPTIONS for what is no name of a column, and for options that it does not have */
export interface AggregateFunctions {
  /** First value that is not null. */
  first: Plain<'first'>;
  /** Last value that is not null. */
  last: Plain<'last'>;
  /** NaN only where there is nothing else; −0 is less than 0. Texts by their UTF-8 bytes. */
  min: Plain<'min'>;
  /** As `min`: NaN only where there is nothing else. */
  max: Plain<'max'>;
  /** Exact: the real sum, rounded once. Integers give int64 (unsigned ones uint64) or ERR_INTEGER_OVERFLOW. */
  sum<const C extends string>(
    column: C,
    options?: SumOptions<'error' | 'wrap'>,
  ): Aggregate<'sum', C, undefined, undefined>;
  sum<const C extends string>(column: C, options: SumOptions<'float64'>): Aggregate<'sum', C, 'float64', undefined>;
  /** Rows, or values of a column that are not null. */
  count(): Aggregate<'count', undefined, undefined, undefined>;
  count<const C extends string>(column: C): Aggregate<'count', C, undefined, undefined>;
  /** Exact: the real sum, divided by the number of values and rounded once; float64. */
  mean: Plain<'mean'>;
  /** Standard deviation of the sample; null below two values. */
  std: Plain<'std'>;
  /** Variance of the sample; null below two values. */
  var: Plain<'var'>;
  /** Mean weighted by another column: Σwx ÷ Σw, both exact, over rows where neither is null; null where the weights add up to 0. */
  wmean<const C extends string, const W extends string>(column: C, weight: W): Aggregate<'wmean', C, 'float64', W>;
  /** Value of the first row in which another column is least, of rows where neither is null. */
  argMin<const C extends string, const B extends string>(column: C, by: B): Aggregate<'argMin', C, undefined, B>;
  /** Value of the first row in which another column is greatest, of rows where neither is null. */
  argMax<const C extends string, const B extends string>(column: C, by: B): Aggregate<'argMax', C, undefined, B>;
  /** Exact: holds the values of open bins. NaN counts as the largest number. */
  median: Plain<'median'>;
  /** Exact: holds the values of open bins. `q` is 0 … 1; between two values, `linear` (default) interpolates. */
  quantile<const C extends string>(
    column: C,
    q: number,
    options?: { interpolation?: Interpolation },
  ): Aggregate<'quantile', C, undefined, undefined>;
  /** Number of different values, exact: holds them. All NaN are one value, and so are 0 and −0. */
  nUnique: Plain<'nUnique'>;
  /** Quantile within a relative error of the value (default 1 %), by a DDSketch. */
  quantileApprox<const C extends string>(
    column: C,
    q: number,
    options?: { relativeError?: number },
  ): Aggregate<'quantileApprox', C, undefined, undefined>;
  /** Number of different values, by a HyperLogLog of 2^`precision` registers (4 … 16, default 12: a standard error of 1.6 %). */
  nUniqueApprox<const C extends string>(
    column: C,
    options?: { precision?: number },
  ): Aggregate<'nUniqueApprox', C, undefined, undefined>;
  /** A function of your own, made by `defineAggregate`. */
  custom<const C extends string, Out extends TypeText, D>(
    definition: AggregateDefinition<Out, D>,
    columns: C | readonly C[],
    ...options: Partial<OptionsInput<D>> extends OptionsInput<D>
      ? [options?: OptionsInput<D>]
      : [options: OptionsInput<D>]
  ): Aggregate<'custom', C, Out, undefined>;
}

function refuse(problem: string, hint: string): PipelineError {
  return new PipelineError('ERR_OPTIONS', problem, { hint });
}

function nameOf(fn: string, column: unknown): string {
  if (typeof column === 'string') return column;
  throw refuse(`agg.${fn}() takes the name of a column, this is ${String(column)}`, `write agg.${fn}('price')`);
}

function make(fn: AggregateFn, column: unknown, detail: AggregateDetail = {}): never {
  return new Aggregate(fn, nameOf(fn, column), detail) as never;
}

function quantileOf(fn: string, q: unknown): number {
  if (typeof q === 'number' && q >= 0 && q <= 1) return q;
  throw refuse(`agg.${fn}(): q is ${String(q)}`, 'give a number from 0 (the least value) to 1 (the greatest)');
}

function checkKnown(fn: string, options: object, known: readonly string[]): void {
  for (const key of Object.keys(options))
    if (!known.includes(key)) throw refuse(`agg.${fn}() has no option "${key}"`, `its options are ${known.join(', ')}`);
}

function sum(column: unknown, options: SumOptions = {}): never {
  checkKnown('sum', options, ['overflow']);
  const { overflow = 'error' } = options;
  if (!['error', 'wrap', 'float64'].includes(overflow))
    throw refuse(`agg.sum(): overflow is ${String(overflow)}`, "use 'error', 'wrap' or 'float64'");
  return make('sum', column, overflow === 'error' ? {} : { overflow });
}

const INTERPOLATIONS: readonly Interpolation[] = ['linear', 'lower', 'higher', 'nearest'];

function quantile(column: unknown, q: unknown, options: { interpolation?: Interpolation } = {}): never {
  checkKnown('quantile', options, ['interpolation']);
  const { interpolation = 'linear' } = options;
  if (!INTERPOLATIONS.includes(interpolation))
    throw refuse(
      `agg.quantile(): interpolation is ${String(interpolation)}`,
      `use one of ${INTERPOLATIONS.join(', ')}`,
    );
  return make('quantile', column, { quantile: quantileOf('quantile', q), interpolation });
}

function quantileApprox(column: unknown, q: unknown, options: { relativeError?: number } = {}): never {
  checkKnown('quantileApprox', options, ['relativeError']);
  const { relativeError = 0.01 } = options;
  if (!(relativeError >= 1e-4 && relativeError <= 0.5))
    throw refuse(`agg.quantileApprox(): relativeError is ${String(relativeError)}`, 'give a number from 0.0001 to 0.5');
  return make('quantileApprox', column, { quantile: quantileOf('quantileApprox', q), relativeError });
}

function nUniqueApprox(column: unknown, options: { precision?: number } = {}): never {
  checkKnown('nUniqueApprox', options, ['precision']);
  const { precision = 12 } = options;
  if (!Number.isInteger(precision) || precision < 4 || precision > 16)
    throw refuse(`agg.nUniqueApprox(): precision is ${String(precision)}`, 'give a whole number from 4 to 16');
  return make('nUniqueApprox', column, { precision });
}

function custom(
  definition: AggregateDefinition | undefined,
  columns: string | readonly string[],
  options?: unknown,
): never {
  if (definition?.kind !== 'aggregate')
    throw refuse(
      'agg.custom(): the first argument is no aggregate',
      'make one with defineAggregate() in a module of its own',
    );
  const names = typeof columns === 'string' ? [columns] : [...columns];
  if (names.length === 0)
    throw refuse('agg.custom() takes no columns', "name at least one: agg.custom(product, 'price')");
  const { ref, output, takesNulls } = definition;
  const parsed = definition.parseOptions(options, ref.name);
  return make('custom', names[0], { custom: { ref, columns: names, options: parsed, output, takesNulls } });
}

/**
 * Aggregate functions. Nulls are skipped; a group without values gives null, counts give 0.
 *
 * @example
 * ```ts
 * priced.aggStream({ orderedOn: 'ts', aggregations: { hourly: { every: '1h', columns: { open: agg.first('price'), n: agg.count() } } } });
 * ```
 */
export const agg: AggregateFunctions = {
  first: (column) => make('first', column),
  last: (column) => make('last', column),
  min: (column) => make('min', column),
  max: (column) => make('max', column),
  sum,
  count: (column?: string) => new Aggregate('count', column) as never,
  mean: (column) => make('mean', column),
  std: (column) => make('std', column),
  var: (column) => make('var', column),
  wmean: (column, weight) => make('wmean', column, { other: nameOf('wmean', weight) }),
  argMin: (column, by) => make('argMin', column, { other: nameOf('argMin', by) }),
  argMax: (column, by) => make('argMax', column, { other: nameOf('argMax', by) }),
  median: (column) => make('median', column),
  quantile,
  nUnique: (column) => make('nUnique', column),
  quantileApprox,
  nUniqueApprox,
  custom,
};
