/** `rolling` as users write it, and what planning has to know of it. */
import { floorBytes } from '../../batch/largest-batch.ts';
import { PipelineError } from '../../errors.ts';
import { columnField } from '../../operators/aggregate/output-fields.ts';
import { isFloat, unitNsOf, valueTypeOf } from '../../operators/aggregate/value-type.ts';
import { type Duration, parseDuration } from '../../schema/durations.ts';
import type { Fields } from '../../schema/types.ts';
import type { Aggregate } from '../agg-functions.ts';
import { aggregateColumn } from '../aggregates.ts';
import type { AggregateFn } from '../logical.ts';
import { checkCount, checkKeys, type StepOptions } from '../stage-options.ts';
import { checkNewColumn, fieldNamed, namesOf, refuseOptions } from './column-checks.ts';
import { addedFields } from './column-steps.ts';
import type { StepTraits } from './contract.ts';
import { neededWith } from './needed-columns.ts';
import type { RollingSpec } from './specs.ts';

/** Options of `rolling`: one of `rows` and `period`. */
export interface RollingOptions<C extends string = string> extends StepOptions {
  /** Rows of a window, the row itself among them; `'all'` for all rows so far. */
  rows?: number | 'all';
  /** Instead of `rows`: a window has the rows less than so long before the row, which ascend on `on`. */
  period?: Duration;
  on?: C;
  /** Among rows with equal values in these columns. */
  by?: C | readonly C[];
  /** Results are null before a window has so many rows. Default 1. */
  minRows?: number;
}

const FUNCTIONS: readonly AggregateFn[] = ['count', 'first', 'last', 'max', 'mean', 'min', 'std', 'sum', 'var'];

/** @throws ERR_OPTIONS */
export function rollingSpec(columns: Readonly<Record<string, Aggregate>>, options: RollingOptions): RollingSpec {
  checkKeys(options, 'rolling', ['rows', 'period', 'on', 'by', 'minRows'], 'step');
  const { rows, period, on, minRows = 1 } = options;
  const entries = typeof columns === 'object' && columns !== null ? Object.entries(columns) : [];
  if (entries.length === 0)
    throw refuseOptions(
      'rolling',
      'there are no columns',
      "write rolling({ average: agg.mean('price') }, { rows: 20 })",
    );
  if ((rows === undefined) === (period === undefined))
    throw refuseOptions(
      'rolling',
      'a window has rows or a period',
      "give one of them: { rows: 20 } or { period: '5m', on: 'ts' }",
    );
  if ((period === undefined) !== (on === undefined))
    throw refuseOptions(
      'rolling',
      `period is ${String(period)} and on ${String(on)}`,
      "give both: { period: '5m', on: 'ts' }",
    );
  if (rows !== undefined && rows !== 'all') checkCount(rows, 'rows', 'rolling');
  checkCount(minRows, 'minRows', 'rolling');
  const specs = entries.map(([name, aggregate]) => aggregateColumn(name, aggregate, 'rolling'));
  for (const { name, fn } of specs)
    if (!FUNCTIONS.includes(fn))
      throw refuseOptions('rolling', `${fn} of "${name}" cannot be rolled`, `use one of ${FUNCTIONS.join(', ')}`);
  const ns = period === undefined ? 1n : parseDuration(period, 'period of rolling');
  if (ns <= 0n) throw refuseOptions('rolling', `period is ${String(period)}`, "give a duration such as '5m'");
  return {
    kind: 'rolling',
    columns: specs,
    ...(rows !== undefined && rows !== 'all' && { rows }),
    ...(period !== undefined && { period: { ns: String(ns), text: String(period) } }),
    ...(on !== undefined && { on }),
    by: namesOf(options.by, 'rolling', 'by'),
    minRows,
  };
}

/** The period in steps of the column; of plain numbers as it stands. @throws ERR_OPTIONS, ERR_TYPE_UNSUPPORTED */
export function periodSteps({ on = '', period }: RollingSpec, fields: Fields): bigint | undefined {
  if (period === undefined) return undefined;
  const { type } = fieldNamed(on, fields);
  const unit = unitNsOf(type);
  const { kernel } = valueTypeOf(type);
  if (unit === undefined || isFloat(kernel) || kernel === 'u64')
    throw new PipelineError('ERR_TYPE_UNSUPPORTED', `windows cannot be laid over "${on}" of type ${type}`, {
      column: on,
      value: type,
      expected: 'a timestamp, date, time or integer column',
      hint: `cast it before: cast({ ${on}: 'int64' })`,
    });
  if (!/^u?int/.test(type)) return BigInt(period.ns) / unit;
  if (/^\d+$/.test(period.text)) return BigInt(period.text);
  throw refuseOptions(
    'rolling',
    `period is ${period.text}, but "${on}" is ${type}, not a time`,
    'give it as a plain number, or cast the column to a timestamp',
  );
}

export const rollingTraits: StepTraits<RollingSpec> = {
  isStateless: false,
  keepsOrder: true,
  keepsCuts: true,
  canSpill: false,
  fields(spec, [input = []], [ordered]) {
    for (const name of spec.by) fieldNamed(name, input);
    periodSteps(spec, input);
    for (const { name } of spec.columns) checkNewColumn(name, input);
    const added = spec.columns.map((column) => ({ ...columnField(column, input), nullable: true }));
    return {
      spec,
      outputs: { out: addedFields(input, added) },
      ordered: ordered === undefined ? {} : { out: ordered },
    };
  },
  needed: ({ columns, by, on, isOwn }, _, behind) =>
    neededWith(
      behind,
      [...columns.flatMap(({ column }) => column ?? []), ...by, ...[on, isOwn].filter((name) => name !== undefined)],
      columns.map(({ name }) => name),
    ),
  stateBytes: (_, [input = []], rows) => floorBytes(input, rows),
  describe: ({ columns, rows, period, by }) =>
    `${columns.map(({ name, fn, column = '' }) => `${name} = ${fn}(${column})`).join(', ')} over ${period === undefined ? (rows === undefined ? 'all rows' : `${rows} rows`) : period.text}${by.length === 0 ? '' : ` by ${by.join(', ')}`}`,
};
