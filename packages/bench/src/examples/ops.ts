/** Example: an op of one's own. A module that defines ops is imported by the main thread and by the threads that run them. */
import { defineOp } from '@spillway/core';

/** Adds what a trade was worth, no more than `most`. */
export const worth = defineOp(import.meta.url, {
  input: { price: 'float64', qty: 'int64' },
  output: 'same',
  adds: { worth: 'float64' },
  options: { most: 'number' },
  stateless: true,
  create: ({ most }) => ({
    process(batch) {
      const price = batch.getChild('price')?.toArray() as Float64Array;
      const qty = batch.getChild('qty')?.toArray() as BigInt64Array;
      return { worth: Float64Array.from(price, (value, row) => Math.min(most, value * Number(qty[row]))) };
    },
  }),
});
