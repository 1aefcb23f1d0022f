/** Registered ops: code of users that runs inside the lanes. */
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

/** Finds an op in this thread, importing its module when needed. @throws ERR_OP_IMPORT */
export function resolveOp(ref: OpRef): Promise<OpDefinition> {
  return resolveDefinition<OpDefinition>(ref, 'op');
}
