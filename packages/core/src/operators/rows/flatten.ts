import { isBitSet } from '../../batch/bitmap.ts';
import type { Batch, Column } from '../../batch/contract.ts';
import { emptyBatch, makeBatch } from '../../batch/make-batch.ts';
import { gatherColumns } from '../../kernels/gather.ts';
import type { Ptr } from '../../memory/contract.ts';
import type { FlattenSpec } from '../../plan/steps/specs.ts';
import type { Fields } from '../../schema/types.ts';
import type { MaybePromise, Operator, OperatorContext, Output } from '../contract.ts';

/** A row for each element of a list, the other columns repeated; a list without elements, or none, gives no row. */
export class Flatten implements Operator {
  readonly isStateless = true;
  readonly #context: OperatorContext;
  readonly #output: Output;
  readonly #fields: Fields;
  readonly #list: number;

  constructor({ column }: FlattenSpec, context: OperatorContext) {
    this.#context = context;
    this.#output = context.outputs['out'] as Output;
    this.#fields = context.outputFields['out'] as Fields;
    this.#list = context.inputFields.findIndex((field) => field.name === column);
  }

  push(batch: Batch): MaybePromise {
    let flat: Batch;
    try {
      flat = this.#flatten(batch);
    } finally {
      batch.release();
    }
    if (flat.rows > 0 || flat.inputs > 0) return this.#output.push(flat);
    flat.release();
  }

  #flatten(batch: Batch): Batch {
    const { arena, owner } = this.#context;
    const list = batch.columns[this.#list] as Column;
    const count = batch.rows === 0 ? 0 : this.#count(list);
    if (count === 0) return emptyBatch(arena, owner, this.#fields, batch.inputs);
    const rows = arena.alloc(8 * count, owner);
    try {
      this.#places(list, rows, rows + 4 * count, count);
      return this.#gather(batch, list, rows, count);
    } finally {
      arena.release(rows);
    }
  }

  #isNull(list: Column, row: number): boolean {
    return list.nullCount > 0 && !isBitSet(this.#context.arena.u8, list.validity * 8 + row);
  }

  #count(list: Column): number {
    const { i32 } = this.#context.arena;
    const at = list.offsets >>> 2;
    if (list.nullCount === 0) return (i32[at + list.length] as number) - (i32[at] as number);
    let count = 0;
    for (let row = 0; row < list.length; row++)
      if (!this.#isNull(list, row)) count += (i32[at + row + 1] as number) - (i32[at + row] as number);
    return count;
  }

  /** For each element the row that it is of, and its place among the elements. */
  #places(list: Column, rows: Ptr, elements: Ptr, count: number): void {
    const { arena } = this.#context;
    const [rowOf, placeOf] = [arena.uint32At(rows, count), arena.uint32At(elements, count)];
    const at = list.offsets >>> 2;
    let next = 0;
    for (let row = 0; row < list.length; row++) {
      if (this.#isNull(list, row)) continue;
      for (let place = arena.i32[at + row] as number; place < (arena.i32[at + row + 1] as number); place++) {
        rowOf[next] = row;
        placeOf[next++] = place;
      }
    }
  }

  #gather(batch: Batch, list: Column, indices: Ptr, count: number): Batch {
    const { arena, owner } = this.#context;
    const others = this.#fields.filter((_, index) => index !== this.#list);
    const columns = batch.columns.filter((_, index) => index !== this.#list);
    const made: Batch[] = [];
    try {
      const element = [this.#fields[this.#list] as Fields[number]];
      const child = [list.child as Column];
      made.push(gatherColumns(this.#context, child, element, { indices: indices + 4 * count, count }, 0));
      if (others.length > 0) made.push(gatherColumns(this.#context, columns, others, { indices, count }, 0));
      const all = this.#fields.map(
        ({ name }, index) => (index === this.#list ? made[0] : made[1])?.column(name) as Column,
      );
      return makeBatch(arena, owner, this.#fields, all, count, batch.inputs);
    } finally {
      for (const part of made) part.release();
    }
  }

  flush(): void {}

  end(): void {}

  close(): void {}
}
