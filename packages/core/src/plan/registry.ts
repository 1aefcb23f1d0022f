import type { FoldDefinition } from '../operators/fold-definition.ts';
import type { OpDefinition } from '../operators/op-definition.ts';

// biome-ignore lint/suspicious/noExplicitAny: definitions of every shape; unknown would not accept them
export type AnyOp = OpDefinition<any, any, any, any>;
// biome-ignore lint/suspicious/noExplicitAny: as above
export type AnyFold = FoldDefinition<any, any, any>;

/** Ops by the name of their chain method. */
export type Registry = { readonly [method: string]: AnyOp };
