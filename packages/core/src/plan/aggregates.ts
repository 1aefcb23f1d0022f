/** Aggregations as the user describes them: `agg.first('price')`, bins, keys. */
import { PipelineError } from '../errors.ts';
import { type Duration, parseDuration } from '../schema/durations.ts';
import { nameHint } from '../schema/nearest-name.ts';
import type { AggregateColumn, AggregateFn, AggregationSpec, BinSpec } from './logical.ts';
import type { StageOptions } from './stage-options.ts';

/** One output column of an aggregation. Made by `agg`. */
export class Aggregate<F extends AggregateFn = AggregateFn, C extends string | undefined = string | undefined> {
  readonly fn: F;
  readonly column: C;

  constructor(fn: F, column: C) {
    this.fn = fn;
    this.column = column;
  }
}

/** The aggregate functions. */
export interface AggregateFunctions {
  /** First value that is not null. */
  first<const C extends string>(column: C): Aggregate<'first', C>;
  /** Last value that is not null. */
  last<const C extends string>(column: C): Aggregate<'last', C>;
  min<const C extends string>(column: C): Aggregate<'min', C>;
  max<const C extends string>(column: C): Aggregate<'max', C>;
  /** Exact: the real sum, rounded once. Integers give int64 (unsigned ones uint64) or ERR_INTEGER_OVERFLOW. */
  sum<const C extends string>(column: C): Aggregate<'sum', C>;
  /** Rows, or values of a column that are not null. */
  count(): Aggregate<'count', undefined>;
  count<const C extends string>(column: C): Aggregate<'count', C>;
  mean<const C extends string>(column: C): Aggregate<'mean', C>;
  /** Standard deviation of the sample; null below two values. */
  std<const C extends string>(column: C): Aggregate<'std', C>;
  /** Variance of the sample; null below two values. */
  var<const C extends string>(column: C): Aggregate<'var', C>;
}

function maker<F extends AggregateFn>(fn: F): <const C extends string>(column: C) => Aggregate<F, C> {
  return (column) => {
    if (typeof column === 'string') return new Aggregate(fn, column);
    throw new PipelineError('ERR_OPTIONS', `agg.${fn}() takes the name of a column, this is ${String(column)}`, {
      hint: `write agg.${fn}('price')`,
    });
  };
}

function count(): Aggregate<'count', undefined>;
function count<const C extends string>(column: C): Aggregate<'count', C>;
function count(column?: string): Aggregate<'count', string | undefined> {
  return new Aggregate('count', column);
}

/**
 * Aggregate functions. Nulls are skipped; a group without values gives null, `count` gives 0.
 *
 * @example
 * ```ts
 * priced.aggStream({ orderedOn: 'ts', aggregations: { hourly: { every: '1h', columns: { open: agg.first('price'), n: agg.count() } } } });
 * ```
 */
export const agg: AggregateFunctions = {
  first: maker('first'),
  last: maker('last'),
  min: maker('min'),
  max: maker('max'),
  sum: maker('sum'),
  count,
  mean: maker('mean'),
  std: maker('std'),
  var: maker('var'),
};

/** One named aggregation: bins of a fixed width and what is computed in each. */
export interface AggregationOptions {
  /** Width of a bin: a duration, or for an ordered column of plain numbers that many of its steps. */
  every: Duration;
  /** Start of some bin; default 1970-01-01, for whole weeks Monday 1970-01-05. A date, ISO text, or a plain number. */
  origin?: Date | string | number;
  /** Bins of fixed width know no time zone but UTC. */
  timeZone?: string;
  columns: { readonly [column: string]: Aggregate };
}

/** Options of `aggStream`. */
export interface AggStreamOptions extends StageOptions {
  /** Column that the input ascends on. */
  orderedOn: string;
  /** Keys: one group per bin and combination of values. */
  by?: readonly string[];
  aggregations: { readonly [name: string]: AggregationOptions };
}

const AGGREGATION_KEYS = ['every', 'origin', 'timeZone', 'columns'];
const WEEK_NS = 604_800_000_000_000n;
const MONDAY_NS = 4n * 86_400_000_000_000n;

function refuse(problem: string, hint: string): PipelineError {
  return new PipelineError('ERR_OPTIONS', `aggStream: ${problem}`, { stage: 'aggStream', hint });
}

/** The aggregations of a plan. @throws ERR_OPTIONS */
export function aggregationSpecs(aggregations: AggStreamOptions['aggregations']): AggregationSpec[] {
  const entries = typeof aggregations === 'object' && aggregations !== null ? Object.entries(aggregations) : [];
  if (entries.length === 0)
    throw refuse(
      'there are no aggregations',
      "give at least one: { hourly: { every: '1h', columns: { n: agg.count() } } }",
    );
  return entries.map(([name, options]) => aggregationSpec(name, options));
}

function aggregationSpec(name: string, options: AggregationOptions): AggregationSpec {
  for (const key of Object.keys(options)) {
    if (!AGGREGATION_KEYS.includes(key))
      throw refuse(`aggregation "${name}" has no option "${key}"`, nameHint(key, AGGREGATION_KEYS));
  }
  if (options.timeZone !== undefined && options.timeZone !== 'UTC') {
    throw refuse(
      `aggregation "${name}": bins in the time zone ${options.timeZone} are not there yet`,
      'leave timeZone out: bins of fixed width are laid in UTC',
    );
  }
  const columns = Object.entries(options.columns ?? {}).map(([column, aggregate]) =>
    aggregateColumn(column, aggregate, name),
  );
  if (columns.length === 0)
    throw refuse(`aggregation "${name}" has no columns`, 'give at least one: { n: agg.count() }');
  return { name, bins: binSpec(name, options), columns };
}

function aggregateColumn(name: string, aggregate: Aggregate, aggregation: string): AggregateColumn {
  if (!(aggregate instanceof Aggregate))
    throw refuse(
      `column "${name}" of aggregation "${aggregation}" is ${String(aggregate)}`,
      "write an aggregate such as agg.sum('qty')",
    );
  return { name, fn: aggregate.fn, ...(aggregate.column !== undefined && { column: aggregate.column }) };
}

function binSpec(name: string, { every, origin }: AggregationOptions): BinSpec {
  const everyNs = parseDuration(every, `every of aggregation "${name}"`);
  if (everyNs <= 0n)
    throw refuse(`aggregation "${name}": every is ${String(every)}`, "give a positive duration such as '1h'");
  const defaultOrigin = everyNs % WEEK_NS === 0n ? MONDAY_NS : 0n;
  return {
    kind: 'fixed',
    everyNs: String(everyNs),
    originNs: String(origin === undefined ? defaultOrigin : originNs(name, origin)),
    text: String(every),
  };
}

/** Text without an offset is read as UTC. */
function instantMs(origin: Date | string | number): number {
  if (typeof origin === 'number') return origin;
  if (origin instanceof Date) return origin.getTime();
  const hasTime = /\d[T ]\d/.test(origin);
  const hasOffset = /(Z|[+-]\d\d:?\d\d)$/i.test(origin);
  return Date.parse(hasTime && !hasOffset ? `${origin}Z` : origin);
}

function originNs(name: string, origin: Date | string | number): bigint {
  const ms = instantMs(origin);
  if (Number.isSafeInteger(ms)) return BigInt(ms) * 1_000_000n;
  throw refuse(
    `aggregation "${name}": origin ${String(origin)} is not a time`,
    "write a Date or ISO text such as '2026-01-01'",
  );
}

const NUMBERS = /^(?:u?int(?:8|16|32|64)|float(?:32|64))$/;

/**
 * Bins over a column of plain numbers count its steps: `every: 100` is a hundred of them, not 100 ms.
 * @throws ERR_OPTIONS when such a column is given a duration with a unit
 */
export function binsFor(bins: BinSpec, orderedType: string, aggregation: string): BinSpec {
  if (!NUMBERS.test(orderedType)) return bins;
  if (!/^\d+$/.test(bins.text)) {
    throw refuse(
      `aggregation "${aggregation}" has bins of ${bins.text}, but its ordered column is ${orderedType}, not a time`,
      'give every as a plain number, or cast the column to a timestamp',
    );
  }
  const isDefaultOrigin = bins.originNs === '0' || bins.originNs === String(MONDAY_NS);
  return { ...bins, everyNs: bins.text, originNs: isDefaultOrigin ? '0' : String(BigInt(bins.originNs) / 1_000_000n) };
}
