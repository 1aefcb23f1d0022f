import { isBitSet } from '../batch/bitmap.ts';
import type { Column } from '../batch/contract.ts';
import { PipelineError } from '../errors.ts';
import type { Arena } from '../memory/contract.ts';
import type { TypeText } from '../schema/types.ts';
import { firstDisorder } from './disorder.ts';
import { compareOrdered, disorderError, isOrderable, type OrderedValue, orderedValue } from './ordered-value.ts';

/** Checks that one column ascends over a run of batches. Equal neighbours are in order; a null or NaN never is. */
export class OrderCheck {
  first: OrderedValue | undefined;
  last: OrderedValue | undefined;
  readonly #arena: Arena;
  readonly #column: string;
  readonly #file: string | undefined;

  /** @throws ERR_TYPE_UNSUPPORTED when rows cannot be ordered on the type */
  constructor(arena: Arena, column: string, type: TypeText, file?: string) {
    this.#arena = arena;
    this.#column = column;
    this.#file = file;
    if (isOrderable(type)) return;
    throw new PipelineError('ERR_TYPE_UNSUPPORTED', `rows cannot be ordered on "${column}", which is ${type}`, {
      column,
      expected: 'a timestamp, date, number or utf8 column',
      hint: 'choose another orderedOn column',
    });
  }

  /**
   * Takes the next batch's column.
   * @param row number in the file of the column's first row
   * @throws ERR_INPUT_UNORDERED naming file, row and both values
   */
  check(column: Column, row: number): void {
    if (column.length === 0) return;
    if (column.nullCount > 0) throw this.#nullError(column, row);
    const at = { ...(this.#file === undefined ? {} : { file: this.#file }), column: this.#column, type: column.type };
    const first = orderedValue(this.#arena, column, 0);
    if (this.last !== undefined && compareOrdered(this.last, first) > 0)
      throw disorderError({ ...at, row }, this.last, first);
    const disorder = firstDisorder(this.#arena, column);
    if (disorder >= 0) {
      const before = orderedValue(this.#arena, column, Math.max(0, disorder - 1));
      throw disorderError({ ...at, row: row + disorder }, before, orderedValue(this.#arena, column, disorder));
    }
    this.first ??= first;
    this.last = orderedValue(this.#arena, column, column.length - 1);
  }

  #nullError(column: Column, row: number): PipelineError {
    const bits = this.#arena.u8.subarray(column.validity);
    let null0 = 0;
    while (null0 < column.length - 1 && isBitSet(bits, null0)) null0 += 1;
    const place = this.#file === undefined ? `row ${row + null0}` : `${this.#file}, row ${row + null0}`;
    return new PipelineError('ERR_INPUT_UNORDERED', `${place}: "${this.#column}" is null, and rows are ordered on it`, {
      ...(this.#file === undefined ? {} : { file: this.#file }),
      row: row + null0,
      column: this.#column,
      value: 'null',
      hint: `drop the rows without "${this.#column}", or order the pipeline on another column`,
    });
  }
}
