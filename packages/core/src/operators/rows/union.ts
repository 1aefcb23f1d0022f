import type { Batch, Column } from '../../batch/contract.ts';
import { makeBatch } from '../../batch/make-batch.ts';
import type { Fields } from '../../schema/types.ts';
import type { MaybePromise, Operator, OperatorContext, Output } from '../contract.ts';
import { OpenInputs } from './open-inputs.ts';

/** The same columns in the order of other fields. Takes over the batch. */
export function reordered(context: OperatorContext, batch: Batch, fields: Fields): Batch {
  if (batch.fields.every(({ name }, index) => fields[index]?.name === name)) return batch;
  try {
    const columns = fields.map(({ name }): Column => batch.column(name));
    return makeBatch(context.arena, context.owner, fields, columns, batch.rows, batch.inputs);
  } finally {
    batch.release();
  }
}

/** Passes on what comes, from whichever input. */
export class Union implements Operator {
  readonly isStateless = true;
  readonly #context: OperatorContext;
  readonly #output: Output;
  readonly #fields: Fields;
  readonly #inputs: OpenInputs;

  constructor(inputs: number, context: OperatorContext) {
    this.#context = context;
    this.#output = context.outputs['out'] as Output;
    this.#fields = context.outputFields['out'] as Fields;
    this.#inputs = new OpenInputs(inputs);
  }

  push(batch: Batch): MaybePromise {
    return this.#output.push(reordered(this.#context, batch, this.#fields));
  }

  endInput(input: number): void {
    this.#inputs.end(input);
  }

  wants(): number {
    return this.#inputs.next();
  }

  flush(): void {}

  end(): void {}

  close(): void {}
}
