import type { Batch } from '../batch/contract.ts';
import { emptyBatch } from '../batch/make-batch.ts';
import { type CompiledExpression, compileExpression } from '../expressions/compile.ts';
import { releaseColumn } from '../expressions/frame.ts';
import type { ExpressionNode } from '../expressions/node.ts';
import { gatherBatch } from '../kernels/gather.ts';
import type { Fields } from '../schema/types.ts';
import type { MaybePromise, Operator, OperatorContext, Output } from './contract.ts';

/**
 * Passes on the rows for which a condition is true (a null is not). A batch of which all rows pass goes on as it is,
 * without copying; one of which none does goes on empty when it ends a logical input, so that inputs stay countable.
 */
export class Filter implements Operator {
  readonly isStateless = true;
  readonly #context: OperatorContext;
  readonly #predicate: CompiledExpression;
  readonly #fields: Fields;
  readonly #output: Output;

  constructor(predicate: ExpressionNode, context: OperatorContext) {
    this.#context = context;
    this.#predicate = compileExpression(predicate, context.inputFields);
    this.#fields = context.outputFields['out'] ?? context.inputFields;
    this.#output = context.outputs['out'] as Output;
  }

  push(batch: Batch): MaybePromise {
    let passed: Batch | undefined;
    try {
      passed = batch.rows === 0 ? batch.retain() : this.#select(batch);
    } finally {
      batch.release();
    }
    if (passed.rows > 0 || passed.inputs > 0) return this.#output.push(passed);
    passed.release();
  }

  /** The rows that pass, as a batch of its own. */
  #select(batch: Batch): Batch {
    const { arena, kernels, owner } = this.#context;
    const label = this.#predicate.reads[0] ?? 'filter';
    const bits = this.#predicate.evaluate(batch, this.#context, label);
    const indices = arena.alloc(batch.rows * 4, owner);
    try {
      const count = kernels.selectIndices(bits.values, bits.validity, batch.rows, indices);
      if (count === batch.rows) return batch.retain();
      if (count === 0) return emptyBatch(arena, owner, this.#fields, batch.inputs);
      return gatherBatch(this.#context, batch, this.#fields, indices, count);
    } finally {
      arena.release(indices);
      releaseColumn(arena, bits);
    }
  }

  flush(): void {}

  end(): void {}

  close(): void {}
}
