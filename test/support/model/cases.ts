/** Random cases of the model, for fast-check to try and to make smaller. */
import fc from 'fast-check';
import type { Recipe } from './plan.ts';
import type { ModelCase } from './run-model.ts';

const ALL_KINDS = ['map', 'window', 'buffer', 'aggregate', 'asof', 'union', 'asof', 'map'] as const;

/** Mostly parallel stages behind each other, which hand packets on out of order. */
export const PARALLEL_KINDS = ['map', 'map', 'map', 'aggregate'] as const;

/** Joins that lanes share, beside each other and behind steps that leave batches without rows. Such plans have no barriers. */
export const SHARED_KINDS = ['shared', 'shared', 'map', 'map', 'aggregate', 'union', 'buffer'] as const;

export function modelCases(kinds: readonly Recipe['nodes'][number]['kind'][] = ALL_KINDS): fc.Arbitrary<ModelCase> {
  const batchRows = fc.integer({ min: 1, max: 4 });
  const recipe = fc.record({
    sources: fc.array(
      fc.record({ rows: fc.integer({ min: 0, max: 60 }), step: fc.integer({ min: 0, max: 20 }), batchRows }),
      {
        minLength: 1,
        maxLength: 3,
      },
    ),
    nodes: fc.array(
      fc.record({
        kind: fc.constantFrom(...kinds),
        left: fc.nat({ max: 20 }),
        right: fc.nat({ max: 20 }),
        lanes: fc.integer({ min: 1, max: 4 }),
        batchRows,
        size: fc.integer({ min: 1, max: 12 }),
        isTapped: fc.boolean(),
      }),
      { minLength: 0, maxLength: 8 },
    ),
    capacity: fc.integer({ min: 1, max: 12 }),
    weights: fc.array(fc.integer({ min: 1, max: 8 }), { minLength: 1, maxLength: 8 }),
  });
  return fc.record({
    recipe,
    extraRows: fc.oneof({ weight: 2, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.nat({ max: 30 }) }),
    barrierEvery: fc.oneof(fc.constant(0), fc.integer({ min: 5, max: 200 })),
    crashes: fc.array(fc.integer({ min: 1, max: 600 }), { maxLength: 3 }),
    schedule: fc.integer(),
    turns: fc.constantFrom('by weight', 'by priority'),
  });
}
