/** Registered ops, folds and sources: user code that runs inside the lanes. */
import type { RecordBatch } from 'apache-arrow';
import type { LentBatch } from '../batch/lent-batch.ts';
import { PipelineError } from '../errors.ts';
import type { OpRef } from '../plan/logical.ts';
import type { ColumnsRecord, Fields, Shape } from '../schema/types.ts';
import type { BatchOf } from './arrow-types.ts';
import { registerDefinition, resolveDefinition } from './definition-registry.ts';
import { checkDescriptors, type OptionsOutput, type OptionsSpec, parseOptions } from './op-options.ts';

/** What `process` and `flush` may give: nothing, a batch, plain columns, or several of these, in order. */
export type OpResult = RecordBatch | ColumnsRecord | readonly (RecordBatch | ColumnsRecord)[] | null | undefined;

/** What an op's `create` learns of the place it runs in. */
export interface OpContext {
  /** The stage's name. */
  name: string;
  input: Fields;
  output: Fields;
  /** Aborted when the run stops. */
  signal: AbortSignal;
}

/** One running instance of an op, in one lane. Calls never overlap. */
export interface OpInstance<B = RecordBatch> {
  /** Takes one batch. It is borrowed: valid until the returned promise settles (or the call returns), unless it is retained. */
  process(batch: LentBatch<B>): OpResult | Promise<OpResult>;
  /** Called at every flush of the stage, after what waited in its buffer: what the op itself still holds. */
  flush?(): OpResult | Promise<OpResult>;
  close?(): void | Promise<void>;
  /** State as plain data, for restarts. */
  snapshot?(): unknown;
  restore?(state: never): void;
}

/** How an op's output columns follow from its input: the same, fixed, or by function of the input's columns and the options. */
export type OutputSpec<I, O, D> = O | ((input: I extends Shape ? I : Shape, options: OptionsOutput<D>) => O);

/** What `defineOp` takes. */
export interface OpConfig<
  I extends Shape | undefined,
  O extends Shape | 'same',
  A extends Shape,
  D extends OptionsSpec,
> {
  /** Default name of its stages; `register` gives another. */
  name?: string;
  /**
   * Columns that it reads, with their types. Once this is given, other columns reach it only if something behind it uses
   * them; without it, all columns do.
   */
  input?: I;
  output: OutputSpec<I, O, D>;
  /** With `output: 'same'`: columns added or replaced. */
  adds?: A;
  options?: D;
  /** Rows of a result depend on the rows of their batch alone, so several lanes may share the work and crashes need no state. */
  stateless?: true;
  /** Waits for something outside (a service, a slow disk): runs in a pool of its own. */
  blocking?: true;
  /** The result depends on how rows are cut into batches; logical batches then arrive whole. */
  observes?: 'batches';
  create(options: OptionsOutput<D>, context: OpContext): OpInstance<BatchOf<I>>;
}

/** A registered op. Made by `defineOp`. */
export interface OpDefinition<I extends Shape | undefined = Shape | undefined, O = unknown, A = unknown, D = unknown> {
  readonly kind: 'op';
  readonly ref: OpRef;
  readonly input: I;
  /** `'same'`, the output shape, or a function that gives it. */
  readonly output: 'same' | Shape | ((input: Shape, options: never) => Shape | 'same');
  readonly adds: Shape | undefined;
  readonly stateless: boolean;
  /** Its instances have `snapshot` and `restore`: a scan's. Of others that is known when they are made. */
  readonly savesState?: true;
  readonly blocking: boolean;
  readonly observesBatches: boolean;
  /** @throws ERR_OP_OPTIONS */
  parseOptions(raw: unknown, name: string): unknown;
  create(options: unknown, context: OpContext): OpInstance;
  /** Types only. */
  readonly types?: { output: O; adds: A; options: D };
}

/** What `defineFold` takes. */
export interface FoldConfig<I extends Shape | undefined, O extends Shape, D extends OptionsSpec, State> {
  name?: string;
  input?: I;
  output: O;
  options?: D;
  init(options: OptionsOutput<D>): State;
  /** Takes one logical batch, whole (borrowed), and gives the new state. */
  update(state: State, batch: BatchOf<I>, options: OptionsOutput<D>): State | Promise<State>;
  /** The rows that a flush emits. */
  finish(state: State, options: OptionsOutput<D>): OpResult | Promise<OpResult>;
  /** `merge` of two states equals the state of both inputs in order, so that lanes may share the work. */
  associative?: true;
  merge?(left: State, right: State, options: OptionsOutput<D>): State;
  /** The state as plain data, for going on after a worker has died. Not needed where it is plain data anyway: no instances of classes, no functions. */
  snapshot?(state: State): unknown;
  restore?(saved: never): State;
}

/** A registered fold. Made by `defineFold`. */
export interface FoldDefinition<I extends Shape | undefined = Shape | undefined, O extends Shape = Shape, D = unknown> {
  readonly kind: 'fold';
  readonly ref: OpRef;
  readonly input: I;
  readonly output: O;
  readonly associative: boolean;
  parseOptions(raw: unknown, name: string): unknown;
  init(options: unknown): unknown;
  update(state: unknown, batch: RecordBatch, options: unknown): unknown;
  finish(state: unknown, options: unknown): OpResult | Promise<OpResult>;
  merge?(left: unknown, right: unknown, options: unknown): unknown;
  snapshot?(state: unknown): unknown;
  restore?(saved: unknown): unknown;
  readonly types?: { options: D };
}

/** What makes a source's rows in a lane, split by split, in any order of splits. */
export interface SourceInstance {
  /** The rows of one split, in order; splits follow each other in the stream by number. */
  read(split: number): OpResult | Promise<OpResult>;
  close?(): void | Promise<void>;
}

/** What `defineSource` takes. */
export interface SourceConfig<O extends Shape, D extends OptionsSpec> {
  name?: string;
  schema: O;
  /** Column on which the rows ascend over all splits. */
  orderedOn?: keyof O & string;
  options?: D;
  /** Number of splits. */
  splits(options: OptionsOutput<D>): number;
  create(options: OptionsOutput<D>): SourceInstance;
}

/** A registered source: give it to `p.source()` with its options. Made by `defineSource`. */
export interface SourceDefinition<O extends Shape = Shape, D = unknown> {
  readonly kind: 'source';
  readonly ref: OpRef;
  readonly schema: O;
  readonly orderedOn: string | undefined;
  parseOptions(raw: unknown, name: string): unknown;
  splits(options: unknown): number;
  create(options: unknown): SourceInstance;
  readonly types?: { options: D };
}

/**
 * Defines an op in a module of its own, which the main thread and the workers both import.
 *
 * @param url `import.meta.url` of that module.
 * @throws ERR_OPTIONS when the definition itself is wrong
 * @example
 * ```ts
 * export const clean = defineOp(import.meta.url, {
 *   input: { price: 'float64' }, output: 'same', options: { maxPrice: 'number' }, stateless: true,
 *   create: ({ maxPrice }) => ({ process: (batch) => keep(batch, (price) => price <= maxPrice) }),
 * });
 * ```
 */
export function defineOp<
  const I extends Shape | undefined = undefined,
  const O extends Shape | 'same' = 'same',
  const A extends Shape = Record<never, never>,
  const D extends OptionsSpec = Record<never, never>,
>(url: string, config: OpConfig<I, O, A, D>): OpDefinition<I, O, A, D> {
  checkDescriptors(config.options, config.name ?? 'op');
  if (config.adds !== undefined && config.output !== 'same') {
    throw new PipelineError('ERR_OPTIONS', `op "${config.name ?? 'op'}" has both an output of its own and adds`, {
      hint: "use adds with output: 'same'",
    });
  }
  return registerDefinition(url, config.name, (ref) => ({
    kind: 'op',
    ref,
    input: config.input as I,
    output: config.output as OpDefinition['output'],
    adds: config.adds,
    stateless: config.stateless === true,
    blocking: config.blocking === true,
    observesBatches: config.observes === 'batches',
    parseOptions: (raw, name) => parseOptions(config.options, raw, name),
    create: (options, context) => config.create(options as OptionsOutput<D>, context) as OpInstance,
  }));
}

/**
 * Defines a fold for `memoryAccumulate`: a state taken over batches, in their order, turned into rows at a flush. Its module is imported by the main
 * thread and the workers. What the state holds lies on the heap of its lane.
 *
 * @param url `import.meta.url` of that module.
 * @throws ERR_OPTIONS when the definition itself is wrong
 * @example
 * ```ts
 * export const countRows = defineFold(import.meta.url, {
 *   output: { n: 'int64' }, init: () => 0, update: (n, batch) => n + batch.numRows, finish: (n) => ({ n: [n] }),
 * });
 * ```
 */
export function defineFold<
  State,
  const O extends Shape,
  const I extends Shape | undefined = undefined,
  const D extends OptionsSpec = Record<never, never>,
>(url: string, config: FoldConfig<I, O, D, State>): FoldDefinition<I, O, D> {
  checkDescriptors(config.options, config.name ?? 'fold');
  return registerDefinition(url, config.name, (ref) => {
    const { init, update, finish, merge, snapshot, restore } = config as unknown as Pick<
      FoldDefinition,
      'init' | 'update' | 'finish' | 'merge' | 'snapshot' | 'restore'
    >;
    return {
      kind: 'fold',
      ref,
      input: config.input as I,
      output: config.output,
      associative: config.associative === true,
      parseOptions: (raw: unknown, name: string) => parseOptions(config.options, raw, name),
      init,
      update,
      finish,
      ...(merge && { merge }),
      ...(snapshot && { snapshot }),
      ...(restore && { restore }),
    };
  });
}

/**
 * Defines a source whose rows are made inside the lanes, split by split. Batches of a split, and splits by number, are the order of its rows.
 *
 * @param url `import.meta.url` of the module that it is defined in, which the main thread and the workers both import.
 * @throws ERR_OPTIONS when the definition itself is wrong
 * @example
 * ```ts
 * export const ticks = defineSource(import.meta.url, {
 *   schema: { ts: 'timestamp[us]', price: 'float64' }, orderedOn: 'ts', options: { splits: 'integer' },
 *   splits: (o) => o.splits, create: () => ({ read: (split) => makeTicks(split) }),
 * });
 * ```
 */
export function defineSource<const O extends Shape, const D extends OptionsSpec = Record<never, never>>(
  url: string,
  config: SourceConfig<O, D>,
): SourceDefinition<O, D> {
  checkDescriptors(config.options, config.name ?? 'source', ['name', 'ownStage']);
  return registerDefinition(url, config.name ?? 'source', (ref) => ({
    kind: 'source',
    ref,
    schema: config.schema,
    orderedOn: config.orderedOn,
    parseOptions: (raw, name) => parseOptions(config.options, raw, name),
    splits: (options) => config.splits(options as OptionsOutput<D>),
    create: (options) => config.create(options as OptionsOutput<D>),
  }));
}

/** Finds an op in this thread, importing its module when needed. @throws ERR_OP_IMPORT */
export function resolveOp(ref: OpRef): Promise<OpDefinition> {
  return resolveDefinition<OpDefinition>(ref, 'op');
}

/** As `resolveOp`, for a fold. @throws ERR_OP_IMPORT */
export function resolveFold(ref: OpRef): Promise<FoldDefinition> {
  return resolveDefinition<FoldDefinition>(ref, 'fold');
}

/** As `resolveOp`, for a source. @throws ERR_OP_IMPORT */
export function resolveSource(ref: OpRef): Promise<SourceDefinition> {
  return resolveDefinition<SourceDefinition>(ref, 'source');
}
