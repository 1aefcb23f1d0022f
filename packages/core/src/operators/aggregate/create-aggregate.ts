/**
 * `aggStream` as operators of a lane: the partial half turns each batch into states, in as many lanes as there are; the final
 * half merges them in the order of the rows and emits bins that are closed; the whole does both in one lane, along the
 * same path, so that there is one result whatever the cut.
 *
 * Memory: the partial half holds scratch for one batch and its lane's keys, while they are few. The final half holds the states of the bins
 * that are open and of closed ones that were not emitted, and their keys; what is beyond its share goes to disk as sorted runs, and is
 * merged when its bins have closed.
 */
import type { Batch } from '../../batch/contract.ts';
import type { AggregateSpec, FlushReason } from '../../plan/logical.ts';
import type { HeldState, MaybePromise, Operator, OperatorContext, Output } from '../contract.ts';
import type { SnapshotReader, SnapshotWriter } from '../snapshot-contract.ts';
import { hasTriggers, type SavedTriggers, TriggerCounter } from '../triggers.ts';
import { FinalParts, PartialParts } from '../windows/create-windows.ts';
import type { Definitions, RowFeed } from '../windows/row-extras.ts';
import type { SavedCounts } from './lane-states.ts';
import { PIECE_ROWS } from './piece-rows.ts';

/**
 * The partial half: every batch pushed becomes batches of states, pushed to the only output. `namesKeys`: each can be read alone.
 * @throws ERR_INPUT_UNORDERED from `push`, naming row, file and both values; ERR_MEMORY_EXHAUSTED.
 */
export function createAggregatePartial(spec: AggregateSpec, context: OperatorContext, namesKeys = false): Operator {
  const states = new PartialParts(spec, context, [], namesKeys);
  const [output] = Object.values(context.outputs) as [Output];
  return {
    // Numbers of keys begin anew; the final half, which is restored, knows none.
    isStateless: true,
    push: (batch) => pushPackets(states, batch, (packet) => output.push(packet)),
    flush(): void {},
    end(): void {},
    close(): void {
      states.close();
    },
  };
}

/** Turns a batch into packets and hands on one after the other; the batch is given back after the last. */
function pushPackets(states: PartialParts, batch: Batch, push: (packet: Batch) => MaybePromise): MaybePromise {
  let pending: MaybePromise;
  try {
    pending = drain(states.pack(batch), push);
  } catch (error) {
    batch.release();
    throw error;
  }
  if (pending === undefined) return batch.release();
  return pending.finally(() => batch.release());
}

/** Pushes one after the other, waiting only where the receiver asks for it. */
function drain<T>(items: Generator<T, void>, push: (item: T) => MaybePromise): MaybePromise {
  for (;;) {
    const next = items.next();
    if (next.done === true) return undefined;
    let wait: MaybePromise;
    try {
      wait = push(next.value);
    } catch (error) {
      items.return();
      throw error;
    }
    if (wait !== undefined)
      return wait.then(
        () => drain(items, push),
        (error: unknown) => {
          items.return();
          throw error;
        },
      );
  }
}

/**
 * The final half: takes the batches of all partial halves in the order of their rows. `inputFields` of its context are those
 * of the rows that the partial halves took.
 * @throws ERR_INPUT_UNORDERED from `push`; ERR_INTEGER_OVERFLOW naming column and bin; ERR_MEMORY_EXHAUSTED.
 */
export function createAggregateFinal(spec: AggregateSpec, context: OperatorContext): Operator {
  return new AggregateFinal(spec, context);
}

/** Both halves in one lane. `definitions`: of the functions of users. */
export function createAggregateWhole(
  spec: AggregateSpec,
  context: OperatorContext,
  definitions?: Definitions,
): Operator {
  const feeds: RowFeed[] = [];
  const states = new PartialParts(spec, context, feeds);
  const final = new AggregateFinal(spec, context, feeds, definitions);
  return {
    push: (batch) => pushPackets(states, batch, (packet) => final.push(packet)),
    flush: (reason) => final.flush(reason),
    end: () => final.end(),
    held: () => final.held(),
    dueAt: () => final.dueAt(),
    ...snapshotOf(states, final),
    close(): void {
      states.close();
      final.close();
    },
  };
}

/** The partial half sends its keys anew, as it does in a lane of its own. */
function snapshotOf(
  states: PartialParts,
  { snapshot, restore }: AggregateFinal,
): Pick<Operator, 'snapshot' | 'restore'> {
  if (snapshot === undefined || restore === undefined) return {};
  return {
    snapshot: async (writer): Promise<SavedWhole> => ({
      counts: await states.save(writer),
      ...(await snapshot(writer)),
    }),
    // A job may go on in one lane that was begun in several: the final half's snapshot is one without counts.
    restore: (saved: SavedWhole, reader) => {
      states.restore(saved.counts ?? [], reader);
      restore(saved, reader);
    },
  };
}

interface SavedAggregate {
  counted: SavedTriggers;
  states: unknown[];
}

interface SavedWhole extends SavedAggregate {
  counts?: (SavedCounts | undefined)[];
}

class AggregateFinal implements Operator {
  /** Where states can go to disk. */
  readonly snapshot?: (writer: SnapshotWriter) => Promise<SavedAggregate>;
  readonly restore?: (saved: SavedAggregate, reader: SnapshotReader) => void;
  readonly #context: OperatorContext;
  readonly #states: FinalParts;
  readonly #counter: TriggerCounter;
  /** Closed rows are counted after every logical input: something, or somebody, can tell when they go. */
  readonly #isCounting: boolean;
  readonly #accumulate: boolean;

  constructor(spec: AggregateSpec, context: OperatorContext, feeds?: readonly RowFeed[], definitions?: Definitions) {
    this.#context = context;
    this.#counter = new TriggerCounter(spec.triggers, context.autoLimit);
    const { memoryLimitBytes, ...others } = spec.triggers;
    const isTriggered = hasTriggers(others) || typeof memoryLimitBytes === 'number' || context.autoLimit !== undefined;
    this.#isCounting = isTriggered || context.emissionsVisible || !spec.accumulate;
    this.#accumulate = spec.accumulate;
    this.#states = new FinalParts(spec, context, this.#isCounting, feeds, definitions);
    if (!this.#states.canSave) return;
    this.snapshot = async (writer) => ({ counted: this.#counter.save(), states: await this.#states.save(writer) });
    this.restore = (saved, reader) => {
      this.#counter.restore(saved.counted);
      this.#states.restore(saved.states, reader);
    };
  }

  push(batch: Batch): MaybePromise {
    const { inputs } = batch;
    const merged = this.#states.merge(batch);
    return merged === undefined ? this.#afterInput(inputs) : merged.then(() => this.#afterInput(inputs));
  }

  flush(reason: FlushReason): MaybePromise {
    // Where cuts can be seen, pressure must not move them.
    if (reason === 'pressure' && this.#context.emissionsVisible) return undefined;
    this.#states.roll();
    return this.#flushClosed(reason);
  }

  end(): MaybePromise {
    this.#states.finish();
    return this.#flushClosed('end');
  }

  held(): HeldState {
    const held = this.#counter.held();
    // Against triggers closed rows count; without them, what it holds in memory tells more.
    return this.#isCounting ? held : { ...held, rows: this.#states.heldRows(), bytes: this.#states.heldBytes() };
  }

  dueAt(): number | undefined {
    return this.#counter.dueAt();
  }

  close(): void {
    this.#states.close();
  }

  #afterInput(inputs: number): MaybePromise {
    this.#counter.take(inputs, this.#context.now);
    if (inputs === 0 || !this.#isCounting) return this.#emitMany();
    this.#states.roll();
    const settled = this.#states.settle();
    return settled === undefined ? this.#count() : settled.then(() => this.#count());
  }

  #count(): MaybePromise {
    const { rows, bytes } = this.#states.countClosed();
    this.#counter.hold(rows, bytes);
    const reason = this.#counter.due();
    if (reason !== undefined) return this.#flushClosed(reason);
    return this.#accumulate ? this.#emitMany() : this.#emit(1);
  }

  /** Closed rows leave when they are many, where nobody can tell. */
  #emitMany(): MaybePromise {
    const { isShort } = this.#states;
    // Bins that follow from rows are known to be closed only then.
    if (isShort) this.#states.roll();
    if (this.#context.emissionsVisible) return isShort ? this.#states.settle() : undefined;
    const least = isShort ? 1 : PIECE_ROWS;
    if (this.#states.mostClosedRows() < least) return undefined;
    this.#states.roll();
    return this.#emit(least);
  }

  #flushClosed(reason: FlushReason): MaybePromise {
    this.#context.onFlush(reason, this.#counter.reset());
    return this.#emit(1);
  }

  #emit(least: number): MaybePromise {
    const drained = (): MaybePromise => drain(this.#states.emit(least), ({ output, batch }) => output.push(batch));
    const ready = this.#states.prepare(least);
    return ready === undefined ? drained() : ready.then(drained);
  }
}
