/**
 * A stage's operators, fused into one object that a lane drives. Made by `buildChain(stage, services)`, which imports what
 * the stage's ops need, makes each operator and connects them; rejects with ERR_OP_IMPORT and the like before anything runs.
 * The same chain serves lanes and the reference executor.
 */
import type { Batch } from '../batch/contract.ts';
import type { Kernels } from '../kernels/vector-contract.ts';
import type { Arena } from '../memory/contract.ts';
import type { FlushReason } from '../plan/logical.ts';
import type { Spill } from '../spill/contract.ts';
import type { LimitPlace } from './auto-limit.ts';
import type { HeldState, KeptAccount, MaybePromise, Operator, Output, SideRows } from './contract.ts';

export interface StageChain {
  /** In the order of `stage.operators`. */
  readonly operators: readonly Operator[];
  /** Takes one batch (owned) of the stage's input, or of one of several, into all operators and outputs that read it. */
  push(batch: Batch, input?: number): MaybePromise;
  /** No more comes of one of several inputs. */
  endInput(input: number): MaybePromise;
  /** Which of several inputs the stage needs next; not to be asked when all have ended. */
  wants(): number;
  /** Calls `endMorsel` of the operators that have it, inputs before users. */
  endMorsel(): MaybePromise;
  /** No input follows: `end` of every operator, inputs before users. */
  end(): MaybePromise;
  /** Closes all operators, also after a failure. */
  close(): MaybePromise;
}

export interface ChainServices {
  arena: Arena;
  kernels: Kernels;
  owner: number;
  lane: number;
  /** Where results go, in the order of `stage.outputs`. Several may read one port: each gets a handle of its own. */
  outputs: readonly Output[];
  /** Milliseconds; the clock of interval triggers. */
  now(): number;
  signal: AbortSignal;
  /** Where operators may put what does not fit into their share. */
  spill?: Spill;
  /** Of the join that the lanes of the stage share. */
  side?: SideRows;
  /** Where the limits of operators that leave them to the governor are told and reported. */
  limitPlace?(operator: number): LimitPlace;
  /** Where bytes are counted that code of users keeps. */
  keptAccount?(operator: number): KeptAccount;
  /** To be awaited before each call of code of users with a batch. */
  beforeUserCall?(): MaybePromise;
  /** Code of users has ended without releasing what it kept. */
  onKeptLeft?(operator: number, batches: number, bytes: number): void;
  onLate?(operator: number, rows: number): void;
  /** No further row can change what the operator gives. */
  onEnough?(operator: number): void;
  onFlush(operator: number, reason: FlushReason, held: HeldState): void;
  position(): { file?: string; row?: number };
}
