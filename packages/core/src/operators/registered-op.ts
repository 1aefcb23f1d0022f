/** The adapter between a registered op and the chain: views in, checked results out, triggers in between. */
import type { Batch } from '../batch/contract.ts';
import { lendBatch } from '../batch/lent-batch.ts';
import { emptyBatch, withInputs } from '../batch/make-batch.ts';
import type { FlushReason, Triggers } from '../plan/logical.ts';
import type { ArrowModule } from '../schema/load-arrow.ts';
import type { Fields } from '../schema/types.ts';
import type { HeldState, MaybePromise, Operator, OperatorContext, Output } from './contract.ts';
import { HeldBatches } from './held-batches.ts';
import { KeptBatches } from './kept-batches.ts';
import type { OpDefinition, OpInstance, OpResult } from './op-definition.ts';
import { type GivenBatch, type ResultTarget, takeResult } from './op-result.ts';
import { andThen, pushAll } from './outputs.ts';
import type { SavedList, SnapshotReader, SnapshotWriter } from './snapshot-contract.ts';
import { hasTriggers, type SavedTriggers, TriggerCounter } from './triggers.ts';
import { callUser, settle, whenRoom, withFinally } from './user-code.ts';

export interface RegisteredOpSpec {
  options: unknown;
  triggers: Triggers;
  accumulate: boolean;
  observesBatches: boolean;
}

interface SavedOp {
  /** What the op's own `snapshot` gave: of one element. */
  own: SavedList | undefined;
  counted: SavedTriggers;
  held: SavedList;
  pieces: SavedList | undefined;
}

/** Whether plain columns that are left out are taken from the input: for `output: 'same'`. */
function keepsInput(definition: OpDefinition, input: Fields, options: unknown): boolean {
  if (typeof definition.output !== 'function') return definition.output === 'same';
  const shape = Object.fromEntries(input.map((field) => [field.name, field.type]));
  return definition.output(shape, options as never) === 'same';
}

/**
 * Runs a registered op. `process` gets every batch at once, as a view that is borrowed until its promise settles; batches
 * without rows are left out, except where the op observes batches: then it gets logical batches whole, empty ones too.
 *
 * With triggers, results wait; a flush sends all of them, and behind them what the op's own `flush` gives, as one
 * logical input, empty if need be. Without triggers, or with `accumulate: false`, the results of an input end that input,
 * and what the op's `flush` gives (when a trigger fires, and at the end) is an input of its own unless it is nothing.
 */
export class RegisteredOp implements Operator {
  readonly isLostInCrash: boolean;
  /** Only of an op with triggers: others never hold anything. */
  readonly held?: () => HeldState;
  readonly dueAt?: () => number | undefined;
  readonly #context: OperatorContext;
  readonly #instance: OpInstance;
  readonly #arrow: ArrowModule;
  readonly #target: ResultTarget;
  readonly #output: Output;
  readonly #counter: TriggerCounter;
  readonly #held: HeldBatches;
  readonly #kept: KeptBatches;
  readonly #hasTriggers: boolean;
  readonly #waits: boolean;
  /** Pieces of the logical batch that an observing op is still missing the rest of. */
  readonly #pieces: HeldBatches | undefined;

  constructor(definition: OpDefinition, spec: RegisteredOpSpec, context: OperatorContext, arrow: ArrowModule) {
    const fields = context.outputFields['out'] ?? context.inputFields;
    const { arena, owner, name, inputFields } = context;
    this.#context = context;
    this.#arrow = arrow;
    this.#target = { arrow, arena, owner, name, fields, keepsInput: keepsInput(definition, inputFields, spec.options) };
    this.#output = context.outputs['out'] as Output;
    this.#counter = new TriggerCounter(spec.triggers, context.autoLimit);
    this.#held = new HeldBatches(arena, owner, fields);
    this.#kept = new KeptBatches(arrow, context);
    this.#hasTriggers = hasTriggers(spec.triggers);
    this.#waits = spec.accumulate && this.#hasTriggers;
    if (this.#hasTriggers) this.held = () => this.#state();
    if (spec.triggers.intervalMs !== undefined) this.dueAt = () => this.#counter.dueAt();
    this.#pieces = spec.observesBatches ? new HeldBatches(arena, owner, inputFields) : undefined;
    const opContext = { name, input: inputFields, output: fields, signal: context.signal };
    this.#instance = callUser(context, ' in create', undefined, () =>
      definition.create(spec.options, opContext),
    ) as OpInstance;
    const { snapshot, restore } = this.#instance;
    this.isLostInCrash = !definition.stateless && (snapshot === undefined || restore === undefined);
  }

  push(batch: Batch): MaybePromise {
    const { inputs, rows } = batch;
    if (this.#pieces !== undefined) {
      this.#pieces.add(batch);
      return inputs === 0 ? undefined : this.#process(this.#pieces.takeWhole(inputs));
    }
    if (rows > 0) return this.#process(batch);
    batch.release();
    return this.#taken([], inputs);
  }

  #process(batch: Batch): MaybePromise {
    return whenRoom(this.#context, batch, () => this.#processNow(batch));
  }

  /** Runs `process` on a batch it takes over, which is released as soon as its result has been taken in. */
  #processNow(batch: Batch): MaybePromise {
    const { inputs } = batch;
    const loan = lendBatch(this.#arrow, batch, this.#kept);
    const use = (): Batch[] | Promise<Batch[]> => {
      const given: GivenBatch = { batch, view: loan.view };
      const result = callUser(this.#context, '', batch.rows, () => this.#instance.process(loan.view));
      return settle<OpResult, Batch[]>(result, (value) => takeResult(this.#target, value, given));
    };
    const results = withFinally(use, () => {
      loan.end();
      batch.release();
    });
    return settle<Batch[], void>(results, (taken) => this.#taken(taken, inputs));
  }

  /** Holds or passes on the results of a batch that ended so many inputs. */
  #taken(results: Batch[], inputs: number): MaybePromise {
    for (const result of results) this.#counter.hold(result.rows, result.logicalBytes);
    this.#counter.take(inputs, this.#context.now);
    const reason = inputs > 0 ? this.#counter.due() : undefined;
    if (this.#waits) {
      for (const result of results) this.#held.add(result);
      return reason === undefined ? undefined : this.#flush(reason);
    }
    const passed = pushAll(this.#output, this.#ending(results, inputs));
    return reason === undefined ? passed : andThen(passed, () => this.#flush(reason));
  }

  /** The results, of which the last ends the inputs; an empty batch does where there are none. */
  *#ending(results: Batch[], inputs: number): Generator<Batch, void> {
    const { arena, owner } = this.#context;
    try {
      if (results.length === 0 && inputs > 0) yield emptyBatch(arena, owner, this.#target.fields, inputs);
      for (let result = results.shift(); result !== undefined; result = results.shift()) {
        yield withInputs(arena, owner, result, results.length === 0 ? inputs : 0);
      }
    } finally {
      for (const result of results) result.release();
    }
  }

  flush(reason: FlushReason): MaybePromise {
    if (reason !== 'pressure') return this.#flush(reason);
    // What waits may go on early, ending no input, as long as nobody sees the cut. The op's own state is not touched.
    if (this.#context.emissionsVisible || this.#held.rows === 0) return undefined;
    this.#context.onFlush(reason, this.#state());
    return pushAll(this.#output, this.#held.takePieces(0));
  }

  #flush(reason: FlushReason): MaybePromise {
    const isEmpty = this.#counter.isEmpty;
    const { flush } = this.#instance;
    const own =
      flush === undefined ? null : callUser(this.#context, ' in flush', undefined, () => flush.call(this.#instance));
    return settle<OpResult, void>(own, (value) => {
      const results = takeResult(this.#target, value, undefined);
      if (results.length === 0 && (isEmpty || !this.#hasTriggers)) return undefined;
      this.#context.onFlush(reason, this.#counter.reset());
      for (const result of results) this.#held.add(result);
      return this.#waits || results.length > 0 ? pushAll(this.#output, this.#held.takePieces(1)) : undefined;
    });
  }

  end(): MaybePromise {
    return this.#flush('end');
  }

  #state(): HeldState {
    return { inputs: this.#counter.held().inputs, rows: this.#held.rows, bytes: this.#held.bytes };
  }

  async snapshot(writer: SnapshotWriter): Promise<SavedOp> {
    const { snapshot } = this.#instance;
    const own =
      snapshot === undefined
        ? undefined
        : await callUser<unknown>(this.#context, ' in snapshot', undefined, () => snapshot.call(this.#instance));
    return {
      own: snapshot && (await writer.list([own])),
      counted: this.#counter.save(),
      held: await this.#held.save(writer),
      pieces: await this.#pieces?.save(writer),
    };
  }

  async restore(saved: SavedOp, reader: SnapshotReader): Promise<void> {
    this.#counter.restore(saved.counted);
    this.#held.restore(saved.held, reader);
    if (saved.pieces !== undefined) this.#pieces?.restore(saved.pieces, reader);
    const { restore } = this.#instance;
    const { own } = saved;
    if (restore === undefined || own === undefined) return;
    await callUser<unknown>(this.#context, ' in restore', undefined, () =>
      restore.call(this.#instance, reader.list(own)[0] as never),
    );
  }

  close(): void {
    this.#held.releaseAll();
    this.#pieces?.releaseAll();
    closeInstance(this.#context.name, this.#instance, () => this.#kept.close());
  }
}

/** An op that cannot close has done its work already: a warning, not a failure of the run. `closed`: what it kept is taken back now. */
function closeInstance(name: string, instance: OpInstance, closed: () => void): void {
  const warn = (error: unknown): void =>
    process.emitWarning(`op "${name}" failed to close: ${String(error)}`, 'SpillwayWarning');
  try {
    const closing = instance.close?.();
    if (closing instanceof Promise) closing.catch(warn);
  } catch (error) {
    warn(error);
  } finally {
    closed();
  }
}
