/**
 * Aggregations over windows of every kind give the same through the workers, with any number of lanes, as through the reference executor: rows,
 * order, and where batches are watched the same batches.
 */
import { test } from 'vitest';
import { chooseSeed } from '#support/random';
import { checkWindowPlan } from '#support/random-window-plan';

const PLANS = Number(process.env['SPILLWAY_PIPELINES'] ?? 12);
const firstSeed = chooseSeed();

test.each(Array.from({ length: PLANS }, (_, index) => firstSeed + index))(
  'workers agree with the reference, SPILLWAY_SEED=%i SPILLWAY_PIPELINES=1',
  checkWindowPlan,
);
