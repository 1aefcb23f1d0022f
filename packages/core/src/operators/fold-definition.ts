/** Registered folds: states taken over batches by code of users. */
import type { RecordBatch } from 'apache-arrow';
import type { OpRef } from '../plan/logical.ts';
import type { Shape } from '../schema/types.ts';
import type { BatchOf } from './arrow-types.ts';
import { registerDefinition, resolveDefinition } from './definition-registry.ts';
import type { OpResult } from './op-definition.ts';
import { checkDescriptors, type OptionsOutput, type OptionsSpec, parseOptions } from './op-options.ts';

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

/** As `resolveOp`, for a fold. @throws ERR_OP_IMPORT */
export function resolveFold(ref: OpRef): Promise<FoldDefinition> {
  return resolveDefinition<FoldDefinition>(ref, 'fold');
}
