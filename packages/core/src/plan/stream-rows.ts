/** Steps that look at rows one after the other, windows, positions and neighbours, and short forms of steps that there are. */
import type { RecordBatch } from 'apache-arrow';
import type { Operand } from '../expressions/builder.ts';
import { col } from '../expressions/col.ts';
import type { Duration } from '../schema/durations.ts';
import type { Shape, TypeText } from '../schema/types.ts';
import type { Aggregate } from './agg-functions.ts';
import { type CombineOptions, collectNode } from './combine.ts';
import type { GraphInput, GraphNode, PipelineSettings } from './graph.ts';
import type { JoinInputs } from './join-types.ts';
import type { OperatorSpec } from './logical.ts';
import type { AnyOp, Registry } from './registry.ts';
import type {
  Cast,
  ColumnOf,
  Differenced,
  Flattened,
  Names,
  Renamed,
  Shifted,
  SoundKeys,
  SoundList,
  SoundNames,
  Windowed,
} from './row-types.ts';
import type { ForEachOptions } from './sinks.ts';
import { checkKeys, makeNode, type StepOptions } from './stage-options.ts';
import { namesOf, refuseOptions } from './steps/column-checks.ts';
import { type ReorderOptions, reorderSpec } from './steps/reorder.ts';
import { type RollingOptions, rollingSpec } from './steps/rolling.ts';
import {
  type DistinctOptions,
  distinctSpec,
  dropNullsSpec,
  fillNullsSpec,
  type LeadOptions,
  milliseconds,
  type PartitionOptions,
  type PartitionUniqueOptions,
  partitionSpec,
  partitionUniqueSpec,
  renameSpec,
  type ShiftOptions,
  shiftSpec,
  sliceSpec,
} from './steps/row-options.ts';
import { type SlidingWindowOptions, slidingWindowSpec } from './steps/sliding-window.ts';
import { type Stream, StreamSteps } from './stream.ts';
import { StreamEnd } from './stream-end.ts';
import type { FitsStream, MapArguments, Mapped, Picked, Rolled, SoundAggregates } from './stream-types.ts';

/** All steps of a stream. */
export class RowSteps<in out S extends Shape, in out R extends Registry> extends StreamSteps<S, R> {
  #append<T extends Shape>(kind: string, spec: OperatorSpec, options: StepOptions | undefined): Stream<T, R> {
    return this.append((input) => makeNode(kind, spec, [input], options)) as unknown as Stream<T, R>;
  }

  /**
   * Windows over the last `rows` rows, one at every row or at every so many; each is one logical batch. Without
   * `partial: false` the first ones have fewer rows, and the end of input gives the last one what rows there are.
   *
   * Holds the rows of one window, on disk beyond its share.
   *
   * @throws ERR_OPTIONS
   * @example
   * ```ts
   * ticks.slidingWindow(100, { every: 10, number: 'window' }).map(spectrum, { iterMax: 1 });
   * ```
   */
  slidingWindow<const N extends string = never>(
    rows: number,
    options?: SlidingWindowOptions<N>,
  ): Stream<Windowed<S, N>, R> {
    return this.#append('slidingWindow', slidingWindowSpec(rows, options), options);
  }

  /**
   * The first `rows` rows. A source of which nothing else needs more is not read to its end (an iterable, Parquet files, a registered
   * source).
   * @throws ERR_OPTIONS
   */
  limit(rows: number, options?: StepOptions): Stream<S, R> {
    checkKeys(options, 'limit', [], 'step');
    return this.#append('limit', sliceSpec(0, checkedLimit(rows), 1), options);
  }

  /**
   * Rows by their number, counted from 0: from `from` to `to`, which is not among them, every `step`.
   *
   * @throws ERR_OPTIONS
   * @example
   * ```ts
   * rows.slice(1, null, 2); // 1 3 5 7 …
   * ```
   */
  slice(from: number, to?: number | null, step = 1, options?: StepOptions): Stream<S, R> {
    checkKeys(options, 'slice', [], 'step');
    return this.#append('slice', sliceSpec(from, to, step), options);
  }

  /**
   * The first row of each key, in order.
   *
   * Holds the keys: all of them, on disk beyond its share, or the `max` that were used last.
   *
   * @throws ERR_OPTIONS
   */
  distinct<const C extends ColumnOf<S>>(options?: DistinctOptions<C>): Stream<S, R> {
    return this.#append('distinct', distinctSpec(options), options);
  }

  /** Another name for `distinct`. @throws ERR_OPTIONS */
  unique<const C extends ColumnOf<S>>(options?: DistinctOptions<C>): Stream<S, R> {
    return this.#append('unique', distinctSpec(options), options);
  }

  /**
   * Brings rows into order that are a little out of it: up to `allowedLateness` behind the latest one before them. Rows that lie further
   * behind fail the run, are left out and counted (`summary.stages`), or are a stream of their own.
   *
   * Holds the rows that a later one may still precede.
   *
   * @throws ERR_OPTIONS
   * @example
   * ```ts
   * ticks.reorder({ on: 'ts', allowedLateness: '5s', lateRows: 'drop-and-count' }).aggStream({ orderedOn: 'ts', aggregations });
   * const { inOrder, late } = ticks.reorder({ on: 'ts', allowedLateness: '5s', lateRows: 'side' });
   * ```
   */
  reorder<const C extends ColumnOf<S>>(
    options: ReorderOptions<C, 'side'> & { lateRows: 'side' },
  ): { inOrder: Stream<S, R>; late: Stream<S, R> };
  reorder<const C extends ColumnOf<S>>(options: ReorderOptions<C, 'error' | 'drop-and-count'>): Stream<S, R>;
  reorder(options: ReorderOptions): unknown {
    const spec = reorderSpec(options);
    if (spec.lateRows !== 'side') return this.#append('reorder', spec, options);
    let node: GraphNode | undefined;
    // One node, whose two outputs are two streams.
    const step = (input: GraphInput): GraphNode => (node ??= makeNode('reorder', spec, [input], options));
    return { inOrder: this.append(step), late: this.append(step, 'late') };
  }

  /**
   * Regroups rows into logical batches: of exactly so many rows; of neighbours that are equal in some columns; or of exactly so many
   * rows that are equal in some columns, wherever they come. What is left at the end comes too.
   *
   * @throws ERR_OPTIONS
   * @example
   * ```ts
   * rows.partition(100);
   * rows.partition('day');
   * rows.partition(100, { by: 'symbol', timeout: '1s' });
   * ```
   */
  partition<const C extends ColumnOf<S>>(rows: number, options?: PartitionOptions<C>): Stream<S, R>;
  partition<const C extends ColumnOf<S>>(by: C | readonly C[], options?: Omit<PartitionOptions<C>, 'by'>): Stream<S, R>;
  partition(given: number | string | readonly string[], options?: PartitionOptions): Stream<S, R> {
    return this.#append('partition', partitionSpec(given, options), options);
  }

  /** Logical batches of exactly so many rows with different keys. @throws ERR_OPTIONS */
  partitionUnique<const C extends ColumnOf<S>>(rows: number, options?: PartitionUniqueOptions<C>): Stream<S, R> {
    return this.#append('partitionUnique', partitionUniqueSpec({ rows }, 'partitionUnique', options), options);
  }

  /** What comes within so long, as one logical batch; from the first row after the last batch. Depends on timing. @throws ERR_OPTIONS */
  timedWindow(interval: Duration, options: StepOptions = {}): Stream<S, R> {
    checkKeys(options, 'timedWindow', [], 'step');
    const intervalMs = milliseconds(interval, 'interval', 'timedWindow');
    return this.#append('timedWindow', { kind: 'partition', by: [], intervalMs }, options);
  }

  /** As `timedWindow`, of rows with different keys. Depends on timing. @throws ERR_OPTIONS */
  timedWindowUnique<const C extends ColumnOf<S>>(
    interval: Duration,
    options?: PartitionUniqueOptions<C>,
  ): Stream<S, R> {
    const intervalMs = milliseconds(interval, 'interval', 'timedWindowUnique');
    return this.#append(
      'timedWindowUnique',
      partitionUniqueSpec({ intervalMs }, 'timedWindowUnique', options),
      options,
    );
  }

  /**
   * Columns with the values of an earlier row: of the one before, or of so many before; null where there is none.
   *
   * Holds as many rows of each key as it looks back.
   *
   * @throws ERR_OPTIONS
   * @example
   * ```ts
   * trades.lag({ previous: 'price' }, { by: 'symbol' });
   * ```
   */
  lag<const M extends Names, const C extends ColumnOf<S> = never>(
    columns: M & SoundNames<M, S>,
    options?: ShiftOptions<C>,
  ): Stream<Shifted<M, S>, R> {
    return this.#append('lag', shiftSpec('lag', columns as Names, options), options);
  }

  /**
   * Columns with the values of a later row: of the next one, or of so many after; null where there is none. Rows keep their order, so they
   * wait until that row has come, with `by` also for the rows before them.
   *
   * Holds `rows` rows; with `by` all rows since the first one that waits, on disk beyond its share but for 4 bytes each.
   *
   * @throws ERR_OPTIONS
   * @example
   * ```ts
   * trades.lead({ next: 'price' }, { by: 'symbol' });
   * ```
   */
  lead<const M extends Names, const C extends ColumnOf<S> = never>(
    columns: M & SoundNames<M, S>,
    options?: LeadOptions<C>,
  ): Stream<Shifted<M, S>, R> {
    return this.#append('lead', shiftSpec('lead', columns as Names, options), options);
  }

  /** Columns with the difference to an earlier row. @throws ERR_OPTIONS */
  diff<const M extends Names, const C extends ColumnOf<S> = never>(
    columns: M & SoundNames<M, S>,
    options?: ShiftOptions<C>,
  ): Stream<Differenced<M, S>, R> {
    return this.#append('diff', shiftSpec('diff', columns as Names, options), options);
  }

  /**
   * Columns with aggregates over the rows of a window that ends with each row: the last so many rows, those of the last so long, or all.
   * `count first last max mean min std sum var`, by the rules of `aggStream`.
   *
   * Holds the values of a window's columns, for each key, on the heap.
   *
   * @throws ERR_OPTIONS
   * @example
   * ```ts
   * trades.rolling({ average: agg.mean('price') }, { rows: 20, by: 'symbol' });
   * trades.rolling({ volume: agg.sum('qty') }, { period: '5m', on: 'ts' });
   * trades.rolling({ total: agg.sum('qty') }, { rows: 'all' });
   * ```
   */
  rolling<const G extends { readonly [column: string]: Aggregate }, const C extends ColumnOf<S> = never>(
    columns: G & SoundAggregates<G, S>,
    options: RollingOptions<C>,
  ): Stream<Rolled<G, S>, R> {
    return this.#append('rolling', rollingSpec(columns as { readonly [column: string]: Aggregate }, options), options);
  }

  /** Every batch so much later. Depends on timing. @throws ERR_OPTIONS */
  delay(interval: Duration, options?: StepOptions): Stream<S, R> {
    checkKeys(options, 'delay', [], 'step');
    return this.#append('delay', { kind: 'delay', intervalMs: milliseconds(interval, 'interval', 'delay') }, options);
  }

  /** Row by row, each no sooner than so long after the one before. Depends on timing. @throws ERR_OPTIONS */
  rateLimit(interval: Duration, options?: StepOptions): Stream<S, R> {
    checkKeys(options, 'rateLimit', [], 'step');
    const intervalMs = milliseconds(interval, 'interval', 'rateLimit');
    return this.#append('rateLimit', { kind: 'rateLimit', intervalMs }, options);
  }

  /** The latest row whenever what is behind has taken the one before; those in between are left out. Depends on timing. @throws ERR_OPTIONS */
  latest(options?: StepOptions): Stream<S, R> {
    checkKeys(options, 'latest', [], 'step');
    return this.#append('latest', { kind: 'latest' }, options);
  }

  /** Runs a scan (`defineScan`): every row gives one, from it and what was before. */
  scan<const Op extends AnyOp>(scan: Op & FitsStream<Op, S>, ...options: MapArguments<Op>): Stream<Mapped<Op, S>, R> {
    return this.map(scan, ...options);
  }

  /** Runs an op that gives any number of rows for those of a batch: another name for `map`. */
  flatMap<const Op extends AnyOp>(op: Op & FitsStream<Op, S>, ...options: MapArguments<Op>): Stream<Mapped<Op, S>, R> {
    return this.map(op, ...options);
  }

  /** A row for each element of a list column; lists without elements give none. @throws ERR_OPTIONS */
  flatten<const N extends ColumnOf<S>>(column: N & SoundList<N, S>, options?: StepOptions): Stream<Flattened<N, S>, R> {
    checkKeys(options, 'flatten', [], 'step');
    const [name] = namesOf(column, 'flatten', 'column');
    if (name === undefined) throw refuseOptions('flatten', 'there is no column', "write flatten('tags')");
    return this.#append('flatten', { kind: 'flatten', column: name }, options);
  }

  /**
   * Holds rows until another stream of the pipeline has one, and gives them as one logical batch; what is left at the end comes too. Depends
   * on timing where batches are seen. Holds the rows, on disk beyond its share.
   * @throws ERR_OPTIONS
   */
  collectUntilFlush(flush: JoinInputs[string], options?: CombineOptions): Stream<S, R> {
    const step = (input: GraphInput, settings: PipelineSettings): GraphNode =>
      collectNode(input, StreamEnd.endOf(flush, 'flush', settings), options);
    return this.append(step) as unknown as Stream<S, R>;
  }

  /** Keeps these columns, in this order. @throws ERR_OPTIONS */
  pluck<const N extends ColumnOf<S>>(...names: readonly [N, ...N[]]): Stream<Picked<N, S>, R> {
    return this.select(...names);
  }

  /** Columns as other types. What a type cannot hold is an error that names row and value. @throws ERR_OPTIONS */
  cast<const C extends { readonly [column: string]: TypeText }>(
    types: C & SoundKeys<C, S>,
    options?: StepOptions,
  ): Stream<Cast<C, S>, R> {
    checkKeys(options, 'cast', [], 'step');
    const entries = typeof types === 'object' && types !== null ? Object.entries(types) : [];
    if (entries.length === 0) throw refuseOptions('cast', 'there are no columns', "write cast({ price: 'float32' })");
    const columns = entries.map(([name, type]) => ({ name, expression: col(name).cast(type as TypeText).node }));
    return this.#append('cast', { kind: 'withColumns', columns }, options);
  }

  /** Columns under other names: `rename({ px: 'price' })`. @throws ERR_OPTIONS */
  rename<const M extends Names>(names: M & SoundKeys<M, S>, options?: StepOptions): Stream<Renamed<M, S>, R> {
    checkKeys(options, 'rename', [], 'step');
    return this.#append('rename', renameSpec(names as Names), options);
  }

  /** Rows that have a value in each of these columns, or, without any, in all. @throws ERR_OPTIONS */
  dropNulls<const C extends ColumnOf<S>>(...columns: readonly C[]): Stream<S, R> {
    return this.#append('dropNulls', dropNullsSpec(columns), undefined);
  }

  /** Values, or expressions, in place of nulls; the columns keep their types. @throws ERR_OPTIONS */
  fillNulls<const V extends { readonly [column: string]: Operand }>(
    values: V & SoundKeys<V, S>,
    options?: StepOptions,
  ): Stream<S, R> {
    checkKeys(options, 'fillNulls', [], 'step');
    return this.#append('fillNulls', fillNullsSpec(values as Readonly<Record<string, Operand>>), options);
  }

  /**
   * Calls a function on the main thread with what passes here, in every run that reads what is behind; rows go on unchanged. The run waits for
   * the function, though not row by row.
   *
   * @throws ERR_OPTIONS
   */
  tap(call: (batch: RecordBatch) => void | Promise<void>, options?: ForEachOptions & { takes?: 'batch' }): Stream<S, R>;
  tap(
    call: (rows: readonly Record<string, unknown>[]) => void | Promise<void>,
    options: ForEachOptions & { takes: 'rows' },
  ): Stream<S, R>;
  tap(call: (input: never) => void | Promise<void>, options: ForEachOptions = {}): Stream<S, R> {
    const { name, ...others } = options;
    const sink = this.forEach(call as never, { ...others, name: name ?? `tap ${(taps += 1)}` } as never);
    const step = (input: GraphInput): GraphNode => ({
      ...makeNode('tap', { kind: 'rename', names: [] }, [input]),
      taps: [sink.node],
    });
    return this.append(step) as unknown as Stream<S, R>;
  }
}

/** Taps of this process so far, for their names. */
let taps = 0;

function checkedLimit(rows: number): number {
  if (Number.isSafeInteger(rows) && rows >= 0) return rows;
  throw refuseOptions('limit', `rows is ${String(rows)}`, 'give a whole number from 0');
}
