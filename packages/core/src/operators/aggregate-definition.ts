/** Aggregate functions of the user's own: code in a module that every thread imports, named in plans by module and position. */
import { PipelineError } from '../errors.ts';
import type { OpRef } from '../plan/logical.ts';
import type { TypeText } from '../schema/types.ts';
import { registerDefinition, resolveDefinition } from './definition-registry.ts';
import { checkDescriptors, type OptionsOutput, type OptionsSpec, parseOptions } from './op-options.ts';

/** What `defineAggregate` takes. `State` is any value; `update` and `merge` may change it in place or give a new one. */
export interface AggregateConfig<State, Out extends TypeText, D extends OptionsSpec> {
  name?: string;
  /** Type of the results; `finish` may also give null. */
  output: Out;
  options?: D;
  /** Rows in which one of the columns is null are skipped, unless this is `'pass'`. */
  nulls?: 'skip' | 'pass';
  init(options: OptionsOutput<D>): State;
  /** Takes the values of one row, in the order of the rows, and gives the new state. */
  // biome-ignore lint/suspicious/noExplicitAny: values of whatever type the columns have
  update(state: State, ...values: any[]): State;
  /** What stands in the output for a group that has taken a row. */
  finish(state: State, options: OptionsOutput<D>): unknown;
  /**
   * The state of the rows of both, those of `left` first. Needed with `associative`, and for snapshots, of whose states copies are made by
   * merging them into a new one.
   */
  merge?(left: State, right: State): State;
  /** `merge` gives the state that `update` would have given for all rows in order: groups may then be taken in parts. */
  associative?: true;
  /** Bytes that a state takes, for the memory limit; default 64. */
  sizeOf?(state: State): number;
}

/** A registered aggregate function. Made by `defineAggregate`. */
export interface AggregateDefinition<Out extends TypeText = TypeText, D = unknown> {
  readonly kind: 'aggregate';
  readonly ref: OpRef;
  readonly output: Out;
  readonly takesNulls: boolean;
  readonly associative: boolean;
  parseOptions(raw: unknown, name: string): unknown;
  init(options: unknown): unknown;
  update(state: unknown, ...values: unknown[]): unknown;
  finish(state: unknown, options: unknown): unknown;
  merge?(left: unknown, right: unknown): unknown;
  sizeOf?(state: unknown): number;
  /** Types only. */
  readonly types?: { options: D };
}

/**
 * Defines an aggregate function for `agg.custom`, in a module of its own, which the main thread and the workers both import.
 *
 * @param url `import.meta.url` of that module.
 * @throws ERR_OPTIONS when the definition itself is wrong
 * @example
 * ```ts
 * export const product = defineAggregate(import.meta.url, {
 *   output: 'float64', init: () => 1, update: (state, value: number) => state * value, finish: (state) => state,
 * });
 * // aggregations: { daily: { every: '1d', columns: { growth: agg.custom(product, 'factor') } } }
 * ```
 */
export function defineAggregate<State, const Out extends TypeText, const D extends OptionsSpec = Record<never, never>>(
  url: string,
  config: AggregateConfig<State, Out, D>,
): AggregateDefinition<Out, D> {
  const name = config.name ?? 'aggregate';
  checkDescriptors(config.options, name);
  if (config.associative === true && config.merge === undefined) {
    throw new PipelineError('ERR_OPTIONS', `aggregate "${name}" is declared associative, but has no merge`, {
      hint: 'give merge(left, right), or leave associative out',
    });
  }
  const { init, update, finish, merge, sizeOf } = config as unknown as Pick<
    AggregateDefinition,
    'init' | 'update' | 'finish' | 'merge' | 'sizeOf'
  >;
  return registerDefinition(url, config.name, (ref) => ({
    kind: 'aggregate',
    ref,
    output: config.output,
    takesNulls: config.nulls === 'pass',
    associative: config.associative === true,
    parseOptions: (raw: unknown, name: string) => parseOptions(config.options, raw, name),
    init,
    update,
    finish,
    ...(merge && { merge }),
    ...(sizeOf && { sizeOf }),
  }));
}

/** Finds an aggregate in this thread, importing its module when needed. @throws ERR_OP_IMPORT */
export function resolveAggregate(ref: OpRef): Promise<AggregateDefinition> {
  return resolveDefinition<AggregateDefinition>(ref, 'aggregate');
}
