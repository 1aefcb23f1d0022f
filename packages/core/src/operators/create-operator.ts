/** From an operator of a stage, as plain data, to the running operator. */

import { PipelineError } from '../errors.ts';
import type { AggregateColumn, AggregateSpec } from '../plan/logical.ts';
import type { StageOperator } from '../plan/physical.ts';
import { loadArrow } from '../schema/load-arrow.ts';
import { type AggregateDefinition, resolveAggregate } from './aggregate-definition.ts';
import { resolveFold } from './fold-definition.ts';
import { resolveOp } from './op-definition.ts';
import type { OperatorMaker } from './operator-maker.ts';
import { prepareStep } from './rows/prepare-step.ts';

/**
 * Loads what a stage's operator needs, its own code included, and gives its constructor, so that making and connecting operators can be done in
 * one go, when nothing can be missing any more.
 * @throws ERR_OP_IMPORT
 */
export async function prepareOperator(operator: StageOperator): Promise<OperatorMaker> {
  const { spec } = operator;
  switch (spec.kind) {
    case 'filter': {
      const { Filter } = await import('./filter.ts');
      return (context) => new Filter(spec.predicate, context);
    }
    case 'select':
    case 'withColumns': {
      const { Projection } = await import('./projection.ts');
      return (context) => new Projection(spec.columns, context);
    }
    case 'memoryBuffer': {
      const { MemoryBuffer } = await import('./memory-buffer.ts');
      return (context) => new MemoryBuffer(spec, context);
    }
    case 'op': {
      const [definition, arrow, { RegisteredOp }] = await Promise.all([
        resolveOp(spec.op),
        loadArrow(),
        import('./registered-op.ts'),
      ]);
      return (context) => new RegisteredOp(definition, spec, context, arrow);
    }
    case 'memoryAccumulate': {
      const [definition, arrow, { MemoryAccumulate }] = await Promise.all([
        resolveFold(spec.fold),
        loadArrow(),
        import('./memory-accumulate.ts'),
      ]);
      return (context) => new MemoryAccumulate(definition, spec, context, arrow);
    }
    case 'sort': {
      const { Sort } = await import('./sort/sort.ts');
      return (context) => new Sort(spec, context);
    }
    case 'aggStream':
      return prepareAggregate(spec, operator.half);
    case 'joinStream': {
      const Join = await joinOf(spec);
      const { SharedJoin } = await import('./join/shared-join.ts');
      return (context) => {
        const join = new Join(spec, operator.inputFields, context);
        return context.side === undefined ? join : new SharedJoin(join, context.side);
      };
    }
    case 'source':
    case 'sink':
      throw new PipelineError('ERR_INTERNAL', `${operator.name}: a ${spec.kind} is no operator of a stage`, {
        stage: operator.name,
      });
    default:
      return prepareStep(spec, operator);
  }
}

async function prepareAggregate(spec: AggregateSpec, half: StageOperator['half']): Promise<OperatorMaker> {
  // Loaded when there is an aggregate: it is most of the code of a stage.
  const aggregate = await import('./aggregate/create-aggregate.ts');
  if (half === 'partial') return (context) => aggregate.createAggregatePartial(spec, context);
  if (half === 'final') return (context) => aggregate.createAggregateFinal(spec, context);
  const definitions = new Map<AggregateColumn, AggregateDefinition>();
  for (const column of spec.aggregations.flatMap(({ columns }) => columns))
    if (column.custom !== undefined) definitions.set(column, await resolveAggregate(column.custom.ref));
  return (context) => aggregate.createAggregateWhole(spec, context, definitions);
}

type Joins = Extract<StageOperator['spec'], { kind: 'joinStream' }>;

/** Each kind of join is loaded where there is one. */
async function joinOf({ strategy, direction = 'backward' }: Joins) {
  if (strategy === 'full') return (await import('./join/full-join.ts')).FullJoin;
  if (strategy === 'interval' || (strategy === 'asof' && direction !== 'backward'))
    return (await import('./join/window-join.ts')).WindowJoin;
  return strategy === 'asof'
    ? (await import('./join/asof-join.ts')).AsofJoin
    : (await import('./join/merge-join.ts')).MergeJoin;
}
