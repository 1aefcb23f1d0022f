/**
 * Joins that several lanes share: they take left batches in turns, as they take morsels of anything, and each of them gets all right rows.
 *
 * What keeps them from standing still: the lane with the lowest left batch needs right rows that every lane with a later one has had, so no
 * full edge of another lane keeps them from it; and a lane that waits for left rows gets them, since these do not depend on the right side. With
 * two such joins in one stage that would not hold: a lane could wait for the one while its full edge of the other keeps those from going on that it waits for.
 */
import { entangledInputs } from './entangled.ts';
import { type JoinSpec, joinTimes } from './join-fields.ts';
import type { ResolvedNode, ResolvedPlan } from './resolved.ts';
import { isVerified } from './verified-order.ts';

/**
 * The joins of a plan (by node) that may be shared, where
 *
 * - a left row gives one row at most, so that what a lane makes of a morsel is no more than a batch;
 * - the left rows were found in order before (no lane sees them all), and need no other unit;
 * - the inputs do not hang together, and all sources of the plan go on until their end, without waiting for what becomes of their rows;
 * - nobody's code is in the plan: a lane that waits for right rows in the middle of a batch cannot be saved, so after the death of a thread the
 *   run begins at its start.
 */
export function joinsOnLanes({ nodes }: ResolvedPlan): ReadonlySet<number> {
  const joins = nodes.filter((node) => isShareable(node, nodes));
  const isSafe = joins.length > 0 && nodes.every((node) => goesOn(node) && !isCodeOfUsers(node));
  return new Set(isSafe ? joins.map(({ id }) => id) : []);
}

function isShareable(node: ResolvedNode, nodes: readonly ResolvedNode[]): boolean {
  const { spec, inputFields } = node;
  if (spec.kind !== 'joinStream' || node.ownStage === true || !givesOneRow(spec)) return false;
  const column = spec.sides[0]?.on;
  return (
    column !== undefined &&
    isVerified(node, column, nodes) &&
    joinTimes(spec, inputFields).scales[0] === 1n &&
    !entangledInputs(node, nodes).includes(true)
  );
}

function givesOneRow({ strategy }: JoinSpec): boolean {
  return strategy === 'asof' || strategy === 'semi' || strategy === 'anti';
}

function goesOn({ spec }: ResolvedNode): boolean {
  return spec.kind !== 'source' || spec.source.type !== 'fed';
}

function isCodeOfUsers({ spec }: ResolvedNode): boolean {
  if (spec.kind === 'source') return spec.source.type === 'generated';
  if (spec.kind === 'aggStream')
    return spec.aggregations.some(({ columns }) => columns.some(({ custom }) => custom !== undefined));
  return spec.kind === 'op' || spec.kind === 'memoryAccumulate';
}
