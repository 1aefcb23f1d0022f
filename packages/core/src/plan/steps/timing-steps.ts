/** Steps whose result is a matter of time. */
import { floorBytes } from '../../batch/largest-batch.ts';
import type { StepTraits } from './contract.ts';
import type { DelaySpec, LatestSpec, RateLimitSpec } from './specs.ts';

const TIMED = { isStateless: false, keepsOrder: true, keepsCuts: true } as const;

const sameFields: StepTraits<DelaySpec | RateLimitSpec | LatestSpec>['fields'] = (spec, [input = []], [ordered]) => ({
  spec,
  outputs: { out: input },
  ordered: ordered === undefined ? {} : { out: ordered },
});

export const delayTraits: StepTraits<DelaySpec> = {
  ...TIMED,
  fields: sameFields,
  needed: (_, __, behind) => behind,
  timing: ({ intervalMs }) => `gives rows ${intervalMs} ms later`,
  stateBytes: (_, [input = []], rows) => 3 * floorBytes(input, rows),
  canSpill: true,
  describe: ({ intervalMs }) => `rows ${intervalMs} ms later`,
};

export const rateLimitTraits: StepTraits<RateLimitSpec> = {
  ...TIMED,
  fields: sameFields,
  needed: (_, __, behind) => behind,
  timing: ({ intervalMs }) => `gives a row every ${intervalMs} ms at most`,
  stateBytes: () => 0,
  canSpill: false,
  describe: ({ intervalMs }) => `a row every ${intervalMs} ms at most`,
};

export const latestTraits: StepTraits<LatestSpec> = {
  ...TIMED,
  keepsCuts: false,
  endsStage: true,
  fields: sameFields,
  needed: (_, __, behind) => behind,
  timing: () => 'leaves out rows that what is behind it is too slow for',
  stateBytes: () => 0,
  canSpill: false,
  describe: () => 'the latest row whenever one is taken',
};
