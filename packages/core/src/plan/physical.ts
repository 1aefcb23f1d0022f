/**
 * How a plan is cut into stages: operators that need no exchange between them are fused into one stage, run on one or
 * more lanes; stages are joined by edges. Plain data again: the coordinator assigns it, `explain` prints it.
 */
import type { Fields } from '../schema/types.ts';
import type { InputRef, OperatorSpec, SourceSpec } from './logical.ts';

/** One operator of a stage. An aggregate that several lanes share is cut into its two halves. */
export interface StageOperator {
  /** Id of the logical node (both halves of an aggregate carry the same). */
  node: number;
  name: string;
  spec: OperatorSpec;
  /** `whole` except for the halves of a mergeable aggregate. */
  half: 'whole' | 'partial' | 'final';
  /**
   * Where its input comes from: an operator of this stage (by index) or the stage's input. An operator with several inputs is
   * the first of its stage and has one for each port of the stage's input.
   */
  inputs: ({ from: 'stage-input'; port?: string } | { from: 'operator'; index: number; port: string })[];
  /** By input: columns of the rows that it works on (for both halves of an aggregate those of the rows, not of the states). */
  inputFields: Fields[];
  /** Fields by output port. */
  outputFields: Record<string, Fields>;
  /** Cuts of its emissions can be observed downstream (P2): flush only on its own triggers and at the end. */
  emissionsVisible: boolean;
  /** Nobody can tell in which order it gives rows with one value of the ordered column. */
  tiesUnseen?: true;
  /** Bytes of shared memory that an operator which can spill may hold. */
  shareBytes?: number;
  /** With `memoryLimit: 'auto'`: the most that it may hold before it flushes, to begin with. The governor moves it. */
  autoBytes?: number;
}

/** Where a stage's morsels come from. */
export type StageInput =
  /** Lanes make the batches themselves, split by split; no edge. */
  | {
      kind: 'splits';
      source: Extract<SourceSpec, { type: 'shared' | 'generated' | 'text' | 'arrow' | 'parquet' }>;
      node: number;
      fields: Fields;
    }
  /** Descriptors from an edge, in sequence. */
  | { kind: 'edge'; edge: number }
  /** Several edges, drained as the stage's first operator wants. One lane. */
  | { kind: 'edges'; inputs: StagePort[] };

/** One of several inputs of a stage. */
export interface StagePort {
  edge: number;
  /** What the operator calls it. */
  port: string;
  /**
   * Rows of this input have to be taken even while the operator waits for another, because that other one may depend on
   * it: both hang together somewhere else in the plan, behind a fan-out. Else they may wait in their ring.
   */
  isElastic: boolean;
}

export interface StageSpec {
  id: number;
  /** Operators joined with `+`, for people. */
  name: string;
  input: StageInput;
  /** In topological order. */
  operators: StageOperator[];
  /** The other side of a join that the lanes share (`joins-on-lanes.ts`): which operator it is, and by lane the edge that brings it all right rows. */
  side?: { operator: number; edges: number[] };
  /** Number of threads. More than one only when every operator is stateless, a partial half, or a join that lanes share. */
  lanes: number;
  /** Edges this stage feeds, each from one port of one operator (or from the stage input itself, for a bare fan-out). */
  outputs: { edge: number; from: { operator: number; port: string } | 'stage-input' }[];
  /** True when a lane runs on the pool for blocking ops instead of the stage pool. */
  blocking: boolean;
}

/** All lanes of a stage, or one of them. */
export interface StageConsumer {
  kind: 'stage';
  stage: number;
  lane?: number;
}

export interface EdgeSpec {
  id: number;
  fields: Fields;
  /** The node and port whose rows travel here. */
  source: InputRef;
  producer: { kind: 'stage'; stage: number } | { kind: 'reader'; node: number } | { kind: 'feeder'; node: number };
  /**
   * `main`: a sink that delivers on the main thread (collect, callback, iterate). `writer`: a sink that writes files
   * (parquet, store); it takes the edge on a codec thread. Sinks are consumers of edges, never operators of a stage.
   */
  consumer: StageConsumer | { kind: 'main'; node: number } | { kind: 'writer'; node: number };
  /** Slots of the ring. */
  capacity: number;
  /** Bytes in flight before producers wait; one packet may always pass. */
  creditBytes: number;
  /**
   * True on the planner's own edge between the halves of an aggregate: packets carry states, not rows. Its `fields` are
   * `partialFields(spec, inputFields)`: one column of 8-byte words, so that such a batch is opened like any other; its rows are not rows of data.
   */
  carriesStates: boolean;
}

export interface PhysicalPlan {
  stages: StageSpec[];
  edges: EdgeSpec[];
  workers: number;
  /** Joins that lanes could share run on one all the same: see `StageOptions`. */
  joinsOnOneLane: boolean;
  /** Lanes that could read row groups do not: see `StageOptions`. */
  codecsRead: boolean;
  memoryLimitBytes: number;
  /** Bytes without which the plan cannot run. */
  minimumBytes: number;
  /** Of shared memory: floors, smallest states, credits and shares. What is beyond may be lent to others. */
  promisedBytes: number;
  /** Why this node or that makes the answer depend on timing. Empty for a deterministic plan. */
  timingDependence: { node: string; reason: string }[];
}
