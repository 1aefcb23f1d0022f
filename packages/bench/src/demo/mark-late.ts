import { defineOp } from '@spillway/core';

/**
 * The demo's own op: marks flights that came in more than `minutes` late. It lives in a module of its own, because the
 * workers import it too.
 */
export const markLate = defineOp(import.meta.url, {
  name: 'markLate',
  input: { delay: 'int64' },
  output: 'same',
  adds: { late: 'int8' },
  options: { minutes: 'integer' },
  stateless: true,
  create: ({ minutes }) => {
    const limit = BigInt(minutes);
    return {
      process: (batch) => {
        const late = new Int8Array(batch.numRows);
        const delays = batch.getChild('delay');
        let row = 0;
        for (const { values, length } of delays?.data ?? []) {
          for (let i = 0; i < length; i += 1, row += 1) late[row] = (values[i] as bigint) > limit ? 1 : 0;
        }
        return { late };
      },
    };
  },
});
