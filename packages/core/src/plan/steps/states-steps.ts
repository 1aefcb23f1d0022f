/** The halves of an aggregate that run in different processes. Made by cutting a plan, never by users. */
import { aggregateOutputFields, PARTIAL_FIELDS } from '../../operators/aggregate/output-fields.ts';
import { mergingBytes, SCRATCH_BYTES } from '../aggregate-bytes.ts';
import type { StepTraits } from './contract.ts';
import type { MakeStatesSpec, MergeStatesSpec } from './specs.ts';

export const makeStatesTraits: StepTraits<MakeStatesSpec> = {
  isStateless: true,
  keepsOrder: false,
  keepsCuts: false,
  fields(spec, [input = []]) {
    aggregateOutputFields(spec.aggregate, input);
    return { spec, outputs: { out: PARTIAL_FIELDS }, ordered: {} };
  },
  // The planner knows an aggregate's columns by itself.
  needed: () => 'all',
  describe: ({ aggregate }) => `states of ${aggregate.aggregations.map(({ name }) => name).join(', ')}`,
  stateBytes: ({ aggregate }) => (aggregate.by.length === 0 ? SCRATCH_BYTES : 4 * SCRATCH_BYTES),
  canSpill: false,
};

export const mergeStatesTraits: StepTraits<MergeStatesSpec> = {
  isStateless: false,
  keepsOrder: false,
  keepsCuts: false,
  fields(spec) {
    const { aggregate, fields } = spec;
    const outputs = aggregateOutputFields(aggregate, fields);
    const ordered = Object.fromEntries(Object.keys(outputs).map((port) => [port, aggregate.orderedOn]));
    return { spec, outputs, ordered };
  },
  needed: () => 'all',
  describe: ({ aggregate }) => `merge states of ${aggregate.aggregations.map(({ name }) => name).join(', ')}`,
  stateBytes: ({ aggregate }) => mergingBytes(aggregate),
  canSpill: true,
};
