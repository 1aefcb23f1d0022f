/**
 * A stream of rows being described: every method adds a step and gives the stream behind it. Nothing is read, opened
 * or started here; mistakes that can be seen without opening a file are refused at once, where they are written.
 */

import type { LentBatch } from '../batch/lent-batch.ts';
import { PipelineError } from '../errors.ts';
import { Expression } from '../expressions/builder.ts';
import type { SoundCondition } from '../expressions/types.ts';
import { RESERVED_OPTIONS } from '../operators/op-options.ts';
import type { Shape } from '../schema/types.ts';
import { type AggregationOptions, type AggStreamOptions, aggregationSpecs } from './aggregates.ts';
import { FunctionSink, IteratorSink } from './callbacks.ts';
import { registerCallback } from './endpoints.ts';
import {
  type ArrowSinkOptions,
  arrowSink,
  type CsvSinkOptions,
  csvSink,
  type NdjsonSinkOptions,
  ndjsonSink,
  type ParquetSinkOptions,
  parquetSink,
} from './file-sinks.ts';
import type { GraphInput, GraphNode, PipelineSettings } from './graph.ts';
import type { OperatorSpec, SinkSpec } from './logical.ts';
import {
  type ForEachOptions,
  IterableSink,
  Sink,
  type StoreHandle,
  type StoreKey,
  type StoreSinkOptions,
  sinkTriggers,
  storeOptions,
  storeSink,
} from './sinks.ts';
import { type SortOptions, sortSpec } from './sort-options.ts';
import { booleanOf, checkKeys, makeNode, type StageOptions, type StepOptions, triggersOf } from './stage-options.ts';
import type { RowSteps } from './stream-rows.ts';
import type {
  AggregatedStreams,
  Aggregations,
  AnyFold,
  AnyOp,
  ColumnOf,
  Computed,
  Extended,
  FitsStream,
  FoldArguments,
  Folded,
  MapArguments,
  Mapped,
  Picked,
  RegisteredMethods,
  Registry,
  Selected,
  SoundAggregations,
  SoundColumns,
} from './stream-types.ts';

/** A stream whose chain also offers the registered ops. */
export type Stream<S extends Shape = Shape, R extends Registry = Record<never, never>> = RowSteps<S, R> &
  RegisteredMethods<S, R>;

/** Options of a registered op: those of every stage, and its own. */
type OpOptions = StageOptions & { [option: string]: unknown };

/** Gives the streams of one pipeline their registered methods. */
export interface StreamMaker {
  // biome-ignore lint/suspicious/noExplicitAny: a stream of whatever shape the caller says
  stream(node: GraphNode, port?: string): any;
  readonly settings: PipelineSettings;
}

/** Steps that every stream has. */
export class StreamSteps<in out S extends Shape, in out R extends Registry> {
  /** Types only. */
  declare readonly shape?: S;
  readonly #node: GraphNode;
  readonly #port: string;
  readonly #maker: StreamMaker;

  constructor(node: GraphNode, port: string, maker: StreamMaker) {
    this.#node = node;
    this.#port = port;
    this.#maker = maker;
  }

  /** Where a stream ends so far, for steps that take several. @throws ERR_OPTIONS when it is no stream of this pipeline */
  static endOf(stream: unknown, name: string, settings: PipelineSettings): GraphInput {
    if (typeof stream === 'object' && stream !== null && #node in stream) {
      const { settings: own } = stream.#maker;
      if (own === settings) return { node: stream.#node, port: stream.#port };
      throw refuse(
        'joinStream',
        `"${name}" belongs to another pipeline`,
        'make both streams from one createPipeline()',
      );
    }
    throw refuse('joinStream', `"${name}" is not a stream`, 'give streams by name: joinStream({ trades, quotes }, …)');
  }

  /** Adds a step that the pipeline itself makes: a registered op. */
  append(step: (input: GraphInput, settings: PipelineSettings) => GraphNode, port?: string): Stream<Shape, R> {
    return this.#maker.stream(step({ node: this.#node, port: this.#port }, this.#maker.settings), port);
  }

  #step<T extends Shape>(kind: string, spec: OperatorSpec, options: StepOptions | undefined): Stream<T, R> {
    return this.#maker.stream(makeNode(kind, spec, [{ node: this.#node, port: this.#port }], options));
  }

  #sink(
    kind: string,
    sink: SinkSpec,
    options: StepOptions & Pick<StageOptions, 'memoryLimit'>,
    endpoint?: object,
  ): GraphNode {
    const { memoryLimit } = options;
    const triggers = sinkTriggers(memoryLimit === undefined || memoryLimit === 'auto' ? {} : { memoryLimit }, kind);
    return makeNode(
      kind,
      { kind: 'sink', sink, triggers },
      [{ node: this.#node, port: this.#port }],
      options,
      endpoint,
    );
  }

  /** Keeps the rows for which the condition is true (not null). */
  filter<A>(predicate: Expression<A> & SoundCondition<A, S>, options?: StepOptions): Stream<S, R> {
    checkKeys(options, 'filter', [], 'step');
    return this.#step<S>(
      'filter',
      { kind: 'filter', predicate: nodeOf(predicate, 'filter', "write filter(col('price').gt(0))") },
      options,
    );
  }

  /**
   * Keeps exactly these columns, in this order: by name, or computed.
   *
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
    if (twice !== undefined) throw refuse('select', `the column "${twice}" is there twice`, 'name each column once');
    const options = isByName ? undefined : (args[1] as StepOptions | undefined);
    checkKeys(options, 'select', [], 'step');
    return this.#step<Shape>('select', { kind: 'select', columns }, options);
  }

  /** Adds or replaces columns; all are computed from the columns as they were before. */
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

  /** Runs an op that is not registered as a method, or one that is. */
  map<const Op extends AnyOp>(op: Op & FitsStream<Op, S>, ...options: MapArguments<Op>): Stream<Mapped<Op, S>, R> {
    if ((op as AnyOp | undefined)?.kind !== 'op')
      throw refuse('map', 'the first argument is not an op', 'make one with defineOp() in a module of its own');
    return this.#maker.stream(
      opNode(op, op.ref.name, { node: this.#node, port: this.#port }, options[0] as OpOptions | undefined),
    );
  }

  /**
   * Brings all rows into order, on disk where they do not fit into memory. Nothing comes out before the input has ended. Rows
   * with equal keys stay as they came; null comes last, NaN counts as the largest number, texts go by their UTF-8 bytes.
   * What follows may rely on the order of the first column, if that ascends.
   *
   * @example
   * ```ts
   * trades.sort({ by: ['ts', 'symbol'] }).aggStream({ orderedOn: 'ts', aggregations: { … } });
   * trades.sort({ by: [{ column: 'price', descending: true }, 'ts'], memoryLimit: '64MiB' });
   * ```
   */
  sort<const C extends ColumnOf<S>>(options: SortOptions<C>): Stream<S, R> {
    return this.#step<S>('sort', sortSpec(options), options);
  }

  /** Holds batches and gives them on as one: a flush is one batch. */
  memoryBuffer(options: StageOptions = {}): Stream<S, R> {
    checkKeys(options, 'memoryBuffer', [], 'stage');
    const accumulate = booleanOf(options.accumulate, true, 'accumulate', 'memoryBuffer');
    return this.#step<S>(
      'memoryBuffer',
      { kind: 'memoryBuffer', triggers: triggersOf(options, 'memoryBuffer'), accumulate },
      options,
    );
  }

  /** Folds batches into a state, and emits it as rows at every flush. */
  memoryAccumulate<const F extends AnyFold>(
    fold: F & FitsStream<F, S>,
    ...options: FoldArguments<F>
  ): Stream<Folded<F>, R> {
    if ((fold as AnyFold | undefined)?.kind !== 'fold')
      throw refuse(
        'memoryAccumulate',
        'the first argument is not a fold',
        'make one with defineFold() in a module of its own',
      );
    const { own, stage } = splitOptions(options[0] as OpOptions | undefined);
    const { accumulate, ...given } = stage;
    if (accumulate !== undefined)
      throw refuse(
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
      throw refuse('aggStream', 'orderedOn is missing', "say which column the rows ascend on: { orderedOn: 'ts' }");
    if (!Array.isArray(by) || new Set(by).size !== by.length)
      throw refuse('aggStream', `by is ${JSON.stringify(by)}`, "give the key columns, each once: { by: ['symbol'] }");
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
    const node = makeNode('aggStream', spec, [{ node: this.#node, port: this.#port }], options);
    const streams = aggregations.flatMap(({ name, snapshots }): [string, StreamSteps<Shape, R>][] => {
      const ports = snapshots === undefined ? [name] : [name, snapshots.port];
      const { post } = options.aggregations[name] as AggregationOptions;
      return ports.map((port) => {
        const stream: StreamSteps<Shape, R> = this.#maker.stream(node, port);
        return [port, post === undefined ? stream : stream.#post(port, post)];
      });
    });
    return Object.fromEntries(streams) as AggregatedStreams<G, On, By, S, R>;
  }

  /** The step behind an aggregation that computes columns from its results. */
  #post(port: string, columns: unknown): StreamSteps<Shape, R> {
    return this.#step<Shape>(
      'post',
      { kind: 'withColumns', columns: computedColumns(columns, `post of "${port}"`) },
      {},
    );
  }

  /** Keeps all rows in memory, for the caller to read from the run's result. Its batches are copies. */
  collect(options: StepOptions = {}): Sink<S> {
    checkKeys(options, 'collect', [], 'step');
    return new Sink(this.#sink('collect', { type: 'collect' }, options), this.#maker.settings);
  }

  /** Calls a function on the main thread with each batch, and waits for what it returns. */
  forEach(call: (batch: LentBatch) => void | Promise<void>, options?: ForEachOptions & { takes?: 'batch' }): Sink<S>;
  forEach(
    call: (rows: readonly Record<string, unknown>[]) => void | Promise<void>,
    options: ForEachOptions & { takes: 'rows' },
  ): Sink<S>;
  forEach(call: (input: never) => void | Promise<void>, options: ForEachOptions = {}): Sink<S> {
    checkKeys(options, 'forEach', ['takes'], 'step');
    if (typeof call !== 'function')
      throw refuse('forEach', 'the first argument is not a function', 'write forEach((batch) => …)');
    const takes = options.takes ?? 'batch';
    if (takes !== 'batch' && takes !== 'rows')
      throw refuse('forEach', `takes is ${JSON.stringify(takes)}`, "use 'batch' or 'rows'");
    const sink = new FunctionSink(call, takes);
    return new Sink(
      this.#sink('forEach', { type: 'callback', id: registerCallback(sink), takes }, options, sink),
      this.#maker.settings,
    );
  }

  /** A sink to read with `for await` while the run goes on; each batch is a copy. */
  toIterable(options: StepOptions = {}): IterableSink<S> {
    checkKeys(options, 'toIterable', [], 'step');
    const iterator = new IteratorSink();
    const node = this.#sink('toIterable', { type: 'iterate', id: registerCallback(iterator) }, options, iterator);
    return new IterableSink(node, this.#maker.settings, iterator);
  }

  /** Writes one CSV file. It is there, whole, when the run has succeeded. Null is an empty field, an empty text `""`; times are ISO 8601. */
  toCsv(path: string, options: CsvSinkOptions = {}): Sink<S> {
    return new Sink(this.#sink('toCsv', csvSink(path, options), options), this.#maker.settings);
  }

  /** Writes a file with a JSON object a line. It is there, whole, when the run has succeeded. Integers and decimals are exact. */
  toNdjson(path: string, options: NdjsonSinkOptions = {}): Sink<S> {
    return new Sink(this.#sink('toNdjson', ndjsonSink(path, options), options), this.#maker.settings);
  }

  /** Writes one Arrow IPC file or stream. It is there, whole, when the run has succeeded. Dictionaries of texts are written as texts. */
  toArrow(path: string, options: ArrowSinkOptions = {}): Sink<S> {
    return new Sink(this.#sink('toArrow', arrowSink(path, options), options), this.#maker.settings);
  }

  /** Writes one Parquet file. It is there, whole, when the run has succeeded. */
  toParquet(path: string, options: ParquetSinkOptions = {}): Sink<S> {
    return new Sink(this.#sink('toParquet', parquetSink(path, options), options), this.#maker.settings);
  }

  /**
   * Writes to a dataset of a store, in one commit at the end of the run.
   *
   * @example
   * ```ts
   * hourly.toStore(store, { freq: '1h' });
   * hourly.toStore(store, { key: { freq: '1h' }, mode: 'overwrite' });
   * ```
   */
  toStore(store: StoreHandle, key: StoreKey): Sink<S>;
  toStore(store: StoreHandle, options: StoreSinkOptions): Sink<S>;
  toStore(store: StoreHandle, keyOrOptions: StoreKey | StoreSinkOptions): Sink<S> {
    const options = storeOptions(keyOrOptions);
    return new Sink(this.#sink('toStore', storeSink(store, options), options), this.#maker.settings);
  }
}

/** The node of a registered op. @throws ERR_OPTIONS, ERR_OP_OPTIONS */
export function opNode(
  op: AnyOp,
  name: string,
  input: { node: GraphNode; port: string },
  options: OpOptions | undefined,
): GraphNode {
  const { own, stage } = splitOptions(options);
  const spec: OperatorSpec = {
    kind: 'op',
    op: { ...op.ref, name },
    options: op.parseOptions(own, name),
    triggers: triggersOf(stage, name),
    accumulate: booleanOf(stage.accumulate, true, 'accumulate', name),
    observesBatches: op.observesBatches,
    stateless: op.stateless,
    blocking: op.blocking,
  };
  return makeNode(name, spec, [input], stage);
}

/** Takes the options of every stage apart from an op's own. */
function splitOptions(options: OpOptions | undefined): { own: unknown; stage: StageOptions } {
  if (typeof options !== 'object' || options === null) return { own: options, stage: {} };
  const own: Record<string, unknown> = {};
  const stage: Record<string, unknown> = {};
  for (const [option, value] of Object.entries(options))
    (RESERVED_OPTIONS.includes(option) ? stage : own)[option] = value;
  return { own, stage: stage as StageOptions };
}

function refuse(step: string, problem: string, hint: string): PipelineError {
  return new PipelineError('ERR_OPTIONS', `${step}: ${problem}`, { stage: step, hint });
}

function nodeOf(value: unknown, step: string, hint: string): Expression['node'] {
  if (value instanceof Expression) return value.node;
  throw refuse(
    step,
    `${typeof value === 'function' ? 'a function' : JSON.stringify(value)} is not an expression`,
    hint,
  );
}

function namedColumn(name: unknown): { name: string; expression: Expression['node'] } {
  if (typeof name !== 'string')
    throw refuse('select', `${JSON.stringify(name)} is not a column name`, "write select('ts', 'price')");
  return { name, expression: { kind: 'col', name } };
}

function computedColumns(columns: unknown, step: string): { name: string; expression: Expression['node'] }[] {
  const entries = typeof columns === 'object' && columns !== null ? Object.entries(columns) : [];
  if (entries.length === 0)
    throw refuse(step, 'there are no columns', `write ${step}({ notional: col('price').mul(col('qty')) })`);
  return entries.map(([name, value]) => ({
    name,
    expression: nodeOf(
      value,
      `${step}: column "${name}"`,
      `write ${step}({ ${name}: col('…') }), or lit(…) for a constant`,
    ),
  }));
}
