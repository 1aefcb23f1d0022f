/** Functions that keep JavaScript values: a value with what it was chosen by, exact weighted sums, states of the user's own functions. */
import type { Batch, Column } from '../../batch/contract.ts';
import { columnReader, type ValueReader } from '../../batch/read-values.ts';
import { PipelineError } from '../../errors.ts';
import {
  addScaled,
  decomposeDouble,
  type ExactSum,
  emptySum,
  roundQuotient,
  sumToDouble,
} from '../../kernels/exact-sum.ts';
import type { Arena } from '../../memory/contract.ts';
import type { AggregateColumn, CustomAggregate } from '../../plan/logical.ts';
import type { AggregateDefinition } from '../aggregate-definition.ts';
import { whatIsNotPlain } from '../plain-state.ts';
import type { SavedList, SnapshotReader, SnapshotWriter } from '../snapshot-contract.ts';
import { type SlotFunction, StateArray } from './slot-function.ts';

/** A state of two values, and of two exact sums, about. */
const ROW_BYTES = 96;
const SUMS_BYTES = 256;
/** The state of a user's function that does not say. */
const STATE_BYTES = 64;

function onHeap(bytes: number): { bytes: number; heap: number } {
  return { bytes, heap: bytes };
}

/** `argMin`, `argMax`: the value of the first row that has the extreme. */
export class ExtremeRow implements SlotFunction {
  readonly canSave = true;
  readonly #rows = new StateArray<{ value: unknown; by: unknown }>();
  readonly #sign: number;
  readonly #inputs: [value: number, by: number];
  readonly #arena: Arena;

  constructor({ fn }: AggregateColumn, inputs: [value: number, by: number], arena: Arena) {
    this.#sign = fn === 'argMin' ? -1 : 1;
    this.#inputs = inputs;
    this.#arena = arena;
  }

  grow(slots: number): void {
    this.#rows.grow(slots);
  }

  begin(batch: Batch): (row: number, slot: number) => void {
    const [value, by] = readers(batch, this.#inputs, this.#arena) as [ValueReader, ValueReader];
    const { states } = this.#rows;
    return (row, slot) => {
      const given = by(row);
      if (given === null) return;
      const held = states[slot];
      if (held !== undefined && !this.#isBetter(given, held.by)) return;
      const own = value(row);
      if (own !== null) states[slot] = { value: own, by: given };
    };
  }

  copy(from: number, to: number): void {
    this.#rows.states[to] = this.#rows.states[from];
  }

  move(map: Int32Array, slots: number): void {
    this.#rows.move(map, slots);
  }

  finish(slot: number): unknown {
    return this.#rows.states[slot]?.value ?? null;
  }

  held(): { bytes: number; heap: number } {
    return onHeap(this.#rows.states.length * ROW_BYTES);
  }

  save(writer: SnapshotWriter): Promise<SavedList> {
    return this.#rows.save(writer);
  }

  restore(saved: SavedList, reader: SnapshotReader): void {
    this.#rows.restore(saved, reader);
  }

  /** A number is better than NaN. */
  #isBetter(given: unknown, held: unknown): boolean {
    if (Number.isNaN(given)) return false;
    return Number.isNaN(held) || compare(given, held) * this.#sign > 0;
  }
}

/** −0 before 0, texts by their UTF-8 bytes. */
function compare(left: unknown, right: unknown): number {
  if (typeof left === 'string') return Buffer.compare(Buffer.from(left), Buffer.from(right as string));
  if (left === 0 && right === 0) return Number(Object.is(right, -0)) - Number(Object.is(left, -0));
  return (left as number) < (right as number) ? -1 : (left as number) > (right as number) ? 1 : 0;
}

function readers(batch: Batch, inputs: readonly number[], arena: Arena): ValueReader[] {
  return inputs.map((input) => columnReader(arena, batch.columns[input] as Column));
}

interface WeightedSums {
  products: ExactSum;
  weights: ExactSum;
  /** Sums of what is not finite: products, weights. */
  odd: [products: number, weights: number] | undefined;
}

/** `wmean`: Σwx and Σw, both exact. */
export class WeightedMean implements SlotFunction {
  readonly canSave = true;
  readonly #sums = new StateArray<WeightedSums>();
  readonly #inputs: [value: number, weight: number];
  readonly #arena: Arena;

  constructor(inputs: [value: number, weight: number], arena: Arena) {
    this.#inputs = inputs;
    this.#arena = arena;
  }

  grow(slots: number): void {
    this.#sums.grow(slots);
  }

  begin(batch: Batch): (row: number, slot: number) => void {
    const [value, weight] = readers(batch, this.#inputs, this.#arena) as [ValueReader, ValueReader];
    const { states } = this.#sums;
    return (row, slot) => {
      const [x, w] = [value(row), weight(row)] as [number | bigint | boolean | null, number | bigint | boolean | null];
      if (x === null || w === null) return;
      const sums = (states[slot] ??= { products: emptySum(), weights: emptySum(), odd: undefined });
      addWeighted(sums, x, w);
    };
  }

  copy(from: number, to: number): void {
    const sums = this.#sums.states[from];
    if (sums === undefined) return;
    this.#sums.states[to] = {
      products: { ...sums.products },
      weights: { ...sums.weights },
      odd: sums.odd === undefined ? undefined : [...sums.odd],
    };
  }

  move(map: Int32Array, slots: number): void {
    this.#sums.move(map, slots);
  }

  held(): { bytes: number; heap: number } {
    return onHeap(this.#sums.states.length * SUMS_BYTES);
  }

  save(writer: SnapshotWriter): Promise<SavedList> {
    return this.#sums.save(writer);
  }

  restore(saved: SavedList, reader: SnapshotReader): void {
    this.#sums.restore(saved, reader);
  }

  finish(slot: number): number | null {
    const sums = this.#sums.states[slot];
    if (sums === undefined) return null;
    const { products, weights, odd } = sums;
    if (odd !== undefined) {
      const under = odd[1] === 0 ? sumToDouble(weights) : odd[1];
      return under === 0 ? null : odd[0] / under;
    }
    if (weights.numerator === 0n) return null;
    const sign = weights.numerator < 0n ? -1n : 1n;
    return roundQuotient(products.numerator * sign, products.exponent - weights.exponent, weights.numerator * sign);
  }
}

function addWeighted(sums: WeightedSums, value: number | bigint | boolean, weight: number | bigint | boolean): void {
  const [x, w] = [exact(value), exact(weight)];
  if (w !== undefined) addScaled(sums.weights, w.mantissa, w.exponent);
  if (x !== undefined && w !== undefined) {
    addScaled(sums.products, x.mantissa * w.mantissa, x.exponent + w.exponent);
    return;
  }
  // Summed from zero, so that the sum of nothing infinite is told from that of something.
  const [product, odd] = sums.odd ?? [0, 0];
  sums.odd = [product + Number(value) * Number(weight), w === undefined ? odd + Number(weight) : odd];
}

/** A number as an integer times a power of two; undefined when it is not finite. */
function exact(value: number | bigint | boolean): { mantissa: bigint; exponent: number } | undefined {
  if (typeof value !== 'number' || Number.isSafeInteger(value)) return { mantissa: BigInt(value), exponent: 0 };
  return Number.isFinite(value) ? decomposeDouble(value) : undefined;
}

/** A user's own function. */
export class CustomFunction implements SlotFunction {
  readonly #states = new StateArray<{ state: unknown }>();
  readonly #custom: CustomAggregate;
  readonly #definition: AggregateDefinition;
  readonly #inputs: number[];
  readonly #arena: Arena;

  constructor(custom: CustomAggregate, definition: AggregateDefinition, inputs: number[], arena: Arena) {
    this.#custom = custom;
    this.#definition = definition;
    this.#inputs = inputs;
    this.#arena = arena;
  }

  grow(slots: number): void {
    this.#states.grow(slots);
  }

  begin(batch: Batch): (row: number, slot: number) => void {
    const columns = readers(batch, this.#inputs, this.#arena);
    const { states } = this.#states;
    const { takesNulls, options } = this.#custom;
    const values: unknown[] = [];
    return (row, slot) => {
      for (const [index, read] of columns.entries()) values[index] = read(row);
      if (!takesNulls && values.includes(null)) return;
      this.#call('update', () => {
        const held = (states[slot] ??= { state: this.#definition.init(options) });
        held.state = this.#definition.update(held.state, ...values);
      });
    };
  }

  copy(from: number, to: number): void {
    const held = this.#states.states[from];
    if (held === undefined) return;
    const { merge } = this.#definition;
    if (merge === undefined) throw this.#noMerge();
    this.#call('merge', () => {
      this.#states.states[to] = { state: merge(this.#definition.init(this.#custom.options), held.state) };
    });
  }

  move(map: Int32Array, slots: number): void {
    this.#states.move(map, slots);
  }

  finish(slot: number): unknown {
    const held = this.#states.states[slot];
    if (held === undefined) return null;
    return this.#call('finish', () => this.#definition.finish(held.state, this.#custom.options));
  }

  held(): { bytes: number; heap: number } {
    const { states } = this.#states;
    const { sizeOf } = this.#definition;
    if (sizeOf === undefined) return onHeap(states.length * STATE_BYTES);
    return onHeap(states.reduce((sum, held) => sum + (held === undefined ? 0 : sizeOf(held.state)), 0));
  }

  /** Where the user's states are plain data. */
  get canSave(): boolean {
    return whatIsNotPlain(this.#call('init', () => this.#definition.init(this.#custom.options))) === undefined;
  }

  /** @throws ERR_OP_FAILED where a state is no plain data */
  save(writer: SnapshotWriter): Promise<SavedList> {
    for (const held of this.#states.states) {
      const problem = whatIsNotPlain(held?.state);
      if (problem !== undefined) throw this.#notPlain(problem);
    }
    return this.#states.save(writer);
  }

  restore(saved: SavedList, reader: SnapshotReader): void {
    this.#states.restore(saved, reader);
  }

  #notPlain(problem: string): PipelineError {
    return new PipelineError('ERR_OP_FAILED', `aggregate "${this.#custom.ref.name}" cannot be saved: ${problem}`, {
      hint: 'keep its state as plain data, so that runs go on from barriers with it',
    });
  }

  #noMerge(): PipelineError {
    const { name } = this.#custom.ref;
    return new PipelineError(
      'ERR_OPTIONS',
      `aggregate "${name}" cannot be in snapshots: it has no merge to copy its states with`,
      {
        hint: 'give merge(left, right) to defineAggregate',
      },
    );
  }

  #call<T>(what: string, call: () => T): T {
    try {
      return call();
    } catch (cause) {
      if (cause instanceof PipelineError) throw cause;
      const why = cause instanceof Error ? cause.message : String(cause);
      throw new PipelineError('ERR_OP_FAILED', `${what} of aggregate "${this.#custom.ref.name}" failed: ${why}`, {
        cause,
      });
    }
  }
}
