/** What the fluent API builds: nodes that point at their inputs. Turned into plain data by `buildLogicalPlan`. */
import type { OperatorSpec } from './logical.ts';

/** One step of a pipeline being described. */
export interface GraphNode {
  /** Name asked for, or the kind of the step; made unique in the plan. */
  baseName: string;
  /** The user chose the name: then it has to be unique already. */
  isNamed: boolean;
  spec: OperatorSpec;
  inputs: readonly GraphInput[];
  ownStage: boolean;
  /** Sinks that are run with whatever is behind this node. */
  taps?: readonly GraphNode[];
  /** Objects that the spec names by id, kept alive with the node. */
  endpoint?: object;
}

export interface GraphInput {
  node: GraphNode;
  port: string;
}

/** What all streams of one pipeline share. */
export interface PipelineSettings {
  memoryLimitBytes: number;
  deterministic: boolean;
}
