/** A step of the cascade, in a module of its own: the workers import it too. */
import { defineOp } from '@spillway/core';

/** Adds one to every value of what its trigger has let through. */
export const plusOne = defineOp(import.meta.url, {
  name: 'plusOne',
  input: { value: 'float64' },
  output: 'same',
  stateless: true,
  create: () => ({
    process: (batch) => {
      const value = batch.getChild('value')?.toArray() as Float64Array;
      return { value: value.map((one) => one + 1) };
    },
  }),
});
