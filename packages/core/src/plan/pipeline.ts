import { PipelineError } from '../errors.ts';
import { col } from '../expressions/col.ts';
import type { SourceDefinition } from '../operators/source-definition.ts';
import { fieldsFromShape } from '../schema/fields.ts';
import { type Bytes, parseBytes } from '../schema/sizes.ts';
import type { Shape } from '../schema/types.ts';
import {
  type CombineOptions,
  combineLatestNode,
  type MergeOptions,
  mergeOrderedNode,
  unionNode,
  type ZipLatestOptions,
  zipLatestNode,
  zipNode,
} from './combine.ts';
import type { BesideShape, SameShape, SoundBeside, SoundSame } from './combine-types.ts';
import { type IterableItem, PushFeeder } from './feeders.ts';
import type { GraphInput, GraphNode, PipelineSettings } from './graph.ts';
import { type JoinOptions, joinNode } from './join.ts';
import type { JoinColumn, JoinedShape, JoinInputs, SoundJoin } from './join-types.ts';
import type { JoinStrategy } from './logical.ts';
import { opNode } from './op-node.ts';
import type { AnyOp, Registry } from './registry.ts';
import { fedSource, type GeneratedArguments, generatedSource, type Source } from './sources.ts';
import { booleanOf, checkCount, checkKeys, makeNode, type StageOptions, type StepOptions } from './stage-options.ts';
import type { Stream } from './stream.ts';
import { StreamEnd, type StreamMaker } from './stream-end.ts';
import { RowSteps } from './stream-rows.ts';

/** Options of `createPipeline`. */
export interface PipelineOptions {
  /** Hard total for the whole pipeline. Default 512 MiB. */
  memoryLimit?: Bytes;
  /** Refuse plans whose result depends on timing. */
  deterministic?: boolean;
}

/** A source that the program pushes rows into. */
export interface PushSource<S extends Shape, R extends Registry> {
  readonly stream: Stream<S, R>;
  /** One logical input. Resolves when the run has room for the next one. @throws the run's error once it has failed */
  emit(batch: IterableItem): Promise<void>;
  /** No more follows. */
  end(): void;
}

/** Options of `pushSource`. */
export interface PushOptions<S extends Shape> extends StepOptions {
  /** Column that the rows ascend on. */
  orderedOn?: keyof S & string;
  /**
   * Inputs that may be on their way through the steps and sinks: `emit` of one more resolves when so many are left. What a step holds (a
   * buffer, a window, an open bin) has arrived. Default: as many as there is room for. Where a step waits for rows of another stream, so does `emit`.
   */
  maxInFlight?: number;
  /** See `IterableOptions`. */
  position?: number;
}

/** What streams are made of: settings, and the ops that are chain methods. */
export class Pipeline<in out R extends Registry = Record<never, never>> {
  readonly #maker: StreamMaker;
  readonly #ops: R;

  constructor(settings: PipelineSettings, ops: R) {
    this.#ops = ops;
    this.#maker = streamMaker(settings, ops);
  }

  /**
   * Adds ops as chain methods. Gives a new pipeline of the same settings.
   * @throws ERR_OPTIONS when a name is taken
   */
  register<const More extends Registry>(ops: More): Pipeline<Omit<R, keyof More> & More> {
    for (const [name, op] of Object.entries(ops)) {
      if (name in RowSteps.prototype || name === 'then')
        throw refuse(`"${name}" is a method that every stream has`, 'register the op under another name');
      if (op?.kind !== 'op') throw refuse(`"${name}" is not an op`, 'make one with defineOp() in a module of its own');
    }
    return new Pipeline<Omit<R, keyof More> & More>(this.#maker.settings, { ...this.#ops, ...ops });
  }

  /** The stream of a source. @throws ERR_OPTIONS */
  source<S extends Shape>(source: Source<S>): Stream<S, R>;
  /** The stream of a registered source, with its options. @throws ERR_OP_OPTIONS */
  source<S extends Shape, D>(source: SourceDefinition<S, D>, ...options: GeneratedArguments<D>): Stream<S, R>;
  source<S extends Shape>(given: Source<S> | SourceDefinition<S>, options?: object): Stream<S, R> {
    const isGenerated = (given as SourceDefinition | undefined)?.kind === 'source';
    const source = isGenerated
      ? generatedSource(given as SourceDefinition<S>, options as { name?: string })
      : (given as Source<S>);
    if (source?.spec === undefined)
      throw refuse(
        'source() was given something else than a source',
        "write source(readParquet('…')), or give what defineSource() made",
      );
    const read = this.#maker.stream(
      makeNode(source.label, { kind: 'source', source: source.spec }, [], source.options, source.endpoint),
    );
    const { where, columns } = source;
    // The columns of a dataset are not known to the compiler here.
    const rows = (where === undefined ? read : read.filter(where as never)) as Stream<Shape, R>;
    if (columns === undefined) return rows as Stream<S, R>;
    return rows.select(Object.fromEntries(columns.map((name) => [name, col(name)])) as never) as unknown as Stream<
      S,
      R
    >;
  }

  /**
   * Joins ordered streams. Rows come in the order of the left one: all its columns, then those of the right ones that are not compared.
   * Holds, on disk beyond its share, the last right row of each key (`asof`), the right rows of one value of `on` (`inner`, `left`, `full`,
   * `semi`, `anti`) or of one interval, and rows of one side that are ahead of the other. Units and time zones of `on` may differ.
   * With several right streams each is joined to what the one before gives.
   *
   * @throws ERR_OPTIONS
   * @example
   * ```ts
   * const priced = p.joinStream({ trades, quotes }, { strategy: 'asof', left: 'trades', on: 'ts', by: ['symbol'], tolerance: '5s' });
   * const around = p.joinStream({ alarms, readings }, {
   *   strategy: 'interval', left: 'alarms', on: 'ts', interval: { from: '-1m', to: '1m' }, suffix: '_read',
   * });
   * ```
   */
  joinStream<
    const I extends JoinInputs,
    const L extends keyof I & string,
    const St extends JoinStrategy,
    const On extends JoinColumn<I>,
    const By extends JoinColumn<I> = never,
    const Suffix extends string | { readonly [input: string]: string } = string,
  >(
    inputs: I,
    options: Omit<JoinOptions, 'strategy' | 'left' | 'on' | 'by' | 'suffix'> & {
      strategy: St;
      left: L;
      on: On;
      by?: readonly By[];
      suffix?: Suffix;
    } & SoundJoin<I, L, St, On, By, Suffix>,
  ): Stream<JoinedShape<I, L, St, On, By, Suffix>, R> {
    if (typeof inputs !== 'object' || inputs === null)
      throw refuse(
        'joinStream: the first argument is no object',
        'give streams by name: joinStream({ trades, quotes }, …)',
      );
    return this.#maker.stream(joinNode(this.#ends(inputs), options as JoinOptions));
  }

  /** Where streams end so far, by name. @throws ERR_OPTIONS */
  #ends(inputs: JoinInputs): Map<string, GraphInput> {
    if (typeof inputs !== 'object' || inputs === null)
      throw refuse('the first argument is no object', 'give streams by name: { trades, quotes }');
    return new Map(
      Object.entries(inputs).map(([name, stream]) => [name, StreamEnd.endOf(stream, name, this.#maker.settings)]),
    );
  }

  /**
   * Rows of several streams of the same columns as one stream, in the order in which they come: the result depends on timing.
   * @throws ERR_OPTIONS
   */
  union<const I extends JoinInputs>(inputs: I & SoundSame<I>, options?: StepOptions): Stream<SameShape<I>, R> {
    return this.#maker.stream(unionNode(this.#ends(inputs), options));
  }

  /**
   * Several streams of the same columns that ascend on one of them, as one stream in that order; of rows at one time those of the
   * stream named first come first. Holds a batch of each, and what comes before its time, on disk beyond its share.
   *
   * @throws ERR_OPTIONS
   * @example
   * ```ts
   * const all = p.mergeOrdered({ paris, london }, { on: 'ts' });
   * ```
   */
  mergeOrdered<const I extends JoinInputs, const On extends string & keyof SameShape<I>>(
    inputs: I & SoundSame<I>,
    options: MergeOptions<On>,
  ): Stream<SameShape<I>, R> {
    return this.#maker.stream(mergeOrderedNode(this.#ends(inputs), options));
  }

  /**
   * The first rows of several streams side by side, then the second ones, and so on; it ends with the stream that ends first. Columns
   * have different names. Constants are added with `withColumns`.
   * @throws ERR_OPTIONS
   */
  zip<const I extends JoinInputs>(inputs: I & SoundBeside<I>, options?: CombineOptions): Stream<BesideShape<I>, R> {
    return this.#maker.stream(zipNode(this.#ends(inputs), options));
  }

  /** A row for each row of any stream, beside the latest ones of the others, once all have had one. Depends on timing. @throws ERR_OPTIONS */
  combineLatest<const I extends JoinInputs>(
    inputs: I & SoundBeside<I>,
    options?: StepOptions,
  ): Stream<BesideShape<I>, R> {
    return this.#maker.stream(combineLatestNode(this.#ends(inputs), options));
  }

  /** A row for each row of one stream, beside the latest ones of the others; none is left out. Depends on timing. @throws ERR_OPTIONS */
  zipLatest<const I extends JoinInputs, const L extends keyof I & string>(
    inputs: I & SoundBeside<I>,
    options: ZipLatestOptions<L>,
  ): Stream<BesideShape<I>, R> {
    return this.#maker.stream(zipLatestNode(this.#ends(inputs), options));
  }

  /**
   * A source fed by `emit`.
   *
   * @example
   * ```ts
   * const input = p.pushSource({ ts: 'timestamp[ms]', price: 'float64' }, { orderedOn: 'ts' });
   * const job = run([input.stream.collect()]);
   * await input.emit([{ ts: Date.now(), price: 9.5 }]);
   * input.end();
   * ```
   */
  pushSource<const S extends Shape>(schema: S, options: PushOptions<S> = {}): PushSource<S, R> {
    checkKeys(options, 'pushSource', ['orderedOn', 'maxInFlight', 'position'], 'step');
    const { maxInFlight } = options;
    if (maxInFlight !== undefined) checkCount(maxInFlight, 'maxInFlight', 'pushSource');
    const fields = fieldsFromShape(schema);
    const label = options.name ?? 'pushSource';
    const feeder = new PushFeeder(fields, label, maxInFlight);
    const stream = this.source(fedSource<S>(feeder, label, fields, options, PUSHED_ROWS));
    return { stream, emit: (batch) => feeder.emit(batch), end: () => feeder.end() };
  }
}

function refuse(problem: string, hint: string): PipelineError {
  return new PipelineError('ERR_OPTIONS', problem, { hint });
}

/** Registered ops become methods of a class of streams that belongs to the pipeline. */
function streamMaker(settings: PipelineSettings, ops: Registry): StreamMaker {
  class RegisteredStream extends RowSteps<Shape, Registry> {}
  const maker: StreamMaker = {
    settings,
    stream: (node, port = 'out') => new RegisteredStream(node, port, maker),
  };
  for (const [name, op] of Object.entries(ops)) defineMethod(RegisteredStream.prototype, name, op);
  return maker;
}

function defineMethod(prototype: StreamEnd<Shape, Registry>, name: string, op: AnyOp): void {
  Object.defineProperty(prototype, name, {
    configurable: true,
    value(this: StreamEnd<Shape, Registry>, options?: StageOptions & { [option: string]: unknown }) {
      return this.append((input): GraphNode => opNode(op, name, input, options));
    },
  });
}

/** Rows that are emitted at once, as far as their room on the main thread is concerned; more at once is collected more often. */
const PUSHED_ROWS = 8192;

const DEFAULT_MEMORY_BYTES = 512 * 2 ** 20;

/**
 * Starts the description of a pipeline.
 *
 * @throws ERR_OPTIONS
 * @example
 * ```ts
 * const p = createPipeline({ memoryLimit: '256MiB' }).register({ clean });
 * const sink = p.source(readParquet('trades.parquet', { orderedOn: 'ts' })).clean({ maxPrice: 1e6 }).collect();
 * ```
 */
export function createPipeline(options: PipelineOptions = {}): Pipeline {
  for (const key of Object.keys(options)) {
    if (key !== 'memoryLimit' && key !== 'deterministic')
      throw refuse(`createPipeline has no option "${key}"`, 'its options are memoryLimit and deterministic');
  }
  const memoryLimitBytes =
    options.memoryLimit === undefined ? DEFAULT_MEMORY_BYTES : parseBytes(options.memoryLimit, 'memoryLimit');
  if (memoryLimitBytes <= 0) throw refuse('memoryLimit is 0', "give a size such as '256MiB'");
  return new Pipeline<Record<never, never>>(
    { memoryLimitBytes, deterministic: booleanOf(options.deterministic, false, 'deterministic', 'createPipeline') },
    {},
  );
}
