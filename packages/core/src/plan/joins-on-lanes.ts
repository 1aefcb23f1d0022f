/**
 * Joins that several lanes share: they take left batches in turns, as they take morsels of anything, and each of them gets all right rows.
 *
 * What keeps them from standing still: whoever brings the right rows gives each batch to all lanes before the next one. The lane with the lowest left
 * batch may need more of them while the edge of another one is full. That one waits for left rows, which come, since they do not depend on the
 * right side; or it has none left, and empties its edge; or it is in the middle of a later left batch, for which it has had all right rows that an
 * earlier one needs; or it waits for room in its output, or for what lies beside the join, and takes right rows meanwhile (`takeWhile`: batches that a filter left
 * without rows need none, and so a lane may run far ahead). With two such joins in one stage a lane could wait for the one in the middle of a batch,
 * while its full edge of the other keeps those from going on that it waits for.
 */
import { joinTimes } from '../operators/join/join-times.ts';
import { entangledInputs } from './entangled.ts';
import type { JoinSpec } from './logical.ts';
import type { ResolvedNode, ResolvedPlan } from './resolved.ts';
import { isVerified } from './verified-order.ts';

/**
 * The joins of a plan (by node) that may be shared, where
 *
 * - a left row gives one row at most, so that what a lane makes of a morsel is no more than a batch, and needs no right row behind it, which another one might not want;
 * - the left rows were found in order before (no lane sees them all), and need no other unit;
 * - the right side, which every lane goes through, has at most half as many rows as the left one, as far as sources can tell;
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
    !entangledInputs(node, nodes).includes(true) &&
    rowsBehind(node, 0, nodes) >= LEAST_LEFT_TIMES * rowsBehind(node, 1, nodes)
  );
}

/** How many times the right rows the left ones are at least. */
const LEAST_LEFT_TIMES = 2;

/** Rows of the sources that an input comes from, before anything is left out of them; of a join those of its left side. */
function rowsBehind(node: ResolvedNode, input: number, nodes: readonly ResolvedNode[]): number {
  const from = nodes.find(({ id }) => id === node.inputs[input]?.node);
  if (from === undefined) return 0;
  if (from.spec.kind === 'source') return rowsOfSource(from);
  const inputs = from.spec.kind === 'joinStream' ? [0] : [...from.inputs.keys()];
  return inputs.reduce((sum, index) => sum + rowsBehind(from, index, nodes), 0);
}

/** A value of text is taken for so many bytes. */
const TEXT_VALUE_BYTES = 8;

function rowsOfSource({ spec, files = [], outputFields }: ResolvedNode): number {
  if (spec.kind !== 'source') return 0;
  const { source } = spec;
  switch (source.type) {
    case 'shared':
      return source.rows;
    case 'parquet':
      return files.reduce((sum, file) => sum + file.rows, 0);
    case 'arrow':
      return source.files.reduce((sum, file) => sum + file.rows, 0);
    case 'text': {
      const columns = Math.max(1, outputFields['out']?.length ?? 0);
      return source.files.reduce((sum, { bytes }) => sum + bytes, 0) / (columns * TEXT_VALUE_BYTES);
    }
    default:
      return 0;
  }
}

function givesOneRow({ strategy, direction = 'backward' }: JoinSpec): boolean {
  return (strategy === 'asof' && direction === 'backward') || strategy === 'semi' || strategy === 'anti';
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
