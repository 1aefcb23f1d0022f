/** Ways out of a stream: to the caller, into files, into a store. Nothing is opened or written here; a run does that. */
import type { LentBatch } from '../batch/lent-batch.ts';
import type { Shape } from '../schema/types.ts';
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
import type { GraphNode, PipelineSettings } from './graph.ts';
import type { SinkSpec } from './logical.ts';
import type { Registry } from './registry.ts';
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
import { checkKeys, makeNode, type StageOptions, type StepOptions } from './stage-options.ts';
import { refuseOptions } from './steps/column-checks.ts';
import { StreamEnd } from './stream-end.ts';

type SinkOptions = StepOptions & Pick<StageOptions, 'memoryLimit'>;

/** A stream that can be ended. */
export class StreamSinks<in out S extends Shape, in out R extends Registry> extends StreamEnd<S, R> {
  #endpoint(
    kind: string,
    sink: SinkSpec,
    options: SinkOptions,
    endpoint?: object,
  ): { node: GraphNode; settings: PipelineSettings } {
    const { memoryLimit } = options;
    const triggers = sinkTriggers(memoryLimit === undefined || memoryLimit === 'auto' ? {} : { memoryLimit }, kind);
    const { input, settings } = StreamEnd.of(this);
    return { node: makeNode(kind, { kind: 'sink', sink, triggers }, [input], options, endpoint), settings };
  }

  #sink(kind: string, spec: SinkSpec, options: SinkOptions, endpoint?: object): Sink<S> {
    const { node, settings } = this.#endpoint(kind, spec, options, endpoint);
    return new Sink(node, settings);
  }

  /**
   * Keeps all rows in memory, for the caller to read from the run's result: copies, in the order of the stream. They count in the memory limit
   * while the run lasts; a run whose rows do not fit fails with ERR_MEMORY_EXHAUSTED.
   * @throws ERR_OPTIONS
   */
  collect(options: StepOptions = {}): Sink<S> {
    checkKeys(options, 'collect', [], 'step');
    return this.#sink('collect', { type: 'collect' }, options);
  }

  /**
   * Calls a function on the main thread with each batch, or with its rows as objects, in order, and waits for what it returns. A batch is
   * lent until then; `batch.retain()` keeps it longer, as a copy that is counted.
   * @throws ERR_OPTIONS; what the function throws fails the run as ERR_OP_FAILED
   */
  forEach(call: (batch: LentBatch) => void | Promise<void>, options?: ForEachOptions & { takes?: 'batch' }): Sink<S>;
  forEach(
    call: (rows: readonly Record<string, unknown>[]) => void | Promise<void>,
    options: ForEachOptions & { takes: 'rows' },
  ): Sink<S>;
  forEach(call: (input: never) => void | Promise<void>, options: ForEachOptions = {}): Sink<S> {
    checkKeys(options, 'forEach', ['takes'], 'step');
    if (typeof call !== 'function')
      throw refuseOptions('forEach', 'the first argument is not a function', 'write forEach((batch) => …)');
    const takes = options.takes ?? 'batch';
    if (takes !== 'batch' && takes !== 'rows')
      throw refuseOptions('forEach', `takes is ${JSON.stringify(takes)}`, "use 'batch' or 'rows'");
    const sink = new FunctionSink(call, takes);
    return this.#sink('forEach', { type: 'callback', id: registerCallback(sink), takes }, options, sink);
  }

  /** A sink to read with `for await` while the run goes on, which waits for the reader; each batch is a copy. @throws ERR_OPTIONS */
  toIterable(options: StepOptions = {}): IterableSink<S> {
    checkKeys(options, 'toIterable', [], 'step');
    const iterator = new IteratorSink();
    const spec: SinkSpec = { type: 'iterate', id: registerCallback(iterator) };
    const { node, settings } = this.#endpoint('toIterable', spec, options, iterator);
    return new IterableSink(node, settings, iterator);
  }

  /** Writes one CSV file. It is there, whole, when the run has succeeded. Null is an empty field, an empty text `""`; times are ISO 8601. @throws ERR_OPTIONS */
  toCsv(path: string, options: CsvSinkOptions = {}): Sink<S> {
    return this.#sink('toCsv', csvSink(path, options), options);
  }

  /** Writes a file with a JSON object a line. It is there, whole, when the run has succeeded. Integers and decimals are exact. @throws ERR_OPTIONS */
  toNdjson(path: string, options: NdjsonSinkOptions = {}): Sink<S> {
    return this.#sink('toNdjson', ndjsonSink(path, options), options);
  }

  /** Writes one Arrow IPC file or stream. It is there, whole, when the run has succeeded. Dictionaries of texts are written as texts. @throws ERR_OPTIONS */
  toArrow(path: string, options: ArrowSinkOptions = {}): Sink<S> {
    return this.#sink('toArrow', arrowSink(path, options), options);
  }

  /** Writes one Parquet file. It is there, whole, when the run has succeeded. @throws ERR_OPTIONS */
  toParquet(path: string, options: ParquetSinkOptions = {}): Sink<S> {
    return this.#sink('toParquet', parquetSink(path, options), options);
  }

  /**
   * Writes to a dataset of a store, in one commit at the end of the run. Rows have to come in the order of the dataset.
   *
   * @throws ERR_OPTIONS, ERR_KEY
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
    return this.#sink('toStore', storeSink(store, options), options);
  }
}
