import type { Batch, Column } from '../../batch/contract.ts';
import { makeBatch } from '../../batch/make-batch.ts';
import { type CompiledExpression, compileExpression } from '../../expressions/compile.ts';
import { releaseColumn } from '../../expressions/frame.ts';
import type { ShiftSpec } from '../../plan/steps/specs.ts';
import type { FieldSpec, Fields } from '../../schema/types.ts';
import type { OperatorContext } from '../contract.ts';

/** Puts shifted values, or differences to them, beside the columns of a batch. */
export class ShiftedColumns {
  readonly positions: readonly number[];
  /** The shifted columns, with the types of those that they are of. */
  readonly fields: Fields;
  readonly #context: OperatorContext;
  readonly #wide: Fields;
  readonly #differences: readonly CompiledExpression[];

  constructor({ columns, isDifference }: ShiftSpec, context: OperatorContext) {
    const { inputFields } = context;
    this.#context = context;
    this.positions = columns.map(({ column }) => inputFields.findIndex((field) => field.name === column));
    this.fields = columns.map(({ as }, index) => {
      const { type } = inputFields[this.positions[index] as number] as FieldSpec;
      return { name: as, type, nullable: true };
    });
    this.#wide = [...inputFields, ...this.fields];
    this.#differences = !isDifference
      ? []
      : columns.map(({ column, as }) =>
          compileExpression(
            { kind: 'binary', fn: 'sub', left: { kind: 'col', name: column }, right: { kind: 'col', name: as } },
            this.#wide,
          ),
        );
  }

  /** Takes over both. */
  beside(batch: Batch, shifted: Batch, inputs: number): Batch {
    const { arena, owner } = this.#context;
    const output = this.#context.outputFields['out'] as Fields;
    const made: Column[] = [];
    let wide: Batch | undefined;
    try {
      wide = makeBatch(arena, owner, this.#wide, [...batch.columns, ...shifted.columns], batch.rows, inputs);
      if (this.#differences.length === 0) return makeBatch(arena, owner, output, wide.columns, batch.rows, inputs);
      for (const [index, expression] of this.#differences.entries())
        made.push(expression.evaluate(wide, this.#context, this.fields[index]?.name ?? ''));
      return makeBatch(arena, owner, output, [...batch.columns, ...made], batch.rows, inputs);
    } finally {
      for (const column of made) releaseColumn(arena, column);
      wide?.release();
      shifted.release();
      batch.release();
    }
  }
}
