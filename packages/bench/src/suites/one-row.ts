import { defineSource } from '@spillway/core';

/** A row a split: where what a split costs is all there is to see. */
export const oneRow = defineSource(import.meta.url, {
  name: 'oneRow',
  schema: { t: 'int64' },
  orderedOn: 't',
  options: { splits: 'integer' },
  splits: ({ splits }) => splits,
  create: () => ({ read: (split) => ({ t: [BigInt(split)] }) }),
});
