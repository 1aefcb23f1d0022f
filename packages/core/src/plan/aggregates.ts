/** Aggregations as the user describes them: bins, keys, and what is computed. */
import { Expression } from '../expressions/builder.ts';
import { nameHint } from '../schema/nearest-name.ts';
import { Aggregate } from './agg-functions.ts';
import { type BinOptions, binSpec, endOf, refuse } from './bin-options.ts';
import type { AggregateColumn, AggregationSpec } from './logical.ts';
import { type SnapshotOptions, snapshotSpec } from './snapshot-options.ts';
import type { StageOptions } from './stage-options.ts';

/** One named aggregation: its bins, and what is computed in each. */
export interface AggregationOptions extends BinOptions {
  columns: { readonly [column: string]: Aggregate };
  /** Which end of a bin belongs to it; default the left one. */
  closed?: 'left' | 'right';
  /** Which end of a bin stands in the output; of sessions and bins of rows, the first or the last row's value. Default left. */
  label?: 'left' | 'right';
  /** Bins without rows: left out (default), or rows of nulls (and counts of 0) between the first bin that has rows and the last. */
  empty?: 'skip' | 'null';
  /** The aggregation sees only the rows for which this is true. */
  filter?: Expression;
  snapshots?: SnapshotOptions;
  /** Columns added to the results, or put in their place, computed from them. */
  post?: { readonly [column: string]: Expression };
}

/** Options of `aggStream`. */
export interface AggStreamOptions extends StageOptions {
  /** Column that the input ascends on. */
  orderedOn: string;
  /** Keys: one group per bin and combination of values. */
  by?: readonly string[];
  aggregations: { readonly [name: string]: AggregationOptions };
}

const AGGREGATION_KEYS: readonly string[] = [
  'every',
  'period',
  'origin',
  'timeZone',
  'weekStart',
  'rows',
  'edges',
  'outside',
  'gap',
  'columns',
  'closed',
  'label',
  'empty',
  'filter',
  'snapshots',
  'post',
];

/** The aggregations of a plan. @throws ERR_OPTIONS */
export function aggregationSpecs(aggregations: AggStreamOptions['aggregations']): AggregationSpec[] {
  const entries = typeof aggregations === 'object' && aggregations !== null ? Object.entries(aggregations) : [];
  if (entries.length === 0)
    throw refuse(
      'there are no aggregations',
      "give at least one: { hourly: { every: '1h', columns: { n: agg.count() } } }",
    );
  const specs = entries.map(([name, options]) => aggregationSpec(name, options));
  for (const { name, snapshots } of specs) {
    if (snapshots !== undefined && specs.some((other) => other.name === snapshots.port))
      throw refuse(
        `the snapshots of "${name}" are called "${snapshots.port}", as an aggregation is`,
        'rename that one',
      );
  }
  return specs;
}

function aggregationSpec(name: string, options: AggregationOptions): AggregationSpec {
  for (const key of Object.keys(options)) {
    if (!AGGREGATION_KEYS.includes(key))
      throw refuse(`aggregation "${name}" has no option "${key}"`, nameHint(key, AGGREGATION_KEYS));
  }
  const columns = Object.entries(options.columns ?? {}).map(([column, aggregate]) =>
    aggregateColumn(column, aggregate, name),
  );
  if (columns.length === 0)
    throw refuse(`aggregation "${name}" has no columns`, 'give at least one: { n: agg.count() }');
  const bins = binSpec(name, options);
  const { filter, snapshots } = options;
  if (filter !== undefined && !(filter instanceof Expression))
    throw refuse(`aggregation "${name}": filter is ${String(filter)}`, "write a condition such as col('price').gt(0)");
  const spec: AggregationSpec = {
    name,
    bins,
    columns,
    ...(endOf(name, 'closed', options.closed, 'left') === 'right' && { closed: 'right' }),
    ...(endOf(name, 'label', options.label, 'left') === 'right' && { label: 'right' }),
    ...(showsEmpty(name, options, bins) && { empty: 'null' }),
    ...(filter !== undefined && { filter: filter.node }),
  };
  return snapshots === undefined ? spec : { ...spec, snapshots: snapshotSpec(name, snapshots, spec, options.timeZone) };
}

function showsEmpty(
  name: string,
  { empty = 'skip', snapshots }: AggregationOptions,
  bins: AggregationSpec['bins'],
): boolean {
  if (empty === 'skip') return false;
  if (empty !== 'null') throw refuse(`aggregation "${name}": empty is ${String(empty)}`, "use 'skip' or 'null'");
  if (bins.kind !== 'sessions' && (bins.kind !== 'rows' || snapshots !== undefined)) return true;
  throw refuse(`aggregation "${name}": its bins of ${bins.text} are never empty`, "leave empty: 'null' out");
}

/** One column as plain data. @throws ERR_OPTIONS */
export function aggregateColumn(name: string, aggregate: Aggregate, aggregation: string): AggregateColumn {
  if (!(aggregate instanceof Aggregate))
    throw refuse(
      `column "${name}" of aggregation "${aggregation}" is ${String(aggregate)}`,
      "write an aggregate such as agg.sum('qty')",
    );
  const { fn, column, detail } = aggregate;
  return { name, fn, ...(column !== undefined && { column }), ...detail };
}
