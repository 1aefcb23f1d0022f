/** Ends of a pipeline: what `run` is given. */
import type { RecordBatch } from 'apache-arrow';
import { PipelineError } from '../errors.ts';
import type { Bytes } from '../schema/sizes.ts';
import type { Shape } from '../schema/types.ts';
import type { WriteMode } from '../store/commit/commit-contract.ts';
import { checkSettings, type MetadataChange, type WriteSettings } from '../store/commit/write-settings.ts';
import { keyToPath } from '../store/keys/key-path.ts';
import type { IteratorSink } from './callbacks.ts';
import type { GraphNode, PipelineSettings } from './graph.ts';
import type { SinkSpec } from './logical.ts';
import { checkKeys, type StepOptions, triggersOf } from './stage-options.ts';

/** The end of one branch of a pipeline. Made by a stream's `collect`, `forEach`, `toIterable`, `toStore`, `toParquet` and the like. */
export class Sink<S extends Shape = Shape> {
  readonly kind: SinkSpec['type'];
  readonly node: GraphNode;
  readonly settings: PipelineSettings;
  /** Types only. */
  declare readonly shape?: S;

  constructor(node: GraphNode, settings: PipelineSettings) {
    if (node.spec.kind !== 'sink') throw new TypeError('a sink is made of a sink node');
    this.kind = node.spec.sink.type;
    this.node = node;
    this.settings = settings;
  }
}

/** A sink that is read with `for await` while the run goes on. */
export class IterableSink<S extends Shape = Shape> extends Sink<S> implements AsyncIterable<RecordBatch> {
  readonly #iterator: IteratorSink;

  constructor(node: GraphNode, settings: PipelineSettings, iterator: IteratorSink) {
    super(node, settings);
    this.#iterator = iterator;
  }

  [Symbol.asyncIterator](): AsyncIterator<RecordBatch> {
    return this.#iterator[Symbol.asyncIterator]();
  }
}

/** Options of `forEach`. */
export interface ForEachOptions extends StepOptions {
  /** Call with a `RecordBatch` (default; borrowed until the function's promise settles) or with row objects. */
  takes?: 'batch' | 'rows';
}

/** Names a dataset of a store, field by field. Numbers only where the store's schema of keys says so. */
export type StoreKey = { readonly [field: string]: string | number };

/** Options of `toStore`. */
export interface StoreSinkOptions extends StepOptions, WriteSettings {
  key: StoreKey;
  /**
   * `merge` puts rows where they belong (default); `append` refuses rows before the last one stored; `overwrite` replaces the
   * dataset in one commit.
   */
  mode?: WriteMode;
  /** Column that the rows ascend on. Default: the one that the stream is ordered on. */
  orderedOn?: string;
  /** Kept with the dataset, versioned with it: entries to set; `null` takes one back, others stay. */
  metadata?: MetadataChange;
  memoryLimit?: Bytes;
}

/** What `toStore` needs to know of an opened store. */
export interface StoreHandle {
  /** Folder of the store. */
  readonly root: string;
  /** Path of a dataset inside it. Default: names and values of the key's fields. @throws ERR_KEY */
  pathOf?(key: StoreKey): string;
}

function refuse(problem: string, hint: string): PipelineError {
  return new PipelineError('ERR_OPTIONS', problem, { hint });
}

/** The options of `toStore`, also where only the key was given. */
export function storeOptions(keyOrOptions: StoreKey | StoreSinkOptions): StoreSinkOptions {
  const isOptions =
    typeof keyOrOptions === 'object' &&
    keyOrOptions !== null &&
    typeof (keyOrOptions as StoreSinkOptions).key === 'object';
  return isOptions ? (keyOrOptions as StoreSinkOptions) : { key: keyOrOptions as StoreKey };
}

const STORE_OPTIONS = [
  'key',
  'mode',
  'orderedOn',
  'duplicatesOn',
  'rowGroupTarget',
  'maxOffTargetRowGroups',
  'schemaChange',
  'metadata',
  'memoryLimit',
] as const;

/** @throws ERR_OPTIONS, ERR_KEY, ERR_SINK_MODE */
export function storeSink(store: StoreHandle, options: StoreSinkOptions): SinkSpec {
  checkKeys(options, 'toStore', STORE_OPTIONS, 'step');
  checkSettings(options);
  if (typeof store?.root !== 'string')
    throw refuse(
      'toStore: the first argument is not a store',
      "open one first: const store = await openStore('./market')",
    );
  const path = store.pathOf?.(options.key ?? {}) ?? keyToPath(options.key ?? {});
  const mode = options.mode ?? 'merge';
  if (mode !== 'merge' && mode !== 'append' && mode !== 'overwrite') {
    throw new PipelineError('ERR_SINK_MODE', `toStore: mode is ${JSON.stringify(mode)}`, {
      hint: "use 'merge', 'append' or 'overwrite'",
    });
  }
  const { duplicatesOn, rowGroupTarget, maxOffTargetRowGroups, schemaChange, metadata } = options;
  return {
    type: 'store',
    root: store.root,
    key: { ...options.key },
    path,
    mode,
    orderedOn: options.orderedOn ?? '',
    ...(duplicatesOn !== undefined && { duplicatesOn: duplicatesOn && [...duplicatesOn] }),
    ...(rowGroupTarget !== undefined && { rowGroupTarget }),
    ...(maxOffTargetRowGroups !== undefined && { maxOffTargetRowGroups }),
    ...(schemaChange !== undefined && { schemaChange }),
    ...(metadata && { metadata: { ...metadata } }),
  };
}

/** Triggers of a sink: its memory limit, if it has one. */
export function sinkTriggers(options: { memoryLimit?: Bytes }, step: string): ReturnType<typeof triggersOf> {
  return options.memoryLimit === undefined ? {} : triggersOf({ memoryLimit: options.memoryLimit }, step);
}
