import { batchToArrow } from '../batch/batch-to-arrow.ts';
import type { Batch } from '../batch/contract.ts';
import { PipelineError } from '../errors.ts';
import type { FlushReason, Triggers } from '../plan/logical.ts';
import type { ArrowModule } from '../schema/load-arrow.ts';
import type { HeldState, MaybePromise, Operator, OperatorContext, Output } from './contract.ts';
import type { FoldDefinition } from './fold-definition.ts';
import { HeldBatches } from './held-batches.ts';
import type { OpResult } from './op-definition.ts';
import { type ResultTarget, takeResult } from './op-result.ts';
import { pushAll } from './outputs.ts';
import { whatIsNotPlain } from './plain-state.ts';
import type { SavedList, SnapshotReader, SnapshotWriter } from './snapshot-contract.ts';
import { type SavedTriggers, TriggerCounter } from './triggers.ts';
import { callUser, settle, whenRoom, withFinally } from './user-code.ts';

interface SavedFold {
  /** Of one element. */
  state: SavedList;
  counted: SavedTriggers;
  pieces: SavedList;
}

/**
 * Folds batches into a state of user code. A flush emits what `finish` makes of the state, as one logical input, empty
 * if need be; then the state starts again, or with `resetOnFlush: false` goes on. Only own triggers and the end flush it,
 * never pressure, since its emissions are rows of their own; nothing is emitted when nothing came since the last flush.
 * Inputs without rows are counted but not folded. Rows and bytes held are those folded since the last flush.
 */
export class MemoryAccumulate implements Operator {
  /** Of a fold that says how its state is saved, or whose state is plain data; any other begins again at its start. */
  readonly snapshot?: (writer: SnapshotWriter) => Promise<SavedFold>;
  readonly restore?: (saved: SavedFold, reader: SnapshotReader) => Promise<void>;
  readonly #context: OperatorContext;
  readonly #definition: FoldDefinition;
  readonly #options: unknown;
  readonly #resetOnFlush: boolean;
  readonly #arrow: ArrowModule;
  readonly #target: ResultTarget;
  readonly #output: Output;
  readonly #counter: TriggerCounter;
  /** Pieces of the logical input that is still missing its rest. */
  readonly #pieces: HeldBatches;
  /** The state is saved as it is. */
  readonly #isPlain: boolean;
  #state: unknown;

  constructor(
    definition: FoldDefinition,
    spec: { options: unknown; triggers: Triggers; resetOnFlush: boolean },
    context: OperatorContext,
    arrow: ArrowModule,
  ) {
    const { arena, owner, name } = context;
    this.#context = context;
    this.#definition = definition;
    this.#options = spec.options;
    this.#resetOnFlush = spec.resetOnFlush;
    this.#arrow = arrow;
    this.#target = {
      arrow,
      arena,
      owner,
      name,
      fields: context.outputFields['out'] ?? context.inputFields,
      keepsInput: false,
    };
    this.#output = context.outputs['out'] as Output;
    this.#counter = new TriggerCounter(spec.triggers, context.autoLimit);
    this.#pieces = new HeldBatches(arena, owner, context.inputFields);
    this.#state = this.#init();
    this.#isPlain = definition.snapshot === undefined || definition.restore === undefined;
    if (this.#isPlain && whatIsNotPlain(this.#state) !== undefined) return;
    this.snapshot = (writer) => this.#save(writer);
    this.restore = (saved, reader) => this.#restore(saved, reader);
  }

  async #save(writer: SnapshotWriter): Promise<SavedFold> {
    const state = this.#isPlain
      ? this.#plainState()
      : await callUser(this.#context, ' in snapshot', undefined, () => this.#definition.snapshot?.(this.#state));
    const pieces = await this.#pieces.save(writer);
    return { state: await writer.list([state]), counted: this.#counter.save(), pieces };
  }

  async #restore({ state, counted, pieces }: SavedFold, reader: SnapshotReader): Promise<void> {
    this.#counter.restore(counted);
    this.#pieces.restore(pieces, reader);
    const [saved] = reader.list(state);
    this.#state = this.#isPlain
      ? saved
      : await callUser(this.#context, ' in restore', undefined, () => this.#definition.restore?.(saved));
  }

  /** @throws ERR_OP_FAILED where it has become something that cannot be written down */
  #plainState(): unknown {
    const problem = whatIsNotPlain(this.#state);
    if (problem === undefined) return this.#state;
    const { name } = this.#context;
    throw new PipelineError('ERR_OP_FAILED', `fold "${name}" cannot be saved: ${problem}`, {
      stage: name,
      hint: 'give it snapshot and restore, or keep its state as plain data, so that runs go on from barriers with it',
    });
  }

  #init(): unknown {
    return callUser(this.#context, ' in init', undefined, () => this.#definition.init(this.#options));
  }

  push(batch: Batch): MaybePromise {
    const { inputs } = batch;
    if (inputs > 0 && this.#pieces.rows === 0) return this.#take(batch);
    this.#pieces.add(batch);
    return inputs > 0 ? this.#take(this.#pieces.takeWhole(inputs)) : undefined;
  }

  /** One logical input, whole: how it came in pieces follows from memory, and a fold may count its batches. */
  #take(batch: Batch): MaybePromise {
    this.#counter.hold(batch.rows, batch.logicalBytes);
    this.#counter.take(batch.inputs, this.#context.now);
    const flushIfDue = (): MaybePromise => {
      const reason = this.#counter.due();
      return reason === undefined ? undefined : this.#flush(reason);
    };
    if (batch.rows === 0) {
      batch.release();
      return flushIfDue();
    }
    const updated = whenRoom(this.#context, batch, () => this.#update(batch));
    return settle<void, void>(updated, flushIfDue);
  }

  #update(batch: Batch): MaybePromise {
    const use = (): MaybePromise => {
      const view = batchToArrow(this.#arrow, batch);
      const state = callUser(this.#context, '', batch.rows, () =>
        this.#definition.update(this.#state, view, this.#options),
      );
      return settle<unknown, void>(state, (next) => {
        this.#state = next;
      });
    };
    return withFinally(use, () => batch.release());
  }

  flush(reason: FlushReason): MaybePromise {
    return reason === 'pressure' || this.#counter.isEmpty ? undefined : this.#flush(reason);
  }

  #flush(reason: FlushReason): MaybePromise {
    const rows = callUser(this.#context, ' in finish', undefined, () =>
      this.#definition.finish(this.#state, this.#options),
    );
    return settle<OpResult, void>(rows, (result) => {
      const { arena, owner } = this.#context;
      const held = new HeldBatches(arena, owner, this.#target.fields);
      for (const batch of takeResult(this.#target, result, undefined)) held.add(batch);
      if (this.#resetOnFlush) this.#state = this.#init();
      this.#context.onFlush(reason, this.#counter.reset());
      return pushAll(this.#output, held.takePieces(1));
    });
  }

  end(): MaybePromise {
    return this.flush('end');
  }

  held(): HeldState {
    return this.#counter.held();
  }

  dueAt(): number | undefined {
    return this.#counter.dueAt();
  }

  close(): void {
    this.#pieces.releaseAll();
    this.#state = undefined;
  }
}
