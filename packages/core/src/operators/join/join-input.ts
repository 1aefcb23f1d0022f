/** The compared columns of one side of a join, batch by batch: times as int64, keys as numbers, the order checked on the way. */

import { isBitSet } from '../../batch/bitmap.ts';
import type { Batch, Column } from '../../batch/contract.ts';
import { PipelineError } from '../../errors.ts';
import { TAKE_NOTHING } from '../../kernels/vector-contract.ts';
import type { Ptr } from '../../memory/contract.ts';
import type { JoinSide } from '../../plan/logical.ts';
import type { Fields } from '../../schema/types.ts';
import type { GrowingBuffer, Workspace } from '../aggregate/arena-views.ts';
import type { KeyIndex } from '../aggregate/key-index.ts';
import type { KeyPlan } from '../aggregate/state-plan.ts';
import { type ValueType, valueTypeOf } from '../aggregate/value-type.ts';
import type { OperatorContext } from '../contract.ts';

/** Where the key columns of one side lie. */
export function keyPlans(side: JoinSide, fields: Fields): KeyPlan[] {
  return side.by.map((name) => {
    const input = fields.findIndex((field) => field.name === name);
    return { input, name, value: valueTypeOf((fields[input] as Fields[number]).type) };
  });
}

/** What was prepared, as plain data. */
export interface SavedInput {
  last: bigint | undefined;
  rowsBefore: number;
}

export class JoinInput {
  /** Of the batch that was prepared last: int64 by row in the unit of the join, valid as long as the batch is held. */
  times: Ptr = 0;
  /** Key numbers (u32) by row; `TAKE_NOTHING` where a key is null. */
  keys: Ptr = 0;
  readonly #side: JoinSide;
  readonly #scale: bigint;
  readonly #context: OperatorContext;
  readonly #workspace: Workspace;
  readonly #index: KeyIndex | undefined;
  readonly #plans: readonly KeyPlan[];
  readonly #on: { input: number; value: ValueType };
  readonly #widened: GrowingBuffer;
  readonly #scaled: GrowingBuffer;
  readonly #keys: GrowingBuffer;
  #last: bigint | undefined;
  #rowsBefore = 0;

  /** `scale`: what its times are multiplied with to be compared with the other side's. */
  constructor(
    side: JoinSide,
    fields: Fields,
    index: KeyIndex | undefined,
    context: OperatorContext,
    workspace: Workspace,
    scale = 1n,
  ) {
    this.#side = side;
    this.#scale = scale;
    this.#context = context;
    this.#workspace = workspace;
    this.#index = index;
    this.#plans = keyPlans(side, fields);
    const input = fields.findIndex((field) => field.name === side.on);
    this.#on = { input, value: valueTypeOf((fields[input] as Fields[number]).type) };
    this.#widened = workspace.buffer();
    this.#scaled = workspace.buffer();
    this.#keys = workspace.buffer();
  }

  /** @throws ERR_INPUT_UNORDERED for a null or a row that goes back */
  prepare(batch: Batch): void {
    const { rows } = batch;
    const column = batch.columns[this.#on.input] as Column;
    if (column.nullCount > 0) throw this.#nullError(column);
    this.times = this.#toInt64(column, rows);
    this.#checkOrder(rows);
    if (this.#scale !== 1n) this.times = this.#toCommonUnit(rows);
    this.number(batch);
    this.#rowsBefore += rows;
  }

  /** The order that was seen, and how many rows. */
  save(): SavedInput {
    return { last: this.#last, rowsBefore: this.#rowsBefore };
  }

  restore({ last, rowsBefore }: SavedInput): void {
    this.#last = last;
    this.#rowsBefore = rowsBefore;
  }

  /** As `prepare`, of the batch that was prepared last before what was saved. */
  prepareAgain(batch: Batch): void {
    const { rows } = batch;
    this.times = this.#toInt64(batch.columns[this.#on.input] as Column, rows);
    if (this.#scale !== 1n) this.times = this.#toCommonUnit(rows);
    this.number(batch);
  }

  /** Numbers the keys of a batch: part of `prepare`, and again when the index has forgotten its numbers. */
  number(batch: Batch): void {
    const { rows } = batch;
    this.keys = this.#keys.reserve(4 * rows);
    if (this.#index === undefined) this.#workspace.views.u32.fill(0, this.keys >>> 2, (this.keys >>> 2) + rows);
    else this.#encode(batch, this.#index);
  }

  #toCommonUnit(rows: number): Ptr {
    const { kernels } = this.#context;
    const scaled = this.#scaled.reserve(8 * rows);
    const row = kernels.scaleInt64(this.times, 0, rows, this.#scale, 1n, scaled);
    if (row < 0) return scaled;
    const value = this.#workspace.views.data.getBigInt64(this.times + 8 * row, true);
    const { name, on } = this.#side;
    throw new PipelineError(
      'ERR_VALUE',
      `"${on}" of "${name}" is ${value}, which has no place in the unit of the other side`,
      {
        stage: this.#context.name,
        column: on,
        row: this.#rowsBefore + row,
        value: String(value),
        expected: `a number below 2^63 / ${this.#scale}`,
        hint: `cast the other side's column to the unit of "${on}" before the join`,
      },
    );
  }

  #toInt64(column: Column, rows: number): Ptr {
    const { kernel, byteWidth } = this.#on.value;
    if (byteWidth === 8) return column.values;
    const widened = this.#widened.reserve(8 * rows);
    this.#context.kernels.cast(kernel, 'i64', column.values, 0, rows, widened);
    return widened;
  }

  #checkOrder(rows: number): void {
    if (rows === 0) return;
    const { data } = this.#workspace.views;
    const row = this.#context.kernels.firstUnordered('i64', this.times, rows, this.#last);
    if (row >= 0) {
      const before = row === 0 ? (this.#last as bigint) : data.getBigInt64(this.times + 8 * (row - 1), true);
      const value = data.getBigInt64(this.times + 8 * row, true);
      throw this.#refuse(row, `goes back from ${before} to ${value}`, String(value), `at least ${before}`);
    }
    this.#last = data.getBigInt64(this.times + 8 * (rows - 1), true);
  }

  #encode(batch: Batch, index: KeyIndex): void {
    const { u8, u32 } = this.#workspace.views;
    index.encode(batch, this.keys, this.#plans);
    for (const { input } of this.#plans) {
      const column = batch.columns[input] as Column;
      if (column.nullCount === 0) continue;
      for (let row = 0; row < batch.rows; row++)
        if (!isBitSet(u8, column.validity * 8 + row)) u32[(this.keys >>> 2) + row] = TAKE_NOTHING;
    }
  }

  #nullError(column: Column): PipelineError {
    const { u8 } = this.#workspace.views;
    let row = 0;
    while (isBitSet(u8, column.validity * 8 + row)) row++;
    return this.#refuse(row, 'is null', 'null', 'a value in every row');
  }

  #refuse(row: number, problem: string, value: string, expected: string): PipelineError {
    const { name, on } = this.#side;
    const at = this.#rowsBefore + row;
    return new PipelineError('ERR_INPUT_UNORDERED', `"${on}" of "${name}" ${problem} at row ${at}`, {
      stage: this.#context.name,
      column: on,
      row: at,
      value,
      expected,
      hint: `sort "${name}" on "${on}" before the join, and drop rows without it`,
    });
  }
}
