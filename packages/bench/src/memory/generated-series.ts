import { defineSource } from '@spillway/core';
import { orderedSeries } from '../generators/ordered-series.ts';

/** Rows of a split: one logical batch. */
export const SPLIT_ROWS = 65_536;

/** The ordered series, made in the lanes: rows that no decoder has touched. */
export const generatedSeries = defineSource(import.meta.url, {
  name: 'series',
  schema: { ts: 'timestamp[us]', key: 'int32', value: 'float64' },
  orderedOn: 'ts',
  options: { splits: 'integer', seed: 'integer', keys: 'integer' },
  splits: ({ splits }) => splits,
  create: ({ seed, keys }) => ({
    read: (split) => {
      const from = split * SPLIT_ROWS;
      const { ts, value } = orderedSeries(seed, from, from + SPLIT_ROWS);
      const key = new Int32Array(SPLIT_ROWS);
      for (let row = 0; row < SPLIT_ROWS; row += 1) key[row] = ((from + row) * 7919) % keys;
      return { ts, key, value };
    },
  }),
});
