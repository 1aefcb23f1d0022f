/** What `sort` takes. */
import { PipelineError } from '../errors.ts';
import { type Bytes, parseBytes } from '../schema/sizes.ts';
import type { OperatorSpec, SortKey } from './logical.ts';
import { checkKeys, type StepOptions } from './stage-options.ts';

/** A column to sort by, and how. */
export interface SortBy<C extends string = string> {
  column: C;
  /** Largest first. Default false. */
  descending?: boolean;
  /** Where rows without a value go, whatever the direction. Default `'last'`. */
  nulls?: 'first' | 'last';
}

/** Options of `sort`. */
export interface SortOptions<C extends string = string> extends StepOptions {
  /** One column, or several: the later ones decide between rows that are equal in those before. */
  by: C | SortBy<C> | readonly (C | SortBy<C>)[];
  /** Most bytes of memory to hold; more goes to disk. Default: a share of the pipeline's limit. */
  memoryLimit?: Bytes;
}

/** @throws ERR_OPTIONS */
export function sortSpec(options: SortOptions): Extract<OperatorSpec, { kind: 'sort' }> {
  checkKeys(options, 'sort', ['by', 'memoryLimit'], 'step');
  const given = (options as SortOptions | undefined)?.by;
  const by = (Array.isArray(given) ? given : [given]).map(sortKey);
  const names = by.map(({ column }) => column);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw refuse(`the column "${twice}" is there twice`, 'name each column once');
  if (by.length === 0) throw refuse('by is empty', "say what to sort by: sort({ by: 'ts' })");
  if (options.memoryLimit === undefined) return { kind: 'sort', by };
  const memoryLimitBytes = parseBytes(options.memoryLimit, 'memoryLimit of sort');
  if (memoryLimitBytes <= 0) throw refuse('memoryLimit is 0', "give a size such as '64MiB', or leave it out");
  return { kind: 'sort', by, memoryLimitBytes };
}

function sortKey(given: unknown): SortKey {
  if (typeof given === 'string') return { column: given, descending: false, nulls: 'last' };
  const hint = "write sort({ by: 'ts' }), or sort({ by: [{ column: 'price', descending: true }, 'ts'] })";
  if (typeof given !== 'object' || given === null) throw refuse(`by is ${String(given)}`, hint);
  const { column, descending = false, nulls = 'last', ...others } = given as SortBy;
  const [unknown] = Object.keys(others);
  if (unknown !== undefined)
    throw refuse(`a column has no option "${unknown}"`, 'there are column, descending and nulls');
  if (typeof column !== 'string') throw refuse(`a column's name is ${String(column)}`, hint);
  if (typeof descending !== 'boolean') throw refuse(`descending is ${String(descending)}`, 'give true or false');
  if (nulls !== 'first' && nulls !== 'last') throw refuse(`nulls is ${String(nulls)}`, "give 'first' or 'last'");
  return { column, descending, nulls };
}

function refuse(problem: string, hint: string): PipelineError {
  return new PipelineError('ERR_OPTIONS', `sort: ${problem}`, { stage: 'sort', hint });
}
