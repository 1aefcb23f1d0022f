/** Joins as the user describes them, checked where they are written. */
import { PipelineError } from '../errors.ts';
import { type Duration, parseDuration } from '../schema/durations.ts';
import { type Bytes, parseBytes } from '../schema/sizes.ts';
import type { GraphInput, GraphNode } from './graph.ts';
import type { JoinSide, JoinStrategy, OperatorSpec } from './logical.ts';
import { checkKeys, makeNode, type StepOptions } from './stage-options.ts';

/** A column of each input: one name for all, or a name for each. */
type ColumnNames = string | { readonly [input: string]: string };

/** Options of `joinStream`. */
export interface JoinOptions extends StepOptions {
  /**
   * `asof`: each left row with the last right row at or before it (of several at one time the last), nulls where there is none.
   * `inner`: all pairs of rows that are equal, in the order of the left side, then of the right one. Both sides have to ascend on `on`.
   */
  strategy: JoinStrategy;
  /** Name of the input whose rows and order are kept. */
  left: string;
  /** The column that both sides ascend on. */
  on: ColumnNames;
  /** Columns that have to be equal as well. A null equals nothing. */
  by?: readonly ColumnNames[];
  /** `asof`: how far back a match may lie, the bound included. For a column of plain numbers that many of its steps. */
  tolerance?: Duration;
  /** Put behind the names of right columns that the left side has too. */
  suffix?: string;
  /** Bytes of rows that the join may hold. Default: what the pipeline leaves it. */
  memoryLimit?: Bytes | 'auto';
}

const KEYS = ['strategy', 'left', 'on', 'by', 'tolerance', 'suffix', 'memoryLimit'];
const STRATEGIES: readonly JoinStrategy[] = ['asof', 'inner'];

function refuse(problem: string, hint: string): PipelineError {
  return new PipelineError('ERR_OPTIONS', `joinStream: ${problem}`, { stage: 'joinStream', hint });
}

/** The node of a join. @throws ERR_OPTIONS */
export function joinNode(inputs: ReadonlyMap<string, GraphInput>, options: JoinOptions): GraphNode {
  checkKeys(options, 'joinStream', KEYS, 'step');
  const { strategy, left, suffix } = options;
  if (!STRATEGIES.includes(strategy))
    throw refuse(
      `strategy is ${JSON.stringify(strategy)}`,
      `use ${STRATEGIES.map((name) => `'${name}'`).join(' or ')}`,
    );
  const names = [...inputs.keys()];
  if (names.length !== 2)
    throw refuse(`it was given ${names.length} streams`, 'give two by name: joinStream({ trades, quotes }, …)');
  if (!names.includes(left))
    throw refuse(
      `left is ${JSON.stringify(left)}`,
      `name the stream whose rows are kept: '${names[0]}' or '${names[1]}'`,
    );
  if (suffix !== undefined && (typeof suffix !== 'string' || suffix === ''))
    throw refuse(`suffix is ${JSON.stringify(suffix)}`, "give a text such as '_right', or leave it out");
  const ordered = [left, ...names.filter((name) => name !== left)];
  const spec: OperatorSpec = {
    kind: 'joinStream',
    strategy,
    sides: ordered.map((name) => sideOf(name, options)),
    ...(suffix !== undefined && { suffix }),
    ...toleranceOf(options),
    ...memoryOf(options),
  };
  return makeNode(
    'joinStream',
    spec,
    ordered.map((name) => inputs.get(name) as GraphInput),
    options,
  );
}

function sideOf(name: string, { on, by = [] }: JoinOptions): JoinSide {
  if (!Array.isArray(by)) throw refuse(`by is ${JSON.stringify(by)}`, "give the key columns: { by: ['symbol'] }");
  const columns = by.map((column) => columnOf(name, column, 'by'));
  if (new Set(columns).size !== columns.length)
    throw refuse(`by names a column of "${name}" twice`, 'name each column once');
  return { name, on: columnOf(name, on, 'on'), by: columns };
}

function columnOf(name: string, column: ColumnNames, option: string): string {
  const found = typeof column === 'string' ? column : column?.[name];
  if (typeof found === 'string' && found !== '') return found;
  throw refuse(
    `${option} names no column of "${name}"`,
    `give one name that both sides have, or one for each: { ${option}: { ${name}: '…', … } }`,
  );
}

function toleranceOf({ tolerance, strategy }: JoinOptions): { tolerance?: { ns: string; text: string } } {
  if (tolerance === undefined) return {};
  if (strategy !== 'asof') throw refuse(`tolerance has no meaning for strategy '${strategy}'`, 'leave it out');
  const ns = parseDuration(tolerance, 'tolerance of joinStream');
  if (ns < 0n) throw refuse(`tolerance is ${String(tolerance)}`, "give a duration such as '5s'");
  return { tolerance: { ns: String(ns), text: String(tolerance) } };
}

function memoryOf({ memoryLimit }: JoinOptions): { memoryLimitBytes?: number } {
  if (memoryLimit === undefined || memoryLimit === 'auto') return {};
  const bytes = parseBytes(memoryLimit, 'memoryLimit of joinStream');
  if (bytes > 0) return { memoryLimitBytes: bytes };
  throw refuse('memoryLimit is 0', "give a size such as '64MiB', or leave it out");
}
