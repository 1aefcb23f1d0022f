/** What the coordinator and a lane say to each other. Plain data: it crosses threads. */
import type { MessagePort } from 'node:worker_threads';
import type { Fields, PipelineErrorData } from '@spillway/core';
import type {
  FlushReason,
  HeldState,
  OrderedValue,
  PlainBatch,
  PoolPlace,
  Ptr,
  Recovery,
  SavedChain,
  SourceSpec,
  StageSpec,
} from '@spillway/core/internal';
import type { AlertEvent } from '../alerts/alert.ts';
import type { RingHandle } from '../channels/ring.ts';
import type { Outcome } from '../control/outcome.ts';
import type { LeftOutRow } from '../coordinator/bad-rows.ts';
import type { ArbiterPlace } from '../governor/arbiter.ts';
import type { PressurePlace } from '../governor/shared-pressure.ts';
import type { StatisticsPlace } from '../monitor/statistics.ts';
import type { RowGroupTask } from '../sources/row-groups.ts';
import type { PositionSegment } from './source-position.ts';

/** The task that a lane is: it lasts as long as the run. */
export interface LaneTask {
  config: LaneConfig;
  /** Commands (`LaneControl`) by comlink one way, `LaneMessage`s in order and answers the other. */
  port: MessagePort;
}

/** Where a lane's morsels come from. */
export type LaneInputConfig =
  | { kind: 'edge'; edge: number; ring: RingHandle }
  /** In the order of the operator's inputs. */
  | { kind: 'edges'; inputs: { edge: number; ring: RingHandle; isElastic: boolean }[] }
  /**
   * `gate` is the source's (see `SourceGate`); `batches` are the descriptors of a shared table; `chain` is that of a CSV source; `rowGroups` are
   * those of Parquet files, in order.
   */
  | {
      kind: 'splits';
      source: SplitSource;
      fields: Fields;
      gate: Ptr;
      batches: Ptr[];
      chain: Ptr;
      rowGroups: readonly RowGroupTask[];
    };

/** First and last value of a split, for checking one split against the next. */
export interface SplitBounds {
  split: number;
  /** Of several splits, one after the other, beginning with that one; default 1. */
  count?: number;
  first: OrderedValue | undefined;
  last: OrderedValue | undefined;
  /** Of its first row, where that is known. */
  at?: { file: string; row: number };
}

export type SplitSource = Extract<SourceSpec, { type: 'shared' | 'generated' | 'text' | 'arrow' | 'parquet' }>;

export interface LaneConfig {
  stage: StageSpec;
  /** Number of this lane in its stage, from 0. */
  lane: number;
  input: LaneInputConfig;
  /** Where the right rows of a join that the lanes share come from. */
  side?: { edge: number; ring: RingHandle };
  /** In the order of `stage.outputs`. */
  outputs: RingHandle[];
  /** Whom this stage's allocations are charged to. */
  owner: number;
  /** The run's memory pool, and this lane's consumer in it. */
  pool: { place: PoolPlace; consumer: number; reservedBytes: number };
  statistics: StatisticsPlace;
  /** Shared word: who listens, see `Attention`. */
  listening: Ptr;
  /** Shared flag: not 0 while a barrier waits for everything on its way to be taken in. */
  aligning: Ptr;
  /** Where the stage's morsels come from in their source; empty when they are not the source's own. */
  positions: PositionSegment[];
  pressure: PressurePlace;
  /** Who gives memory back, and the number of this lane there. */
  arbiter: { place: ArbiterPlace; lane: number };
  /** False in benchmarks only. */
  isGoverned: boolean;
  /** What the lane's heap and array buffers may grow by; 0 where no code of users runs. */
  heapBytes: number;
  /** Which attempt of the run this is, from 0: files of several may lie side by side. */
  attempt: number;
  /** By input: packets of a source that killed their worker, which are handed back instead of being worked on. */
  drops: number[][];
  /** Shared counter: bytes on disk of all lanes. */
  spilled: Ptr;
  /** Where its operators may spill. */
  spill?: FilePlace;
  /** What the lane's operators go on from. */
  restore?: SavedChain;
}

/** Where files may be written. */
export interface FilePlace {
  folder: string;
  /** Bytes on disk that all lanes may have together. */
  limitBytes: number;
}

/** Commands to a lane. Its task begins without any: what holds it back until the run starts are the gates of the sources. */
export interface LaneControl {
  /** Saves the operators between two morsels; nothing moves in the lane afterwards until `resume`. */
  save(place: FilePlace): Promise<Outcome<SavedChain>>;
  resume(): void;
  /** Flushes one buffer by its node's name, or all, between two morsels. */
  flush(name: string | undefined): void;
  /** Gives memory back, if this lane was chosen to: it may be waiting for input. */
  relieve(): void;
  /** The answer to `unmanaged`: what is on its way may be worked on. */
  goOn(): void;
  /** Aborts the signal that user code was given. The rings are failed by the coordinator. */
  stop(): void;
}

export type LaneMessage =
  /** The first, unless nothing could be made: its operators are there, and come through a crash in these ways. */
  | { type: 'configured'; recovery: Recovery[] }
  | { type: 'flush'; node: string; reason: FlushReason; held: HeldState }
  /** Spilling waits for the disk, or code of users has ended without releasing what it kept. */
  | { type: 'alert'; alert: AlertEvent }
  /** What a split of an ordered source began and ended with. */
  | ({ type: 'split' } & SplitBounds)
  /** Code of users holds more than its part, also after collecting, and the promise is broken. The lane waits for `goOn` or `stop`. */
  | { type: 'unmanaged'; error: PipelineErrorData }
  /** No further row can change what this step gives. */
  | { type: 'enough'; node: string }
  /** What was in a packet that is dropped. */
  | { type: 'dropped'; input: number; sequence: number; batches: PlainBatch[] }
  /** Rows of a chunk that were left out. */
  | { type: 'bad-rows'; chunk: number; rows: LeftOutRow[] }
  /** The last: everything is published, everything held is released. */
  | { type: 'ended'; error?: PipelineErrorData };
