/** How each kind of operator crosses a cut between partitions. */
import { isMergeable } from '../operators/windows/columns.ts';
import type { AggregateSpec, OperatorSpec } from '../plan/logical.ts';
import type { ResolvedNode } from '../plan/resolved.ts';
import type { RollingSpec, ShiftSpec, TailSpec } from '../plan/steps/specs.ts';
import { hasTraits, traitsOf } from '../plan/steps/traits.ts';
import type { RangeKey } from './contract.ts';
import { rangeKey } from './key-order.ts';

/**
 * `stateless`: what it gives for rows depends on them alone, so it runs in every partition. `mergeable`: states of the partitions are merged
 * exactly, in their order. `twice`: `first` runs in every partition and leaves less to do, or less to send, for the step itself, which runs over
 * their results at the end. `ranges`: in every partition, and the rows go on in ranges of its values. `tail`: in every partition, behind the last rows of those before. `order`: what it gives depends on rows of other partitions, so it runs at the end.
 */
export type OperatorCrossing =
  | { kind: 'stateless' | 'mergeable' }
  | { kind: 'twice'; first: OperatorSpec }
  | { kind: 'ranges'; key: RangeKey }
  /** It looks back no further than these rows. */
  | { kind: 'tail'; tail: TailSpec }
  /** `reason`: as the rest of a sentence. */
  | { kind: 'order'; reason: string };

const STATELESS: OperatorCrossing = { kind: 'stateless' };

function atTheEnd(reason: string): OperatorCrossing {
  return { kind: 'order', reason };
}

/** How a step whose input is cut goes on. */
export function crossingOf(node: ResolvedNode): OperatorCrossing {
  const { spec, inputs } = node;
  if (inputs.length !== 1) return atTheEnd('takes rows of several streams');
  switch (spec.kind) {
    case 'filter':
    case 'select':
    case 'withColumns':
      return STATELESS;
    case 'sink':
      return atTheEnd('writes once');
    case 'op':
      if (!spec.stateless) return atTheEnd('may keep state: declare the op stateless where it does not');
      return spec.observesBatches || hasTriggers(spec.triggers) ? atTheEnd('sees batches') : STATELESS;
    case 'aggStream':
      return aggregateCrossing(node, spec);
    case 'sort': {
      const key = node.emissionsVisible ? undefined : rangeKey(spec.by, node.inputFields[0] ?? []);
      // Stable: what is sorted already is one run of the sort at the end.
      return key === undefined ? { kind: 'twice', first: spec } : { kind: 'ranges', key };
    }
    case 'distinct':
      if (spec.max === undefined) return { kind: 'twice', first: spec };
      return atTheEnd('remembers the latest keys');
    case 'memoryBuffer':
      return node.emissionsVisible ? atTheEnd('cuts batches that are seen') : STATELESS;
    case 'shift':
    case 'rolling':
      return tailCrossing(node, spec);
    case 'slice':
      if (spec.to !== undefined) return { kind: 'twice', first: { ...spec, from: 0, step: 1 } };
      return atTheEnd('counts rows');
    default:
      return hasTraits(spec) && traitsOf(spec).isStateless ? STATELESS : atTheEnd('depends on the rows before');
  }
}

function aggregateCrossing(
  { emissionsVisible }: ResolvedNode,
  { aggregations, triggers, accumulate }: AggregateSpec,
): OperatorCrossing {
  const other = aggregations.find((aggregation) => !isMergeable(aggregation));
  if (other !== undefined) return atTheEnd(`"${other.name}" has states that cannot be merged exactly`);
  if (emissionsVisible && (hasTriggers(triggers) || !accumulate)) return atTheEnd('flushes where its batches are seen');
  return { kind: 'mergeable' };
}

/** What it gives for a row depends on some rows before it, whatever was before these: rolling sums are exact. */
function tailCrossing({ emissionsVisible }: ResolvedNode, spec: ShiftSpec | RollingSpec): OperatorCrossing {
  if (emissionsVisible) return atTheEnd('keeps batches that are seen');
  const { rows, by } = spec;
  if (spec.kind === 'shift')
    return spec.rows > 0
      ? { kind: 'tail', tail: { kind: 'tail', rows: spec.rows, by } }
      : atTheEnd('looks at rows behind');
  const { period, on } = spec;
  if (period !== undefined && on !== undefined) return { kind: 'tail', tail: { kind: 'tail', period, on, by: [] } };
  if (rows === undefined) return atTheEnd('depends on all rows before');
  return { kind: 'tail', tail: { kind: 'tail', rows: Math.max(1, rows - 1), by } };
}

function hasTriggers(triggers: object): boolean {
  return Object.values(triggers).some((trigger) => trigger !== undefined);
}

/** What a partition of the left side of a join needs of the right side beside the rows around its own. */
export interface Halo {
  /** The last row of each key of the partitions before; the first one of those behind. */
  before: boolean;
  after: boolean;
}

/** How a join crosses a cut of its left side. `reason`: why it does not. */
export function haloOf({ spec }: ResolvedNode): Halo | { reason: string } {
  if (spec.kind !== 'joinStream') return { reason: 'is no join' };
  const { strategy, direction = 'backward' } = spec;
  if (strategy === 'full') return { reason: 'gives right rows without a match once, wherever they are' };
  if (strategy !== 'asof') return { before: false, after: false };
  return { before: direction !== 'forward', after: direction !== 'backward' };
}
