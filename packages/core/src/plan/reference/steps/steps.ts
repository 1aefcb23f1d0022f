/** The smaller steps, on plain rows: all rows are kept where that is simpler, nothing is clever. */
import { PipelineError } from '../../../errors.ts';
import type { StepSpec } from '../../steps/specs.ts';
import type { OperatorParts, ReferenceOperator } from '../contract.ts';
import { collectUntilFlush, combineLatest, mergeOrdered, union, zip } from './combining.ts';
import { distinct, flatten, partition, partitionUnique, slice } from './cutting.ts';
import { reorder, rolling, shift, slidingWindow } from './neighbours.ts';
import { rowWise } from './step-parts.ts';

/** Makes one of the steps that `traits.ts` lists. */
export function referenceStep(spec: StepSpec, parts: OperatorParts): ReferenceOperator {
  switch (spec.kind) {
    case 'slidingWindow':
      return slidingWindow(spec, parts);
    case 'rename':
      return rowWise((rows) => rows, parts);
    case 'flatten':
      return flatten(spec, parts);
    case 'slice':
      return slice(spec, parts);
    case 'distinct':
      return distinct(spec, parts);
    case 'partition':
      return partition(spec, parts);
    case 'partitionUnique':
      return partitionUnique(spec, parts);
    case 'shift':
      return shift(spec, parts);
    case 'reorder':
      return reorder(spec, parts);
    case 'rolling':
      return rolling(spec, parts);
    case 'delay':
    case 'rateLimit':
    case 'latest':
      // What they do is a matter of time: here nothing comes late, and nothing is too slow.
      return rowWise((rows) => rows, parts);
    case 'union':
      return union(parts);
    case 'mergeOrdered':
      return mergeOrdered(spec, parts);
    case 'zip':
      return zip(parts);
    case 'combineLatest':
      return combineLatest(spec, parts);
    case 'collectUntilFlush':
      return collectUntilFlush(parts);
    case 'makeStates':
    case 'mergeStates':
    case 'tail':
      throw new PipelineError('ERR_INTERNAL', `${parts.node.name}: half of a plan that was cut`);
    case 'dropNulls':
    case 'fillNulls':
      throw new PipelineError('ERR_INTERNAL', `${parts.node.name}: becomes expressions when the plan is resolved`);
  }
}
