import { PipelineError } from '../../errors.ts';
import type { StageOperator } from '../../plan/physical.ts';
import type { StepSpec } from '../../plan/steps/specs.ts';
import type { OperatorMaker } from '../operator-maker.ts';

/** Loads what runs a step: each kind is a module of its own, and a lane loads those of its stage. */
export async function prepareStep(spec: StepSpec, operator: StageOperator): Promise<OperatorMaker> {
  switch (spec.kind) {
    case 'slidingWindow': {
      const { SlidingWindow } = await import('./sliding-window.ts');
      return (context) => new SlidingWindow(spec, context);
    }
    case 'rename': {
      const { Projection } = await import('../projection.ts');
      const columns = spec.names.map(({ column, as }) => ({
        name: as,
        expression: { kind: 'col', name: column } as const,
      }));
      return (context) => new Projection(columns, context);
    }
    case 'flatten': {
      const { Flatten } = await import('./flatten.ts');
      return (context) => new Flatten(spec, context);
    }
    case 'slice': {
      const { Slice } = await import('./slice.ts');
      return (context) => new Slice(spec, context);
    }
    case 'distinct': {
      const { Distinct } = await import('./distinct.ts');
      return (context) => new Distinct(spec, context);
    }
    case 'partition':
      return preparePartition(spec);
    case 'partitionUnique': {
      const { PartitionUnique } = await import('./partition-unique.ts');
      return (context) => new PartitionUnique(spec, context);
    }
    case 'shift': {
      const { Lag, Lead } = await import('./shift.ts');
      return (context) => (spec.rows > 0 ? new Lag(spec, context) : new Lead(spec, context));
    }
    case 'union': {
      const { Union } = await import('./union.ts');
      return (context) => new Union(spec.names.length, context);
    }
    case 'mergeOrdered': {
      const { MergeOrdered } = await import('./merge-ordered.ts');
      return (context) => new MergeOrdered(spec, operator.inputFields, context);
    }
    case 'zip': {
      const { Zip } = await import('./zip.ts');
      return (context) => new Zip(spec, operator.inputFields, context);
    }
    case 'combineLatest': {
      const { CombineLatest } = await import('./combine-latest.ts');
      return (context) => new CombineLatest(spec, operator.inputFields, context);
    }
    case 'collectUntilFlush': {
      const { CollectUntilFlush } = await import('./collect-until-flush.ts');
      return (context) => new CollectUntilFlush(spec, context);
    }
    case 'dropNulls':
    case 'fillNulls':
      throw new PipelineError(
        'ERR_INTERNAL',
        `${operator.name}: a ${spec.kind} becomes expressions when the plan is resolved`,
        {
          stage: operator.name,
        },
      );
  }
}

async function preparePartition(spec: Extract<StepSpec, { kind: 'partition' }>): Promise<OperatorMaker> {
  const { rows, by } = spec;
  if (rows === undefined || by.length === 0) {
    const { Partition } = await import('./partition.ts');
    return (context) => new Partition(spec, context);
  }
  const { KeyedPartition } = await import('./keyed-partition.ts');
  return (context) => new KeyedPartition({ ...spec, rows }, context);
}
