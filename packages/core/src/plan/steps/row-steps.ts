/** Steps that choose, group or look at rows one after the other: on one lane, in order. */
import { floorBytes } from '../../batch/largest-batch.ts';
import { typeOfExpression } from '../../expressions/typing.ts';
import type { FieldSpec } from '../../schema/types.ts';
import { checkKeyColumns, fieldNamed } from './column-checks.ts';
import { addedFields } from './column-steps.ts';
import type { StepTraits } from './contract.ts';
import { neededWith } from './needed-columns.ts';
import type { DistinctSpec, PartitionSpec, PartitionUniqueSpec, ShiftSpec, SliceSpec, TailSpec } from './specs.ts';

const SERIAL = { isStateless: false, keepsOrder: true, stateBytes: () => 0, canSpill: false } as const;
/** Tables of keys begin with so much. */
const KEYS_BYTES = 2 * 2 ** 20;

export const sliceTraits: StepTraits<SliceSpec> = {
  ...SERIAL,
  keepsCuts: true,
  fields: (spec, [input = []], [ordered]) => ({
    spec,
    outputs: { out: input },
    ordered: ordered ? { out: ordered } : {},
  }),
  needed: (_, __, behind) => behind,
  describe: ({ from, to, step }) =>
    `rows ${from} to ${to === undefined ? 'the end' : to - 1}${step === 1 ? '' : `, every ${step}`}`,
};

export const distinctTraits: StepTraits<DistinctSpec> = {
  ...SERIAL,
  canSpill: true,
  keepsCuts: true,
  fields(spec, [input = []], [ordered]) {
    for (const name of spec.by) fieldNamed(name, input);
    return { spec, outputs: { out: input }, ordered: ordered ? { out: ordered } : {} };
  },
  needed: ({ by }, _, behind) => (by.length === 0 ? 'all' : neededWith(behind, by)),
  stateBytes: ({ max }, [input = []], rows) => (max === undefined ? KEYS_BYTES + floorBytes(input, rows) : 0),
  describe: ({ by, max }) =>
    `first rows of each ${by.length === 0 ? 'row' : by.join(', ')}${max === undefined ? '' : `, of the last ${max}`}`,
};

export const partitionTraits: StepTraits<PartitionSpec> = {
  ...SERIAL,
  keepsCuts: false,
  fields(spec, [input = []], [ordered]) {
    for (const name of spec.by) fieldNamed(name, input);
    const keeps = ordered !== undefined && (spec.rows === undefined || spec.by.length === 0);
    return { spec, outputs: { out: input }, ordered: keeps ? { out: ordered } : {} };
  },
  needed: ({ by }, _, behind) => neededWith(behind, by),
  timing: ({ intervalMs }, isSeen) =>
    intervalMs !== undefined && isSeen ? `ends batches after ${intervalMs} ms, and they can be seen` : undefined,
  stateBytes: ({ rows, by }, [input = []], largest) =>
    rows !== undefined && by.length > 0 ? 3 * floorBytes(input, largest) : 0,
  describe: ({ rows, by, intervalMs }) =>
    `batches of ${rows === undefined ? 'rows' : `${rows} rows`}${by.length === 0 ? '' : ` of one ${by.join(', ')}`}${intervalMs === undefined ? '' : `, or after ${intervalMs} ms`}`,
};

export const partitionUniqueTraits: StepTraits<PartitionUniqueSpec> = {
  ...SERIAL,
  keepsCuts: false,
  fields(spec, [input = []], [ordered]) {
    for (const name of spec.by) fieldNamed(name, input);
    return { spec, outputs: { out: input }, ordered: ordered ? { out: ordered } : {} };
  },
  needed: ({ by }, _, behind) => (by.length === 0 ? 'all' : neededWith(behind, by)),
  timing: ({ intervalMs }) => (intervalMs === undefined ? undefined : `takes what comes within ${intervalMs} ms`),
  stateBytes: (_, [input = []], rows) => 3 * floorBytes(input, rows),
  describe: ({ rows, by, keep, intervalMs }) =>
    `batches of ${rows === undefined ? `${intervalMs} ms` : `${rows} rows`} with different ${by.length === 0 ? 'values' : by.join(', ')}, the ${keep} of each`,
};

export const shiftTraits: StepTraits<ShiftSpec> = {
  ...SERIAL,
  canSpill: isWaitingByKey,
  keepsCuts: true,
  fields(spec, [input = []], [ordered]) {
    checkKeyColumns(spec.by, input);
    // Columns that nothing behind uses are left out the second time.
    const columns = spec.columns.filter(({ column }) => fieldNamed(column, input));
    const added = columns.map(
      ({ column, as }): FieldSpec => ({ name: as, type: shiftedType(spec, fieldNamed(column, input)), nullable: true }),
    );
    return { spec, outputs: { out: addedFields(input, added) }, ordered: ordered ? { out: ordered } : {} };
  },
  needed: ({ columns, by }, _, behind) =>
    neededWith(
      behind,
      [...columns.map(({ column }) => column), ...by],
      columns.map(({ as }) => as),
    ),
  stateBytes: (spec, [input = []], rows) => KEYS_BYTES + (isWaitingByKey(spec) ? 4 : 2) * floorBytes(input, rows),
  describe: ({ rows, columns, by, isDifference }) =>
    `${columns.map(({ column, as }) => `${as} = ${isDifference ? `${column} - ` : ''}${column}`).join(', ')} of ${Math.abs(rows)} rows ${rows > 0 ? 'before' : 'after'}${by.length === 0 ? '' : ` by ${by.join(', ')}`}`,
};

export const tailTraits: StepTraits<TailSpec> = {
  ...SERIAL,
  keepsCuts: false,
  fields: (spec, [input = []], [ordered]) => ({
    spec,
    outputs: { out: input },
    ordered: ordered ? { out: ordered } : {},
  }),
  needed: ({ by, on }, _, behind) => neededWith(behind, on === undefined ? by : [...by, on]),
  stateBytes: (_, [input = []], rows) => KEYS_BYTES + 2 * floorBytes(input, rows),
  describe: ({ rows, by, period }) =>
    period === undefined
      ? `the last ${rows} rows${by.length === 0 ? '' : ` of each ${by.join(', ')}`}`
      : `rows of the last ${period.text}`,
};

/** Its rows wait for later ones of their keys, which may be long in coming. */
function isWaitingByKey({ rows, by }: ShiftSpec): boolean {
  return rows < 0 && by.length > 0;
}

function shiftedType({ isDifference }: ShiftSpec, { name, type }: FieldSpec): FieldSpec['type'] {
  if (!isDifference) return type;
  const column = { kind: 'col', name } as const;
  return typeOfExpression({ kind: 'binary', fn: 'sub', left: column, right: column }, [{ name, type, nullable: true }]);
}
