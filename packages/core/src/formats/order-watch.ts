import type { Column } from '../batch/contract.ts';
import { instantiateKernels } from '../kernels/compiled-kernels.ts';
import type { Kernels } from '../kernels/vector-contract.ts';
import type { Arena } from '../memory/contract.ts';
import { parseType } from '../schema/parse-type.ts';
import type { TypeText } from '../schema/types.ts';
import { OrderCheck } from './order-check.ts';
import { type OrderedValue, orderedValue } from './ordered-value.ts';

/** As `OrderCheck`, by a kernel where there is one for the type. What is wrong is still said by `OrderCheck`. */
export class OrderWatch {
  readonly #arena: Arena;
  readonly #kernels: Kernels;
  readonly #check: OrderCheck;
  readonly #isWide: boolean;

  /** @throws ERR_TYPE_UNSUPPORTED when rows cannot be ordered on the type */
  constructor(arena: Arena, column: string, type: TypeText, file?: string) {
    this.#arena = arena;
    this.#kernels = instantiateKernels(arena);
    this.#check = new OrderCheck(arena, column, type, file);
    const { domain, byteWidth } = parseType(type);
    this.#isWide = byteWidth === 8 && (domain === 'int' || domain === 'temporal');
  }

  get first(): OrderedValue | undefined {
    return this.#check.first;
  }

  get last(): OrderedValue | undefined {
    return this.#check.last;
  }

  /** @throws ERR_INPUT_UNORDERED naming file, row and both values */
  check(column: Column, row: number): void {
    const { length, values, nullCount } = column;
    const last = this.#check.last as bigint | undefined;
    const isQuick = this.#isWide && nullCount === 0 && length > 0;
    if (!isQuick || this.#kernels.firstUnordered('i64', values, length, last) >= 0) {
      this.#check.check(column, row);
      return;
    }
    this.#check.first ??= orderedValue(this.#arena, column, 0);
    this.#check.last = orderedValue(this.#arena, column, length - 1);
  }
}
