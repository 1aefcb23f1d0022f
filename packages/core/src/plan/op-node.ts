/** The step of a registered op, with its own options apart from those of every stage. */
import { RESERVED_OPTIONS } from '../operators/op-options.ts';
import type { GraphInput, GraphNode } from './graph.ts';
import type { OperatorSpec } from './logical.ts';
import type { AnyOp } from './registry.ts';
import { booleanOf, makeNode, type StageOptions, triggersOf } from './stage-options.ts';

/** Options of a registered op: those of every stage, and its own. */
export type OpOptions = StageOptions & { [option: string]: unknown };

/** The node of a registered op. @throws ERR_OPTIONS, ERR_OP_OPTIONS */
export function opNode(op: AnyOp, name: string, input: GraphInput, options: OpOptions | undefined): GraphNode {
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
export function splitOptions(options: OpOptions | undefined): { own: unknown; stage: StageOptions } {
  if (typeof options !== 'object' || options === null) return { own: options, stage: {} };
  const own: Record<string, unknown> = {};
  const stage: Record<string, unknown> = {};
  for (const [option, value] of Object.entries(options))
    (RESERVED_OPTIONS.includes(option) ? stage : own)[option] = value;
  return { own, stage: stage as StageOptions };
}
