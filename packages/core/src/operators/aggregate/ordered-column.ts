/** The ordered column as the int64 values that bins are cut from, with its order checked on the way. */
import type { Batch, Column } from '../../batch/contract.ts';
import { PipelineError } from '../../errors.ts';
import type { KernelType } from '../../kernels/aggregate-contract.ts';
import type { Ptr } from '../../memory/contract.ts';
import type { OperatorContext } from '../contract.ts';
import type { GrowingBuffer, Workspace } from './arena-views.ts';
import type { StatePlan } from './state-plan.ts';
import { isFloat } from './value-type.ts';

type Place = ReturnType<OperatorContext['position']>;

/** Refusal of a row that comes before its predecessor. */
export function unorderedError(
  name: string,
  previous: bigint | number,
  value: bigint | number,
  place: Place,
  stage: string,
): PipelineError {
  const where = placeText(place);
  return new PipelineError('ERR_INPUT_UNORDERED', `"${name}" goes back from ${previous} to ${value}${where}`, {
    ...place,
    stage,
    column: name,
    value: String(value),
    expected: `at least ${previous}`,
    hint: `sort the input on "${name}" before aggregating`,
  });
}

function placeText({ file, row }: Place): string {
  return `${row === undefined ? '' : ` at row ${row}`}${file === undefined ? '' : ` of ${file}`}`;
}

function offsetPlace(place: Place, offset: number): Place {
  return place.row === undefined ? { ...place, row: offset } : { ...place, row: place.row + offset };
}

/** Reads one value of the ordered column as it is stored: bigint for integers, number for floats. */
export function orderedValue(data: DataView, kernel: KernelType, at: Ptr): bigint | number {
  if (isFloat(kernel)) return data.getFloat64(at, true);
  return kernel === 'u64' ? data.getBigUint64(at, true) : data.getBigInt64(at, true);
}

/**
 * Widens and checks. Integers below 64 bits and floats are written to scratch; the answer of `prepare` is where the int64
 * values lie, and `exact` where the values as compared lie (the same but for floats).
 */
export class OrderedColumn {
  readonly #plan: StatePlan['orderedOn'];
  readonly #context: OperatorContext;
  readonly #workspace: Workspace;
  readonly #widened: GrowingBuffer;
  readonly #floats: GrowingBuffer;
  readonly #isTrusted: boolean;
  exact: Ptr = 0;

  constructor(plan: StatePlan, isTrusted: boolean, context: OperatorContext, workspace: Workspace) {
    this.#plan = plan.orderedOn;
    this.#isTrusted = isTrusted;
    this.#context = context;
    this.#workspace = workspace;
    this.#widened = workspace.buffer();
    this.#floats = workspace.buffer();
  }

  /** @throws ERR_INPUT_UNORDERED for a null or a row that goes back; ERR_VALUE for what has no place in a bin. */
  prepare(batch: Batch): Ptr {
    const column = batch.columns[this.#plan.input] as Column;
    if (column.nullCount > 0) throw this.#nullError(column);
    const { kernel } = this.#plan.value;
    const values = this.#toInt64(column, batch.rows);
    if (!this.#isTrusted) this.#checkOrder(isFloat(kernel) ? 'f64' : kernel === 'u64' ? 'u64' : 'i64', batch.rows);
    return values;
  }

  #checkOrder(type: KernelType, rows: number): void {
    const row = this.#context.kernels.firstUnordered(type, this.exact, rows, undefined);
    if (row < 0) return;
    const { data } = this.#workspace.views;
    const [previous, value] = [row - 1, row].map((at) => orderedValue(data, type, this.exact + 8 * at));
    throw unorderedError(
      this.#plan.name,
      previous as bigint,
      value as bigint,
      offsetPlace(this.#context.position(), row),
      this.#context.name,
    );
  }

  #toInt64(column: Column, rows: number): Ptr {
    const { kernel } = this.#plan.value;
    if (isFloat(kernel)) return this.#floor(column, rows);
    if (kernel === 'i64' || kernel === 'u64') {
      this.exact = column.values;
      if (kernel === 'u64' && rows > 0) this.#checkSigned(column.values + 8 * (rows - 1), rows - 1);
      return column.values;
    }
    this.exact = this.#widened.reserve(8 * rows);
    this.#context.kernels.cast(kernel, 'i64', column.values, 0, rows, this.exact);
    return this.exact;
  }

  /** Bins of whole width start on whole numbers, so the floor of a value lies in the same bin. */
  #floor(column: Column, rows: number): Ptr {
    const { f64, i64 } = this.#workspace.views;
    this.exact = column.values;
    if (this.#plan.value.kernel === 'f32') {
      this.exact = this.#floats.reserve(8 * rows);
      this.#context.kernels.cast('f32', 'f64', column.values, 0, rows, this.exact);
    }
    const widened = this.#widened.reserve(8 * rows);
    for (let row = 0; row < rows; row++) {
      const value = f64[this.exact / 8 + row] as number;
      if (!(Math.abs(value) < 2 ** 63)) throw this.#valueError(String(value), row);
      i64[widened / 8 + row] = BigInt(Math.floor(value));
    }
    return widened;
  }

  #checkSigned(at: Ptr, row: number): void {
    const value = this.#workspace.views.data.getBigUint64(at, true);
    if (value >= 2n ** 63n) throw this.#valueError(String(value), row);
  }

  #valueError(value: string, row: number): PipelineError {
    const place = offsetPlace(this.#context.position(), row);
    return new PipelineError(
      'ERR_VALUE',
      `"${this.#plan.name}" is ${value}${placeText(place)}, which no bin can hold`,
      {
        ...place,
        stage: this.#context.name,
        column: this.#plan.name,
        value,
        expected: 'a number between -2^63 and 2^63',
        hint: 'filter such rows out before aggregating',
      },
    );
  }

  #nullError(column: Column): PipelineError {
    const { u8 } = this.#workspace.views;
    let row = 0;
    while ((((u8[column.validity + (row >>> 3)] as number) >>> (row & 7)) & 1) === 1) row++;
    const place = offsetPlace(this.#context.position(), row);
    return new PipelineError('ERR_INPUT_UNORDERED', `"${this.#plan.name}" is null${placeText(place)}`, {
      ...place,
      stage: this.#context.name,
      column: this.#plan.name,
      value: 'null',
      expected: 'a value in every row',
      hint: `drop rows without "${this.#plan.name}" before aggregating`,
    });
  }
}
