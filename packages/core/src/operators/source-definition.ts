/** Registered sources: rows that code of users makes inside the lanes. */
import type { OpRef } from '../plan/logical.ts';
import type { Shape } from '../schema/types.ts';
import { registerDefinition, resolveDefinition } from './definition-registry.ts';
import type { OpResult } from './op-definition.ts';
import { checkDescriptors, type OptionsOutput, type OptionsSpec, parseOptions } from './op-options.ts';

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

/** As `resolveOp`, for a source. @throws ERR_OP_IMPORT */
export function resolveSource(ref: OpRef): Promise<SourceDefinition> {
  return resolveDefinition<SourceDefinition>(ref, 'source');
}
