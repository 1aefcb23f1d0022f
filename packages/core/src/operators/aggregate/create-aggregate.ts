/**
 * `aggStream` as operators of a lane: the partial half turns each batch into states, in as many lanes as there are; the final
 * half merges them in the order of the rows and emits bins that are closed; the whole does both in one lane, along the
 * same path, so that there is one result whatever the cut.
 *
 * Memory: the partial half holds scratch for one batch and its lane's keys. The final half holds the states of the bins
 * that are open and of closed ones that were not emitted, and all keys seen.
 */
import type { Batch } from '../../batch/contract.ts';
import type { FlushReason } from '../../plan/logical.ts';
import type { HeldState, MaybePromise, Operator, OperatorContext, Output } from '../contract.ts';
import { hasTriggers, TriggerCounter } from '../triggers.ts';
import { FinalStates } from './final-states.ts';
import { LaneStates } from './lane-states.ts';
import type { AggregateSpec } from './output-fields.ts';
import { PIECE_ROWS } from './piece-rows.ts';
import { planStates } from './state-plan.ts';

/**
 * The partial half: every batch pushed becomes one batch of states, pushed to the only output.
 * @throws ERR_INPUT_UNORDERED from `push`, naming row, file and both values; ERR_MEMORY_EXHAUSTED.
 */
export function createAggregatePartial(spec: AggregateSpec, context: OperatorContext): Operator {
  const states = new LaneStates(spec, planStates(spec, context.inputFields), context);
  const [output] = Object.values(context.outputs) as [Output];
  return {
    push(batch: Batch): MaybePromise {
      return output.push(packAndRelease(states, batch));
    },
    flush(): void {},
    end(): void {},
    close(): void {
      states.close();
    },
  };
}

function packAndRelease(states: LaneStates, batch: Batch): Batch {
  try {
    return states.pack(batch, batch.inputs);
  } finally {
    batch.release();
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

/** Both halves in one lane. */
export function createAggregateWhole(spec: AggregateSpec, context: OperatorContext): Operator {
  const states = new LaneStates(spec, planStates(spec, context.inputFields), context);
  const final = new AggregateFinal(spec, context);
  return {
    push: (batch) => final.push(packAndRelease(states, batch)),
    flush: (reason) => final.flush(reason),
    end: () => final.end(),
    held: () => final.held(),
    dueAt: () => final.dueAt(),
    close(): void {
      states.close();
      final.close();
    },
  };
}

class AggregateFinal implements Operator {
  readonly #context: OperatorContext;
  readonly #states: FinalStates;
  readonly #counter: TriggerCounter;
  /** Closed rows are counted after every logical input: something, or somebody, can tell when they go. */
  readonly #isCounting: boolean;
  readonly #accumulate: boolean;

  constructor(spec: AggregateSpec, context: OperatorContext) {
    this.#context = context;
    this.#states = new FinalStates(planStates(spec, context.inputFields), context.inputFields, context);
    this.#counter = new TriggerCounter(spec.triggers);
    const { memoryLimitBytes, ...others } = spec.triggers;
    const isTriggered = hasTriggers(others) || typeof memoryLimitBytes === 'number';
    this.#isCounting = isTriggered || context.emissionsVisible || !spec.accumulate;
    this.#accumulate = spec.accumulate;
  }

  push(batch: Batch): MaybePromise {
    const { inputs } = batch;
    try {
      this.#states.merge(batch);
    } finally {
      batch.release();
    }
    return this.#afterInput(inputs);
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
    const { emissionsVisible, now } = this.#context;
    this.#counter.take(inputs, now);
    if (inputs > 0 && this.#isCounting) {
      this.#states.roll();
      const { rows, bytes } = this.#states.countClosed();
      this.#counter.hold(rows, bytes);
      const reason = this.#counter.due();
      if (reason !== undefined) return this.#flushClosed(reason);
      if (!this.#accumulate) return this.#drain(this.#states.emit(1));
    }
    if (emissionsVisible || this.#states.mostClosedRows() < PIECE_ROWS) return undefined;
    this.#states.roll();
    return this.#drain(this.#states.emit(PIECE_ROWS));
  }

  #flushClosed(reason: FlushReason): MaybePromise {
    this.#context.onFlush(reason, this.#counter.reset());
    return this.#drain(this.#states.emit(1));
  }

  /** Pushes batch after batch, waiting only where the receiver asks for it. */
  #drain(batches: Generator<{ output: Output; batch: Batch }>): MaybePromise {
    for (;;) {
      const next = batches.next();
      if (next.done === true) return undefined;
      const wait = next.value.output.push(next.value.batch);
      if (wait !== undefined) return wait.then(() => this.#drain(batches));
    }
  }
}
