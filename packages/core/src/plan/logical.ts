/**
 * A pipeline as plain, cloneable data. The fluent API writes it, the planner reads it, the reference executor and the
 * stage workers run it. Nothing here holds a function, a handle or a thread.
 */
import type { ExpressionNode } from '../expressions/node.ts';
import type { AggregateSpec } from './specs/aggregation.ts';
import type { JoinSpec } from './specs/join.ts';
import type { OpRef } from './specs/op-ref.ts';
import type { SinkSpec } from './specs/sink.ts';
import type { SourceSpec } from './specs/source.ts';
import type { Triggers } from './specs/triggers.ts';
import type { StepSpec } from './steps/specs.ts';

export type * from './specs/aggregation.ts';
export type * from './specs/join.ts';
export type { OpRef } from './specs/op-ref.ts';
export type * from './specs/sink.ts';
export type * from './specs/source.ts';
export type * from './specs/triggers.ts';

/** Which output of which node an input reads. Most operators have the one output `out`. */
export interface InputRef {
  node: number;
  port: string;
}

/** One column that rows are sorted by. */
export interface SortKey {
  column: string;
  descending: boolean;
  nulls: 'first' | 'last';
}

export type OperatorSpec =
  | { kind: 'source'; source: SourceSpec }
  | { kind: 'filter'; predicate: ExpressionNode }
  /** Keeps exactly these columns, computed or plain. */
  | { kind: 'select'; columns: { name: string; expression: ExpressionNode }[] }
  /** Adds or replaces columns. */
  | { kind: 'withColumns'; columns: { name: string; expression: ExpressionNode }[] }
  /** A registered op. With triggers its outputs (and its `flush`) wait for a flush; without, every input passes on at once. */
  | {
      kind: 'op';
      op: OpRef;
      options: unknown;
      triggers: Triggers;
      accumulate: boolean;
      observesBatches: boolean;
      stateless: boolean;
      blocking: boolean;
    }
  /** Concatenates what it holds; one flush is one logical batch. */
  | { kind: 'memoryBuffer'; triggers: Triggers; accumulate: boolean }
  /** A registered fold. */
  | { kind: 'memoryAccumulate'; fold: OpRef; options: unknown; triggers: Triggers; resetOnFlush: boolean }
  | AggregateSpec
  | JoinSpec
  /** Everything, in order, at the end of input; beyond its share on disk. */
  | { kind: 'sort'; by: SortKey[]; memoryLimitBytes?: number }
  | StepSpec
  | { kind: 'sink'; sink: SinkSpec; triggers: Triggers };

export interface PlanNode {
  id: number;
  /** Unique, for people: `clean`, `aggStream`, `aggStream-2`. */
  name: string;
  spec: OperatorSpec;
  inputs: InputRef[];
  /** Start a stage of its own here even where fusion would be possible. */
  ownStage?: boolean;
}

/** What `run` takes: every node that the given sinks need, inputs before users. */
export interface LogicalPlan {
  nodes: PlanNode[];
  /** Hard total in bytes for the whole pipeline. */
  memoryLimitBytes: number;
  deterministic: boolean;
}
