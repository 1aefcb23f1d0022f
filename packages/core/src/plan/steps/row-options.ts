/** Steps over rows as users write them, checked where they are written. */
import { type Operand, toNode } from '../../expressions/builder.ts';
import { type Duration, parseDuration } from '../../schema/durations.ts';
import { type Bytes, parseBytes } from '../../schema/sizes.ts';
import { checkCount, checkKeys, type StepOptions } from '../stage-options.ts';
import { namesOf, refuseOptions } from './column-checks.ts';
import type {
  DistinctSpec,
  DropNullsSpec,
  FillNullsSpec,
  PartitionSpec,
  PartitionUniqueSpec,
  RenameSpec,
  ShiftSpec,
  SliceSpec,
} from './specs.ts';

/** Options of `distinct` and `unique`. */
export interface DistinctOptions<C extends string = string> extends StepOptions {
  /** Columns that make a key. Default: all. */
  by?: C | readonly C[];
  /** Remember so many keys, those used last; a key that was forgotten is new when it comes again. Default: all keys. */
  max?: number;
  /** Most bytes that all keys may take. */
  memoryLimit?: Bytes;
}

/** Options of `partition`. */
export interface PartitionOptions<C extends string = string> extends StepOptions {
  /** Rows of a batch have equal values in these columns. */
  by?: C | readonly C[];
  /** What has come after so long goes on, though it is less. */
  timeout?: Duration;
}

/** Options of `partitionUnique` and `timedWindowUnique`. */
export interface PartitionUniqueOptions<C extends string = string> extends StepOptions {
  /** Columns that tell rows apart. Default: all. */
  by?: C | readonly C[];
  /** Which of several rows with one key stays. Default `'first'`. */
  keep?: 'first' | 'last';
}

/** Options of `lag` and `diff`. */
export interface ShiftOptions<C extends string = string> extends StepOptions {
  /** How many rows away. Default 1. */
  rows?: number;
  /** Among rows with equal values in these columns. */
  by?: C | readonly C[];
}

/** Options of `lead`. */
export interface LeadOptions<C extends string = string> extends ShiftOptions<C> {
  /** With `by`: how many bytes of rows may wait in memory, if that is less than its share. */
  memoryLimit?: Bytes;
}

/** @throws ERR_OPTIONS */
export function sliceSpec(from: number, to: number | null | undefined, step: number): SliceSpec {
  const isCount = (value: number): boolean => Number.isSafeInteger(value) && value >= 0;
  if (!isCount(from) || (to !== undefined && to !== null && !isCount(to)))
    throw refuseOptions(
      'slice',
      `from is ${String(from)}, to ${String(to)}`,
      'give whole numbers from 0; to may be left out',
    );
  checkCount(step, 'step', 'slice');
  return { kind: 'slice', from, ...(to !== undefined && to !== null && { to }), step };
}

/** @throws ERR_OPTIONS */
export function distinctSpec(options: DistinctOptions = {}): DistinctSpec {
  checkKeys(options, 'distinct', ['by', 'max', 'memoryLimit'], 'step');
  const { max, memoryLimit } = options;
  if (max !== undefined) checkCount(max, 'max', 'distinct');
  const memoryLimitBytes = memoryLimit === undefined ? undefined : parseBytes(memoryLimit, 'memoryLimit of distinct');
  return {
    kind: 'distinct',
    by: namesOf(options.by, 'distinct', 'by'),
    ...(max !== undefined && { max }),
    ...(memoryLimitBytes !== undefined && { memoryLimitBytes }),
  };
}

/** @throws ERR_OPTIONS */
export function partitionSpec(
  given: number | string | readonly string[],
  options: PartitionOptions = {},
): PartitionSpec {
  checkKeys(options, 'partition', ['by', 'timeout'], 'step');
  const { timeout } = options;
  const interval = timeout === undefined ? {} : { intervalMs: milliseconds(timeout, 'timeout', 'partition') };
  if (typeof given !== 'number') {
    const by = namesOf(given, 'partition', 'by');
    if (by.length > 0 && options.by === undefined) return { kind: 'partition', by, ...interval };
    throw refuseOptions(
      'partition',
      'it was given no rows and no key',
      "write partition(100), partition('symbol'), or partition(100, { by: 'symbol' })",
    );
  }
  const by = namesOf(options.by, 'partition', 'by');
  return { kind: 'partition', rows: checkCount(given, 'rows', 'partition'), by, ...interval };
}

/** @throws ERR_OPTIONS */
export function partitionUniqueSpec(
  size: { rows: number } | { intervalMs: number },
  step: string,
  options: PartitionUniqueOptions = {},
): PartitionUniqueSpec {
  checkKeys(options, step, ['by', 'keep'], 'step');
  const { keep = 'first' } = options;
  if ('rows' in size) checkCount(size.rows, 'rows', step);
  if (keep !== 'first' && keep !== 'last')
    throw refuseOptions(step, `keep is ${JSON.stringify(keep)}`, "use 'first' or 'last'");
  return { kind: 'partitionUnique', ...size, by: namesOf(options.by, step, 'by'), keep };
}

/** @throws ERR_OPTIONS */
export function shiftSpec(
  step: 'lag' | 'lead' | 'diff',
  columns: Readonly<Record<string, string>>,
  options: LeadOptions = {},
): ShiftSpec {
  checkKeys(options, step, step === 'lead' ? ['rows', 'by', 'memoryLimit'] : ['rows', 'by'], 'step');
  const { rows = 1, memoryLimit } = options;
  checkCount(rows, 'rows', step);
  const by = namesOf(options.by, step, 'by');
  if (memoryLimit !== undefined && by.length === 0)
    throw refuseOptions(step, 'memoryLimit is for rows that wait for others of their key', 'give by, or leave it out');
  return {
    kind: 'shift',
    rows: step === 'lead' ? -rows : rows,
    columns: pairsOf(columns, step).map(([as, column]) => ({ as, column })),
    by,
    isDifference: step === 'diff',
    ...(memoryLimit !== undefined && { memoryLimitBytes: parseBytes(memoryLimit, `memoryLimit of ${step}`) }),
  };
}

/** @throws ERR_OPTIONS */
export function renameSpec(names: Readonly<Record<string, string>>): RenameSpec {
  return { kind: 'rename', names: pairsOf(names, 'rename').map(([column, as]) => ({ column, as })) };
}

/** @throws ERR_OPTIONS */
export function dropNullsSpec(columns: readonly string[]): DropNullsSpec {
  return { kind: 'dropNulls', columns: namesOf(columns, 'dropNulls', 'columns') };
}

/** @throws ERR_OPTIONS */
export function fillNullsSpec(values: Readonly<Record<string, Operand>>): FillNullsSpec {
  const entries = typeof values === 'object' && values !== null ? Object.entries(values) : [];
  if (entries.length === 0)
    throw refuseOptions('fillNulls', 'there are no columns', "write fillNulls({ price: 0, venue: 'none' })");
  return {
    kind: 'fillNulls',
    values: entries.map(([column, value]) => ({ column, value: toNode(value) })),
  };
}

/** Milliseconds of a duration option. @throws ERR_OPTIONS */
export function milliseconds(value: Duration, option: string, step: string): number {
  const ms = Number(parseDuration(value, `${option} of ${step}`)) / 1e6;
  if (ms > 0) return ms;
  throw refuseOptions(step, `${option} is ${String(value)}`, "give a duration such as '5s'");
}

function pairsOf(names: Readonly<Record<string, string>>, step: string): [string, string][] {
  const entries = typeof names === 'object' && names !== null ? Object.entries(names) : [];
  if (entries.length > 0 && entries.every(([name, other]) => name !== '' && typeof other === 'string' && other !== ''))
    return entries;
  const example = step === 'rename' ? "rename({ px: 'price' })" : `${step}({ other: 'price' })`;
  throw refuseOptions(step, `${JSON.stringify(names)} does not name columns`, `write ${example}`);
}
