/**
 * A stream of rows being described: every method adds a step and gives the stream behind it. Nothing is read, opened
 * or started here; mistakes that can be seen without opening a file are refused at once, where they are written.
 */

import type { Expression } from '../expressions/builder.ts';
import type { SoundCondition } from '../expressions/types.ts';
import type { Shape } from '../schema/types.ts';
import { type AggregationOptions, type AggStreamOptions, aggregationSpecs } from './aggregates.ts';
import type { GraphInput, GraphNode } from './graph.ts';
import type { OperatorSpec } from './logical.ts';
import { type OpOptions, opNode, splitOptions } from './op-node.ts';
import type { AnyFold, AnyOp, Registry } from './registry.ts';
import type { ColumnOf } from './row-types.ts';
import { type SortOptions, sortSpec } from './sort-options.ts';
import { booleanOf, checkKeys, makeNode, type StageOptions, type StepOptions, triggersOf } from './stage-options.ts';
import { refuseOptions } from './steps/column-checks.ts';
import { computedColumns, namedColumn, nodeOf } from './steps/computed-columns.ts';
import type { RowSteps } from './stream-rows.ts';
import { StreamSinks } from './stream-sinks.ts';
import type {
  AggregatedStreams,
  Aggregations,
  Computed,
  Extended,
  FitsStream,
  FoldArguments,
  Folded,
  MapArguments,
  Mapped,
  Picked,
  RegisteredMethods,
  Selected,
  SoundAggregations,
  SoundColumns,
} from './stream-types.ts';

/** A stream whose chain also offers the registered ops. */
export type Stream<S extends Shape = Shape, R extends Registry = Record<never, never>> = RowSteps<S, R> &
  RegisteredMethods<S, R>;

/** Steps that every stream has. */
export class StreamSteps<in out S extends Shape, in out R extends Registry> extends StreamSinks<S, R> {
  #step<T extends Shape>(kind: string, spec: OperatorSpec, options: StepOptions | undefined): Stream<T, R> {
    return this.append((input) => makeNode(kind, spec, [input], options)) as unknown as Stream<T, R>;
  }

  /** Keeps the rows for which the condition is true (not null), in their order. Holds nothing. @throws ERR_OPTIONS */
  filter<A>(predicate: Expression<A> & SoundCondition<A, S>, options?: StepOptions): Stream<S, R> {
    checkKeys(options, 'filter', [], 'step');
    return this.#step<S>(
      'filter',
      { kind: 'filter', predicate: nodeOf(predicate, 'filter', "write filter(col('price').gt(0))") },
      options,
    );
  }

  /**
   * Keeps exactly these columns, in this order: by name, or computed. Holds nothing.
   *
   * @throws ERR_OPTIONS
   * @example
   * ```ts
   * trades.select('ts', 'price');
   * trades.select({ ts: col('ts'), notional: col('price').mul(col('qty')) });
   * ```
   */
  select<const N extends ColumnOf<S>>(...names: readonly [N, ...N[]]): Stream<Picked<N, S>, R>;
  select<const C extends Computed>(columns: C & SoundColumns<C, S>, options?: StepOptions): Stream<Selected<C, S>, R>;
  select(...args: readonly unknown[]): unknown {
    const isByName = typeof args[0] === 'string';
    const columns = isByName ? args.map(namedColumn) : computedColumns(args[0], 'select');
    const names = columns.map((column) => column.name);
    const twice = names.find((name, index) => names.indexOf(name) !== index);
    if (twice !== undefined)
      throw refuseOptions('select', `the column "${twice}" is there twice`, 'name each column once');
    const options = isByName ? undefined : (args[1] as StepOptions | undefined);
    checkKeys(options, 'select', [], 'step');
    return this.#step<Shape>('select', { kind: 'select', columns }, options);
  }

  /** Adds or replaces columns; all are computed from the columns as they were before. Holds nothing. @throws ERR_OPTIONS */
  withColumns<const C extends Computed>(
    columns: C & SoundColumns<C, S>,
    options?: StepOptions,
  ): Stream<Extended<C, S>, R> {
    checkKeys(options, 'withColumns', [], 'step');
    return this.#step<Extended<C, S>>(
      'withColumns',
      { kind: 'withColumns', columns: computedColumns(columns, 'withColumns') },
      options,
    );
  }

  /** Runs an op that is not registered as a method, or one that is. What it holds is the op's. @throws ERR_OPTIONS, ERR_OP_OPTIONS */
  map<const Op extends AnyOp>(op: Op & FitsStream<Op, S>, ...options: MapArguments<Op>): Stream<Mapped<Op, S>, R> {
    if ((op as AnyOp | undefined)?.kind !== 'op')
      throw refuseOptions('map', 'the first argument is not an op', 'make one with defineOp() in a module of its own');
    const given = options[0] as OpOptions | undefined;
    return this.append((input) => opNode(op, op.ref.name, input, given)) as unknown as Stream<Mapped<Op, S>, R>;
  }

  /**
   * Brings all rows into order, on disk where they do not fit into memory. Nothing comes out before the input has ended. Rows
   * with equal keys stay as they came; null comes last, NaN counts as the largest number, texts go by their UTF-8 bytes.
   * What follows may rely on the order of the first column, if that ascends.
   *
   * @throws ERR_OPTIONS
   * @example
   * ```ts
   * trades.sort({ by: ['ts', 'symbol'] }).aggStream({ orderedOn: 'ts', aggregations: { … } });
   * trades.sort({ by: [{ column: 'price', descending: true }, 'ts'], memoryLimit: '64MiB' });
   * ```
   */
  sort<const C extends ColumnOf<S>>(options: SortOptions<C>): Stream<S, R> {
    return this.#step<S>('sort', sortSpec(options), options);
  }

  /** Holds batches and gives them on as one: a flush is one batch. @throws ERR_OPTIONS */
  memoryBuffer(options: StageOptions = {}): Stream<S, R> {
    checkKeys(options, 'memoryBuffer', [], 'stage');
    const accumulate = booleanOf(options.accumulate, true, 'accumulate', 'memoryBuffer');
    return this.#step<S>(
      'memoryBuffer',
      { kind: 'memoryBuffer', triggers: triggersOf(options, 'memoryBuffer'), accumulate },
      options,
    );
  }

  /** Folds batches into a state, and emits it as rows at every flush. Holds the state. @throws ERR_OPTIONS, ERR_OP_OPTIONS */
  memoryAccumulate<const F extends AnyFold>(
    fold: F & FitsStream<F, S>,
    ...options: FoldArguments<F>
  ): Stream<Folded<F>, R> {
    if ((fold as AnyFold | undefined)?.kind !== 'fold')
      throw refuseOptions(
        'memoryAccumulate',
        'the first argument is not a fold',
        'make one with defineFold() in a module of its own',
      );
    const { own, stage } = splitOptions(options[0] as OpOptions | undefined);
    const { accumulate, ...given } = stage;
    if (accumulate !== undefined)
      throw refuseOptions(
        'memoryAccumulate',
        'accumulate has no meaning for a fold',
        'leave it out: a fold always holds its state until a flush',
      );
    const name = fold.ref.name;
    const resetOnFlush = booleanOf(
      (options[0] as { resetOnFlush?: boolean } | undefined)?.resetOnFlush,
      true,
      'resetOnFlush',
      name,
    );
    const spec: OperatorSpec = {
      kind: 'memoryAccumulate',
      fold: fold.ref,
      options: fold.parseOptions(own, name),
      triggers: triggersOf(given, name),
      resetOnFlush,
    };
    return this.#step<Folded<F>>(name, spec, given);
  }

  /**
   * Aggregates into bins of an ordered column, several named aggregations in one pass; gives one stream for each.
   * A flush emits only bins that later rows cannot change. Output is ordered by bin, then by key.
   *
   * Holds the states of open bins and of closed ones that were not emitted, by key; on disk beyond its share.
   *
   * @throws ERR_OPTIONS
   * @example
   * ```ts
   * const { hourly, daily } = trades.aggStream({
   *   orderedOn: 'ts', by: ['symbol'],
   *   aggregations: {
   *     hourly: { every: '1h', columns: { open: agg.first('price'), volume: agg.sum('qty') } },
   *     daily: { every: '1d', columns: { close: agg.last('price'), n: agg.count() } },
   *   },
   * });
   * ```
   */
  aggStream<const G extends Aggregations, const On extends ColumnOf<S>, const By extends ColumnOf<S> = never>(
    options: Omit<AggStreamOptions, 'aggregations' | 'orderedOn' | 'by'> & {
      orderedOn: On;
      by?: readonly By[];
      aggregations: G & SoundAggregations<G, On, By, S>;
    },
  ): AggregatedStreams<G, On, By, S, R> {
    checkKeys(options, 'aggStream', ['orderedOn', 'by', 'aggregations'], 'stage');
    const { orderedOn, by = [] } = options;
    if (typeof orderedOn !== 'string')
      throw refuseOptions(
        'aggStream',
        'orderedOn is missing',
        "say which column the rows ascend on: { orderedOn: 'ts' }",
      );
    if (!Array.isArray(by) || new Set(by).size !== by.length)
      throw refuseOptions(
        'aggStream',
        `by is ${JSON.stringify(by)}`,
        "give the key columns, each once: { by: ['symbol'] }",
      );
    const aggregations = aggregationSpecs(options.aggregations);
    const accumulate = booleanOf(options.accumulate, true, 'accumulate', 'aggStream');
    const spec: OperatorSpec = {
      kind: 'aggStream',
      orderedOn,
      by: [...by],
      aggregations,
      triggers: triggersOf(options, 'aggStream'),
      accumulate,
      emitOpen: false,
    };
    let node: GraphNode | undefined;
    // One node, whose outputs are streams.
    const step = (input: GraphInput): GraphNode => (node ??= makeNode('aggStream', spec, [input], options));
    const streams = aggregations.flatMap(({ name, snapshots }): [string, Stream<Shape, R>][] => {
      const ports = snapshots === undefined ? [name] : [name, snapshots.port];
      const { post } = options.aggregations[name] as AggregationOptions;
      return ports.map((port) => {
        const stream = this.append(step, port);
        if (post === undefined) return [port, stream];
        // Computes columns from the results.
        const columns = computedColumns(post, `post of "${port}"`);
        return [port, stream.append((input) => makeNode('post', { kind: 'withColumns', columns }, [input], {}))];
      });
    });
    return Object.fromEntries(streams) as AggregatedStreams<G, On, By, S, R>;
  }
}
