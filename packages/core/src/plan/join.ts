/** Joins as the user describes them, checked where they are written. */
import { PipelineError } from '../errors.ts';
import { type Duration, parseDuration } from '../schema/durations.ts';
import { type Bytes, parseBytes } from '../schema/sizes.ts';
import type { GraphInput, GraphNode } from './graph.ts';
import type { AsofDirection, JoinSide, JoinStrategy, OperatorSpec } from './logical.ts';
import { checkKeys, makeNode, type StepOptions } from './stage-options.ts';

/** A column of each input: one name for all, or a name for each. */
type ColumnNames = string | { readonly [input: string]: string };

/** Options of `joinStream`. */
export interface JoinOptions extends StepOptions {
  /**
   * - `asof`: each left row with the nearest right row in one `direction`, nulls where there is none;
   * - `inner`: all pairs of rows that are equal, in the order of the left side, then of the right one;
   * - `left`: these, and left rows that equal no right row, with nulls;
   * - `full`: these, and right rows that equal no left row, before the first left row that comes later, with nulls for the left columns
   *   that are not compared; those behind the last left row are a logical input of their own;
   * - `semi`, `anti`: left rows that equal some right row, or none, each once;
   * - `interval`: all pairs of rows of which the right one lies in `interval` around the left one.
   *
   * All sides have to ascend on `on`.
   */
  strategy: JoinStrategy;
  /** `asof`: `backward` (default) takes the last row at or before the left one, `forward` the first at or after it, `nearest` the nearer of the two, the earlier one where they are as near. */
  direction?: AsofDirection;
  /** `asof`: rows at the same time do not match. */
  strict?: boolean;
  /** `interval`: earliest and latest time of a match minus that of the left row, both included: `{ from: '-5s', to: '0s' }`. */
  interval?: { from: Duration; to: Duration };
  /** Name of the input whose rows and order are kept. */
  left: string;
  /** The column that both sides ascend on. */
  on: ColumnNames;
  /** Columns that have to be equal as well. A null equals nothing. */
  by?: readonly ColumnNames[];
  /** `asof`: how far away a match may lie, the bound included. For a column of plain numbers that many of its steps. */
  tolerance?: Duration;
  /** Put behind the names of right columns that are taken already: one text for all right sides, or one for each. */
  suffix?: string | { readonly [input: string]: string };
  /** Bytes of rows that the join may hold. Default: what the pipeline leaves it. */
  memoryLimit?: Bytes | 'auto';
}

const KEYS = ['strategy', 'direction', 'strict', 'interval', 'left', 'on', 'by', 'tolerance', 'suffix', 'memoryLimit'];
const STRATEGIES: readonly JoinStrategy[] = ['asof', 'inner', 'left', 'full', 'semi', 'anti', 'interval'];
const DIRECTIONS: readonly AsofDirection[] = ['backward', 'forward', 'nearest'];
/** Their rows are those of the left side, or left rows with more columns: another right side can follow. */
const CHAINABLE: readonly JoinStrategy[] = ['asof', 'inner', 'left', 'semi', 'anti'];

function refuse(problem: string, hint: string): PipelineError {
  return new PipelineError('ERR_OPTIONS', `joinStream: ${problem}`, { stage: 'joinStream', hint });
}

function listed(names: readonly string[]): string {
  return names.map((name) => `'${name}'`).join(', ');
}

/** The node of a join; with several right sides the last of their nodes, each joined to what the one before gives. @throws ERR_OPTIONS */
export function joinNode(inputs: ReadonlyMap<string, GraphInput>, options: JoinOptions): GraphNode {
  checkKeys(options, 'joinStream', KEYS, 'step');
  const { strategy, left } = options;
  if (!STRATEGIES.includes(strategy))
    throw refuse(`strategy is ${JSON.stringify(strategy)}`, `use one of ${listed(STRATEGIES)}`);
  const names = [...inputs.keys()];
  const most = CHAINABLE.includes(strategy) ? Infinity : 2;
  if (names.length < 2 || names.length > most)
    throw refuse(
      `it was given ${names.length} streams`,
      most === 2
        ? `strategy '${strategy}' takes two by name: joinStream({ trades, quotes }, …)`
        : 'give two or more by name: joinStream({ trades, quotes }, …)',
    );
  if (!names.includes(left))
    throw refuse(`left is ${JSON.stringify(left)}`, `name the stream whose rows are kept: ${listed(names)}`);
  const rights = names.filter((name) => name !== left);
  let node: GraphNode | undefined;
  for (const right of rights) {
    const leftInput = node === undefined ? (inputs.get(left) as GraphInput) : { node, port: 'out' };
    const isLast = right === rights.at(-1);
    const { name, ...others } = options;
    node = makeNode('joinStream', specOf(left, right, options), [leftInput, inputs.get(right) as GraphInput], {
      ...(isLast || name === undefined ? others : { ...others, name: `${name}-${right}` }),
      ...(isLast && name !== undefined && { name }),
    });
  }
  return node as GraphNode;
}

function specOf(left: string, right: string, options: JoinOptions): OperatorSpec {
  return {
    kind: 'joinStream',
    strategy: options.strategy,
    sides: [left, right].map((name) => sideOf(name, options)),
    ...directionOf(options),
    ...suffixOf(right, options),
    ...toleranceOf(options),
    ...intervalOf(options),
    ...memoryOf(options),
  };
}

function directionOf({ strategy, direction, strict }: JoinOptions): { direction?: AsofDirection; strict?: true } {
  if (direction !== undefined && !DIRECTIONS.includes(direction))
    throw refuse(`direction is ${JSON.stringify(direction)}`, `use one of ${listed(DIRECTIONS)}`);
  if (strict !== undefined && typeof strict !== 'boolean')
    throw refuse(`strict is ${JSON.stringify(strict)}`, 'give true, or leave it out');
  if (strategy !== 'asof' && (direction !== undefined || strict !== undefined))
    throw refuse(`direction and strict have no meaning for strategy '${strategy}'`, "leave them out, or use 'asof'");
  return { ...(direction !== undefined && { direction }), ...(strict === true && { strict }) };
}

function suffixOf(right: string, { suffix: given }: JoinOptions): { suffix?: string } {
  const suffix = typeof given === 'object' && given !== null ? given[right] : given;
  if (suffix === undefined) return {};
  if (typeof suffix !== 'string' || suffix === '')
    throw refuse(`suffix is ${JSON.stringify(given)}`, "give a text such as '_right', or leave it out");
  return { suffix };
}

/** Durations with a sign. */
function offsetOf(value: Duration | undefined, what: string): { ns: string; text: string } {
  if (value === undefined) throw refuse(`${what} is missing`, "give { interval: { from: '-5s', to: '0s' } }");
  const isBefore = typeof value === 'number' ? value < 0 : String(value).trim().startsWith('-');
  const size =
    typeof value === 'number'
      ? Math.abs(value)
      : String(value)
          .trim()
          .replace(/^[-+]\s*/, '');
  const ns = parseDuration(size, `${what} of joinStream`);
  return { ns: String(isBefore ? -ns : ns), text: String(value).trim() };
}

function intervalOf({
  strategy,
  interval,
}: JoinOptions): Pick<Extract<OperatorSpec, { kind: 'joinStream' }>, 'interval'> {
  if (strategy !== 'interval') {
    if (interval === undefined) return {};
    throw refuse(`interval has no meaning for strategy '${strategy}'`, "leave it out, or use 'interval'");
  }
  const from = offsetOf(interval?.from, 'interval.from');
  const to = offsetOf(interval?.to, 'interval.to');
  if (BigInt(from.ns) > BigInt(to.ns))
    throw refuse(`interval goes from ${from.text} to ${to.text}`, 'give the earlier bound as from');
  return { interval: { from, to } };
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
