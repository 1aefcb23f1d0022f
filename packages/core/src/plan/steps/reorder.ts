/** `reorder` as users write it, and what planning has to know of it. */
import { floorBytes } from '../../batch/largest-batch.ts';
import { PipelineError } from '../../errors.ts';
import { isFloat, unitNsOf, valueTypeOf } from '../../operators/aggregate/value-type.ts';
import { type Duration, parseDuration } from '../../schema/durations.ts';
import { type Bytes, parseBytes } from '../../schema/sizes.ts';
import type { Fields } from '../../schema/types.ts';
import { checkKeys, type StepOptions } from '../stage-options.ts';
import { fieldNamed, refuseOptions } from './column-checks.ts';
import type { StepTraits } from './contract.ts';
import { neededWith } from './needed-columns.ts';
import type { ReorderSpec } from './specs.ts';

/** What becomes of rows that come too late: the run fails; they are left out and counted; they are a stream of their own. */
export type LateRows = ReorderSpec['lateRows'];

/** Options of `reorder`. */
export interface ReorderOptions<C extends string = string, L extends LateRows = LateRows> extends StepOptions {
  /** The column that rows are to ascend on. */
  on: C;
  /** How far a row may lie behind the latest one before it. For a column of plain numbers that many of its steps. */
  allowedLateness: Duration;
  /** What becomes of rows that lie further behind. Default `'error'`. */
  lateRows?: L;
  /** Most bytes of rows that wait in memory; more lie on disk. Default: a share of the pipeline's limit. */
  memoryLimit?: Bytes;
}

const LATE_ROWS: readonly LateRows[] = ['error', 'drop-and-count', 'side'];

/** @throws ERR_OPTIONS */
export function reorderSpec(options: ReorderOptions): ReorderSpec {
  checkKeys(options, 'reorder', ['on', 'allowedLateness', 'lateRows', 'memoryLimit'], 'step');
  const { on, allowedLateness, lateRows = 'error', memoryLimit } = options;
  if (typeof on !== 'string' || on === '')
    throw refuseOptions('reorder', `on is ${String(on)}`, "say which column rows are to ascend on: { on: 'ts' }");
  if (allowedLateness === undefined)
    throw refuseOptions(
      'reorder',
      'allowedLateness is missing',
      "say how far rows may lie behind: { allowedLateness: '5s' }, or use sort",
    );
  const ns = parseDuration(allowedLateness, 'allowedLateness of reorder');
  if (ns < 0n)
    throw refuseOptions('reorder', `allowedLateness is ${String(allowedLateness)}`, "give a duration such as '5s'");
  if (!LATE_ROWS.includes(lateRows))
    throw refuseOptions(
      'reorder',
      `lateRows is ${JSON.stringify(lateRows)}`,
      "use 'error', 'drop-and-count' or 'side'",
    );
  return {
    kind: 'reorder',
    on,
    lateness: { ns: String(ns), text: String(allowedLateness) },
    lateRows,
    ...(memoryLimit !== undefined && { memoryLimitBytes: parseBytes(memoryLimit, 'memoryLimit of reorder') }),
  };
}

/** The lateness in steps of the column, for plain numbers as it stands. @throws ERR_OPTIONS */
export function latenessSteps({ on, lateness }: ReorderSpec, fields: Fields): bigint {
  const { type } = fieldNamed(on, fields);
  if (!/^u?int/.test(type)) return BigInt(lateness.ns) / (unitNsOf(type) ?? 1n);
  if (/^\d+$/.test(lateness.text)) return BigInt(lateness.text);
  throw refuseOptions(
    'reorder',
    `allowedLateness is ${lateness.text}, but "${on}" is ${type}, not a time`,
    'give it as a plain number, or cast the column to a timestamp',
  );
}

export const reorderTraits: StepTraits<ReorderSpec> = {
  isStateless: false,
  keepsOrder: false,
  keepsCuts: true,
  canSpill: true,
  fields(spec, [input = []]) {
    const { type } = fieldNamed(spec.on, input);
    const { kernel } = valueTypeOf(type);
    if (unitNsOf(type) === undefined || isFloat(kernel) || kernel === 'u64')
      throw new PipelineError(
        'ERR_TYPE_UNSUPPORTED',
        `rows cannot be brought into order on "${spec.on}" of type ${type}`,
        {
          column: spec.on,
          value: type,
          expected: 'a timestamp, date, time or integer column',
          hint: `cast it before: cast({ ${spec.on}: 'int64' })`,
        },
      );
    latenessSteps(spec, input);
    const outputs = spec.lateRows === 'side' ? { out: input, late: input } : { out: input };
    return { spec, outputs, ordered: { out: spec.on } };
  },
  // Both outputs have all columns.
  needed: ({ on, lateRows }, _, behind) => (lateRows === 'side' ? 'all' : neededWith(behind, [on])),
  stateBytes: (_, [input = []], rows) => 4 * floorBytes(input, rows),
  describe: ({ on, lateness, lateRows }) => `order on ${on}, up to ${lateness.text} behind, late rows: ${lateRows}`,
};
