import { PipelineError } from '../../errors.ts';
import type { StageOperator } from '../../plan/physical.ts';
import type { StepSpec } from '../../plan/steps/specs.ts';
import type { OperatorMaker } from '../operator-maker.ts';

type SpecOf<K extends StepSpec['kind']> = Extract<StepSpec, { kind: K }>;
type Loader<Spec> = (spec: Spec, operator: StageOperator) => Promise<OperatorMaker>;

/** Each kind is a module of its own, and a lane loads those of its stage. */
const LOADERS: { readonly [K in StepSpec['kind']]: Loader<SpecOf<K>> } = {
  collectUntilFlush: async (spec) => {
    const { CollectUntilFlush } = await import('./collect-until-flush.ts');
    return (context) => new CollectUntilFlush(spec, context);
  },
  combineLatest: async (spec, operator) => {
    const { CombineLatest } = await import('./combine-latest.ts');
    return (context) => new CombineLatest(spec, operator.inputFields, context);
  },
  delay: async (spec) => {
    const { Delay } = await import('./delay.ts');
    return (context) => new Delay(spec, context);
  },
  distinct: async (spec) => {
    const { Distinct, DistinctLatest } = await import('./distinct.ts');
    const { max } = spec;
    return (context) =>
      max === undefined ? new Distinct(spec, context) : new DistinctLatest({ ...spec, max }, context);
  },
  dropNulls: refuse,
  fillNulls: refuse,
  flatten: async (spec) => {
    const { Flatten } = await import('./flatten.ts');
    return (context) => new Flatten(spec, context);
  },
  latest: async () => {
    const { Latest } = await import('./latest.ts');
    return (context) => new Latest(context);
  },
  makeStates: async ({ aggregate }) => {
    const { makeStates } = await import('../aggregate/exchange-states.ts');
    return (context) => makeStates(aggregate, context);
  },
  mergeOrdered: async (spec, operator) => {
    const { MergeOrdered } = await import('./merge-ordered.ts');
    return (context) => new MergeOrdered(spec, operator.inputFields, context);
  },
  mergeStates: async ({ aggregate, fields }) => {
    const { MergeStates } = await import('../aggregate/exchange-states.ts');
    return (context) => new MergeStates(aggregate, fields, context);
  },
  partition: async (spec) => {
    const { rows, by } = spec;
    if (rows === undefined || by.length === 0) {
      const { Partition } = await import('./partition.ts');
      return (context) => new Partition(spec, context);
    }
    const { KeyedPartition } = await import('./keyed-partition.ts');
    return (context) => new KeyedPartition({ ...spec, rows }, context);
  },
  partitionUnique: async (spec) => {
    const { PartitionUnique } = await import('./partition-unique.ts');
    return (context) => new PartitionUnique(spec, context);
  },
  rateLimit: async (spec) => {
    const { RateLimit } = await import('./rate-limit.ts');
    return (context) => new RateLimit(spec, context);
  },
  rename: async ({ names }) => {
    const { Projection } = await import('../projection.ts');
    const columns = names.map(({ column, as }) => ({ name: as, expression: { kind: 'col', name: column } as const }));
    return (context) => new Projection(columns, context);
  },
  reorder: async (spec) => {
    const { Reorder } = await import('./reorder.ts');
    return (context) => new Reorder(spec, context);
  },
  rolling: async (spec) => {
    const { Rolling } = await import('./rolling.ts');
    return (context) => new Rolling(spec, context);
  },
  shift: async (spec) => {
    if (spec.rows > 0) {
      const { Lag } = await import('./lag.ts');
      return (context) => new Lag(spec, context);
    }
    if (spec.by.length === 0) {
      const { Lead } = await import('./lead.ts');
      return (context) => new Lead(spec, context);
    }
    const { LeadByKey } = await import('./lead-by-key.ts');
    return (context) => new LeadByKey(spec, context);
  },
  slice: async (spec) => {
    const { Slice } = await import('./slice.ts');
    return (context) => new Slice(spec, context);
  },
  slidingWindow: async (spec) => {
    const { SlidingWindow } = await import('./sliding-window.ts');
    return (context) => new SlidingWindow(spec, context);
  },
  tail: async (spec) => {
    const { TailOfKeys, TailOfPeriod } = await import('./tail.ts');
    const { period, rows = 1 } = spec;
    return (context) =>
      period === undefined ? new TailOfKeys(spec, rows, context) : new TailOfPeriod(spec, period, context);
  },
  union: async ({ names }) => {
    const { Union } = await import('./union.ts');
    return (context) => new Union(names.length, context);
  },
  zip: async (spec, operator) => {
    const { Zip } = await import('./zip.ts');
    return (context) => new Zip(spec, operator.inputFields, context);
  },
};

function refuse(spec: StepSpec, { name }: StageOperator): never {
  throw new PipelineError('ERR_INTERNAL', `${name}: a ${spec.kind} becomes expressions when the plan is resolved`, {
    stage: name,
  });
}

/** Loads what runs a step. */
export function prepareStep(spec: StepSpec, operator: StageOperator): Promise<OperatorMaker> {
  return (LOADERS[spec.kind] as Loader<StepSpec>)(spec, operator);
}
