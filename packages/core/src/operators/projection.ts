import assert from 'node:assert';
import type { Batch, Column } from '../batch/contract.ts';
import { emptyBatch, makeBatch } from '../batch/make-batch.ts';
import { type CompiledExpression, compileExpression } from '../expressions/compile.ts';
import { releaseColumn } from '../expressions/frame.ts';
import type { ExpressionNode } from '../expressions/node.ts';
import type { Fields } from '../schema/types.ts';
import type { MaybePromise, Operator, OperatorContext, Output } from './contract.ts';

/** Computed columns as `select` and `withColumns` name them. */
export type NamedExpressions = readonly { name: string; expression: ExpressionNode }[];

/**
 * `select` and `withColumns`: makes the columns of the output fields, each from its expression, or, without one, from the
 * input column of its name. Plain columns are shared with the input, not copied.
 */
export class Projection implements Operator {
  readonly isStateless = true;
  readonly #context: OperatorContext;
  readonly #expressions: readonly CompiledExpression[];
  readonly #fields: Fields;
  readonly #output: Output;

  constructor(columns: NamedExpressions, context: OperatorContext) {
    this.#context = context;
    this.#fields = context.outputFields['out'] as Fields;
    this.#output = context.outputs['out'] as Output;
    // Of two expressions with one name, the later one counts, as when the columns were added one after the other.
    const byName = new Map(columns.map(({ name, expression }) => [name, expression]));
    this.#expressions = this.#fields.map((field) => {
      const compiled = compileExpression(
        byName.get(field.name) ?? { kind: 'col', name: field.name },
        context.inputFields,
      );
      assert.equal(compiled.type, field.type, `column "${field.name}" of ${context.name}`);
      return compiled;
    });
  }

  push(batch: Batch): MaybePromise {
    if (batch.rows === 0 && batch.inputs === 0) return batch.release();
    let projected: Batch;
    try {
      projected = this.#project(batch);
    } finally {
      batch.release();
    }
    return this.#output.push(projected);
  }

  #project(batch: Batch): Batch {
    const { arena, owner } = this.#context;
    if (batch.rows === 0) return emptyBatch(arena, owner, this.#fields, batch.inputs);
    const made: Column[] = [];
    try {
      const columns = this.#expressions.map((expression, index) => {
        if (expression.passes !== undefined) return batch.columns[expression.passes] as Column;
        const column = expression.evaluate(batch, this.#context, this.#fields[index]?.name ?? '');
        made.push(column);
        return column;
      });
      return makeBatch(arena, owner, this.#fields, columns, batch.rows, batch.inputs);
    } finally {
      for (const column of made) releaseColumn(arena, column);
    }
  }

  flush(): void {}

  end(): void {}

  close(): void {}
}
